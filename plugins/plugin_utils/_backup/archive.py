# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An archive: a tar of the manifest, the dump, the declaration and the certificates, encrypted by age for given recipients.

The host has no key that opens it. That an encrypted archive can be opened is proved before it counts: it is also encrypted for a key that
is made in memory and forgotten, and read back with that one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import subprocess
import tarfile
import typing as t

from .postgres import run
from .settings import BackupError

MANIFEST, DUMP, DECLARATION, CERTIFICATES = "manifest.json", "database.dump", "declaration.json", "certificates.tar"
FORMAT = 1
BLOCK = 1024 * 1024
AGE_SIGN = b"age-encryption.org/"


def sha256(path: str) -> str:
    with open(path, "rb") as handle:
        return _digest(handle)


def _digest(stream: t.IO[bytes], target: t.IO[bytes] | None = None) -> str:
    found = hashlib.sha256()
    for block in iter(lambda: stream.read(BLOCK), b""):
        found.update(block)
        if target:
            target.write(block)
    return found.hexdigest()


def part(path: str) -> dict[str, t.Any]:
    """What the manifest says of a file."""
    return {"bytes": os.path.getsize(path), "sha256": sha256(path)}


def pack_certificates(folders: t.Iterable[str], target: str) -> int:
    """Certificates with their keys, by their whole paths and with their owners; how many files there are."""
    with tarfile.open(target, "w") as archive:
        for folder in folders:
            if os.path.isdir(folder):
                archive.add(folder, filter=lambda one: one if one.isfile() or one.isdir() else None)
        return sum(1 for one in archive.getmembers() if one.isfile())


# ---- writing


class Ephemeral(t.NamedTuple):
    """A key pair of age in memory."""

    identity: str
    recipient: str


def ephemeral() -> Ephemeral:
    text = run(["age-keygen"])
    found = re.search(r"public key: (age1\w+)", text)
    if not found:
        raise BackupError("age-keygen gave no key. Install the distribution's package age again.")
    return Ephemeral(text, found[1])


def write(folder: str, manifest: t.Mapping[str, t.Any], recipients: t.Sequence[str], target: str) -> None:
    """The archive from the parts in a folder."""
    with open(os.path.join(folder, MANIFEST), "w", encoding="utf-8") as handle:
        json.dump(manifest, handle, indent=1)
    with open(target, "wb") as out:
        if recipients:
            _encrypted(folder, manifest, recipients, out)
        else:
            _tar(folder, manifest, out)
        out.flush()
        os.fsync(out.fileno())


def piped(stream: t.IO[t.AnyStr] | None) -> t.IO[t.AnyStr]:
    """A stream of a process that was started with a pipe for it, which Popen's type does not know."""
    return t.cast("t.IO[t.AnyStr]", stream)


def _encrypted(folder: str, manifest: t.Mapping[str, t.Any], recipients: t.Sequence[str], out: t.IO[bytes]) -> None:
    listed = os.path.join(folder, "recipients")
    with open(listed, "w", encoding="utf-8") as handle:
        handle.write("\n".join(recipients) + "\n")
    with subprocess.Popen(
        ["age", "--recipients-file", listed], stdin=subprocess.PIPE, stdout=out, stderr=subprocess.PIPE
    ) as age:
        stdin, stderr = piped(age.stdin), piped(age.stderr)
        with contextlib.suppress(BrokenPipeError):
            _tar(folder, manifest, stdin)
            stdin.close()
        said = stderr.read().decode(errors="replace").strip()
    if age.returncode != 0:
        raise BackupError(f"age could not encrypt: {said}. Check backup_recipients and the room on the disk.")


def _tar(folder: str, manifest: t.Mapping[str, t.Any], out: t.IO[bytes]) -> None:
    with tarfile.open(fileobj=out, mode="w|") as archive:
        for name in (MANIFEST, *manifest["parts"]):
            archive.add(os.path.join(folder, name), arcname=name)


# ---- reading


