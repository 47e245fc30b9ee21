# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the raw value of a key is kept: in a file, private and written in one step. The controller's stores build on this."""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
import time
import urllib.parse

from .errors import StoreError
from .values import digest

MODE = 0o600
#: How long a run that has made the file may take to write into it, before another one takes it for left behind.
CLAIM_SECONDS = 2.0


def mint() -> str:
    """A new raw key, in the form of LiteLLM's own and of the strength of the sha256 that it keeps."""
    return f"sk-{secrets.token_urlsafe(32)}"


def key_path(directory: str, alias: str) -> str:
    """The file of one key among many."""
    return os.path.join(directory, f"{file_name(alias)}.key")


def file_name(alias: str) -> str:
    """An alias as the name of a file or secret: no alias leads elsewhere."""
    return urllib.parse.quote(alias, safe=" @+=,")


class FileStore:
    """A file of mode 0600 that holds one raw key and nothing else."""

    def __init__(self, path: str, make_directory: bool = False) -> None:
        self.path = os.path.abspath(os.path.expanduser(path))
        self.make_directory = make_directory

    def beside(self) -> FileStore:
        """Where the value of a successor waits until its key is made."""
        return type(self)(f"{self.path}.next", self.make_directory)

    def _decoded(self, content: str) -> str:
        return content

    def _encoded(self, raw: str) -> str:
        return raw

    def new_value(self) -> str:
        self.check_writable()
        return mint()

    def read(self) -> str | None:
        try:
            with open(self.path, encoding="utf-8") as stream:
                content = self._decoded(stream.read().strip())
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as exc:
            raise StoreError(f"cannot read the store {self.path}: {_reason(exc)}") from exc
        if content and (not content.startswith("sk-") or len(content.split()) > 1):
            raise StoreError(f"{self.path} holds something that is no LiteLLM key; it is left alone")
        return content or None

    def holds(self, token: str) -> bool:
        raw = self.read()
        return raw is not None and digest(raw) == token

    def is_private(self) -> bool:
        return not os.path.exists(self.path) or stat.S_IMODE(os.stat(self.path).st_mode) == MODE

    def check_writable(self) -> None:
        """Find out before anything is created, and without writing, whether the key could be stored."""
        directory = os.path.dirname(self.path)
        if self.make_directory and not os.path.exists(directory):
            directory = os.path.dirname(directory)
        if os.path.isdir(self.path):
            raise StoreError(f"cannot write the store {self.path}: it is a directory")
        if not os.path.isdir(directory):
            raise StoreError(f"cannot write the store {self.path}: there is no directory {directory}")
        if not os.access(directory, os.W_OK | os.X_OK):
            raise StoreError(f"cannot write the store {self.path}: no permission to write in {directory}")

    def write(self, raw: str) -> None:
        """Put the key in place in one step: a reader sees the old content or the new, never a part."""
        self._prepare_directory()
        try:
            handle, temporary = tempfile.mkstemp(dir=os.path.dirname(self.path), prefix=".litellm-key-")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as stream:
                    stream.write(self._encoded(raw) + "\n")
                    stream.flush()
                    os.fsync(stream.fileno())
                os.chmod(temporary, MODE)
                os.replace(temporary, self.path)
            except OSError:
                os.unlink(temporary)
                raise
        except OSError as exc:
            raise StoreError(f"cannot write the store {self.path}: {_reason(exc)}") from exc

    def _prepare_directory(self) -> None:
        if not self.make_directory:
            return
        try:
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
        except OSError as exc:
            raise StoreError(f"cannot make the directory of the store {self.path}: {_reason(exc)}") from exc

    def claim(self, raw: str) -> str:
        """Write a new key unless another run was first; the key that is now stored is the answer."""
        self._prepare_directory()
        try:
            handle = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, MODE)
        except FileExistsError:
            stored = self._awaited()
            if stored is None:
                self.write(raw)
            return stored or raw
        except OSError as exc:
            raise StoreError(f"cannot write the store {self.path}: {_reason(exc)}") from exc
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(self._encoded(raw) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        return raw

    def _awaited(self) -> str | None:
        """What the run writes that made the file; none where the file stays empty."""
        end = time.monotonic() + CLAIM_SECONDS
        while (stored := self.read()) is None and time.monotonic() < end:
            time.sleep(0.05)
        return stored

    def remove(self) -> bool:
        if self.read() is None and not os.path.exists(self.path):
            return False
        try:
            os.unlink(self.path)
        except OSError as exc:
            raise StoreError(f"cannot remove the store {self.path}: {_reason(exc)}") from exc
        return True


def _reason(exc: Exception) -> str:
    return getattr(exc, "strerror", None) or type(exc).__name__