@contextlib.contextmanager
def _opened(path: str, identity: str) -> t.Iterator[t.IO[bytes]]:
    """The tar of an archive. What age says comes as BackupError when the stream has been read."""
    with open(path, "rb") as handle:
        encrypted = handle.read(len(AGE_SIGN)) == AGE_SIGN
        handle.seek(0)
        if not encrypted:
            yield handle
            return
    if not identity:
        raise BackupError(f"{os.path.basename(path)} is encrypted. Give the identity that opens it: -e identity=FILE.")
    age = subprocess.Popen(
        ["age", "--decrypt", "--identity", "-", path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    stdin, stdout, stderr = piped(age.stdin), piped(age.stdout), piped(age.stderr)
    try:
        with contextlib.suppress(BrokenPipeError):
            stdin.write(identity.encode())
            stdin.close()
        yield stdout
        stdout.read()
        said = stderr.read().decode(errors="replace").strip()
        if age.wait() != 0:
            raise BackupError(
                f"age can't open {os.path.basename(path)}: {said}. It is damaged, or the identity is another one's."
            )
    finally:
        stdout.close()
        if age.poll() is None:
            age.kill()
        age.wait()


def unpack(path: str, identity: str, folder: str | None) -> dict[str, t.Any]:
    """Reads all of an archive, compares every part with the manifest, and returns that. The parts go into the folder, if there is one."""
    try:
        with _opened(path, identity) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            return _parts(archive, folder)
    except (tarfile.TarError, ValueError, KeyError, EOFError) as exc:
        if _is_encrypted(path):
            _why_age_fails(path, identity)
        raise damaged(path, str(exc)) from exc


def _is_encrypted(path: str) -> bool:
    with open(path, "rb") as handle:
        return handle.read(len(AGE_SIGN)) == AGE_SIGN


def _why_age_fails(path: str, identity: str) -> None:
    """Its own words, where a stream that broke off said less."""
    with _opened(path, identity) as stream:
        for _block in iter(lambda: stream.read(BLOCK), b""):
            pass


def damaged(path: str, why: str) -> BackupError:
    return BackupError(
        f"{os.path.basename(path)} is damaged ({why}). Nothing was changed. Take another backup, or the copy that is kept elsewhere."
    )


def _parts(archive: tarfile.TarFile, folder: str | None) -> dict[str, t.Any]:
    manifest: dict[str, t.Any] = {}
    seen = {}
    for member in archive:
        stream = archive.extractfile(member)
        if stream is None:
            raise ValueError(f"{member.name} is no file")
        if not manifest:
            manifest = _manifest(member.name, stream)
            continue
        if member.name not in manifest["parts"]:
            raise ValueError(f"{member.name} is not in its manifest")
        seen[member.name] = _part(stream, os.path.join(folder, member.name) if folder else None)
    for name, told in manifest.get("parts", {"": None}).items():
        if told is None or seen.get(name) != told["sha256"]:
            raise ValueError(f"{name or MANIFEST} is missing or has another checksum")
    return manifest


def _manifest(name: str, stream: t.IO[bytes]) -> dict[str, t.Any]:
    if name != MANIFEST:
        raise ValueError("it does not begin with a manifest")
    found = json.loads(stream.read(64 * BLOCK))
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ValueError("its manifest is none of this release's")
    if not set(found["parts"]) <= {DUMP, DECLARATION, CERTIFICATES} or DUMP not in found["parts"]:
        raise ValueError("its manifest names other parts than a backup has")
    return found


def _part(stream: t.IO[bytes], target: str | None) -> str:
    if target is None:
        return _digest(stream)
    with open(target, "wb") as handle:
        return _digest(stream, handle)


def restore_certificates(path: str, allowed: t.Sequence[str]) -> list[str]:
    """Puts back files of these folders that are not there. What is there is newer, or somebody's."""
    made = []
    with tarfile.open(path) as archive:
        for member in sorted(archive.getmembers(), key=lambda one: one.name):
            target = os.path.normpath("/" + member.name)
            if not any(target == one or target.startswith(one + "/") for one in allowed) or os.path.lexists(target):
                continue
            if member.isdir():
                os.makedirs(target, mode=0o700, exist_ok=True)
            elif member.isfile() and os.path.isdir(os.path.dirname(target)):
                with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
                    _digest(t.cast("t.IO[bytes]", archive.extractfile(member)), handle)
                made.append(target)
            else:
                continue
            os.chown(target, member.uid, member.gid)
            os.chmod(target, member.mode & 0o777)
    return made
