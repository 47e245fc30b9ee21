# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""repository_key and the reading of OpenPGP keys. The key is NVIDIA's own, from NVIDIA/nvidia-docker (gpgkey)."""

from __future__ import annotations

import base64
import random
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args
from ansible_collections.llmfleet.gateway.plugins.module_utils._host import openpgp
from ansible_collections.llmfleet.gateway.plugins.modules import repository_key as module

TEXT = (Path(__file__).parents[2] / "data/keys/nvidia.asc").read_bytes()
NVIDIA = "C95B321B61E88C1809C4F759DDCAE044F796ECB0"
LINES = TEXT.decode().splitlines()
BINARY = base64.b64decode("".join(line for line in LINES if line and not line.startswith(("-", "="))))


def key(seed: int, version: int = 4, newer: bool = False) -> bytes:
    """A packet of a public key; what is in it does not matter here."""
    body = bytes([version]) + random.Random(seed).randbytes(300)
    if newer:
        return bytes([0xC6, ((len(body) - 192) >> 8) + 192, (len(body) - 192) & 0xFF]) + body
    return bytes([0x99]) + len(body).to_bytes(2, "big") + body


@pytest.mark.parametrize("raw", [TEXT, BINARY, TEXT.replace(b"\n", b"\r\n"), b"Comment\n" + TEXT])
def test_the_fingerprint_is_the_published_one(raw: bytes) -> None:
    assert openpgp.fingerprints(raw) == [NVIDIA]


def test_armour_with_headers_and_without_checksum() -> None:
    head, body = TEXT.split(b"\n\n", 1)
    assert openpgp.fingerprints(head + b"\nVersion: GnuPG v2\nComment: x\n\n" + body) == [NVIDIA]
    without = b"\n".join(line for line in TEXT.splitlines() if not line.startswith(b"="))
    assert openpgp.fingerprints(without) == [NVIDIA]


def test_every_primary_key_is_told() -> None:
    assert len(openpgp.fingerprints(BINARY + key(1))) == 2
    assert len(openpgp.fingerprints(TEXT + TEXT)) == 2
    assert len(openpgp.fingerprints(key(1, 6, newer=True))[0]) == 64


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>404</html>",
        TEXT[:900],
        TEXT.replace(b"mQIN", b"m"),
        BINARY[:40],
        key(1, 3),
        b"\xc6\xff",
        b"\x9b\x04",
    ],
)
def test_what_is_no_key_is_refused(raw: bytes) -> None:
    with pytest.raises(openpgp.KeyFormatError):
        openpgp.fingerprints(raw)


@pytest.mark.parametrize("seed", range(60))
def test_damage_never_gives_another_error(seed: int) -> None:
    chance, raw = random.Random(seed), bytearray(BINARY)
    for _change in range(5):
        raw[chance.randrange(60)] = chance.randrange(256)
    try:
        openpgp.fingerprints(bytes(raw))
    except openpgp.KeyFormatError:
        pass


def test_fingerprints_by_file(tmp_path: Path) -> None:
    (tmp_path / "good").write_bytes(TEXT)
    (tmp_path / "bad").write_bytes(b"nonsense")
    paths = [str(tmp_path / name) for name in ("good", "bad", "absent")]
    assert openpgp.fingerprints_of(paths) == {paths[0]: [NVIDIA], paths[1]: []}


class Exited(Exception):
    """What the module said at its end."""


class Host:
    """A host with an address that answers with a key."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.dest = root / "keyrings" / "key.asc"
        self.answer = TEXT
        monkeypatch.setattr(module, "download", lambda url, timeout: self.answer)
        monkeypatch.setattr(basic.AnsibleModule, "exit_json", self.leave)
        monkeypatch.setattr(basic.AnsibleModule, "fail_json", self.leave)

    @staticmethod
    def leave(_module: Any, **result: Any) -> None:
        raise Exited(result)

    def run(self, check: bool = False, **options: Any) -> dict[str, Any]:
        args = {"url": "https://x/gpgkey", "dest": str(self.dest), "fingerprint": NVIDIA, **options}
        with patch_module_args({**args, "_ansible_check_mode": check}), pytest.raises(Exited) as left:
            module.main()
        return left.value.args[0]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def test_the_expected_key_is_written_once(host: Host) -> None:
    assert host.run(check=True)["changed"] is True and not host.dest.exists()
    assert host.run(fingerprint=NVIDIA.lower())["changed"] is True
    assert host.dest.read_bytes() == TEXT and host.dest.stat().st_mode & 0o777 == 0o644
    assert host.run()["changed"] is False


@pytest.mark.parametrize("answer", [key(1), BINARY + key(1), b"<html>", b"x" * (module.LARGEST + 1)])
def test_another_key_is_not_written(host: Host, answer: bytes) -> None:
    host.answer = answer
    result = host.run()
    assert "https://x/gpgkey" in result["msg"] and not host.dest.exists()


def test_an_empty_fingerprint_takes_any_key(host: Host) -> None:
    host.answer = key(1)
    assert host.run(fingerprint="")["changed"] is True
    host.answer = b"<html>"
    assert "is no key" in host.run(fingerprint="")["msg"]


def test_a_checksum_is_checked_as_well(host: Host) -> None:
    assert "SHA-256" in host.run(checksum="0" * 64)["msg"] and not host.dest.exists()


def test_an_address_that_does_not_answer() -> None:
    with pytest.raises(module.KeyRefused, match="can't be downloaded"):
        module.download("http://127.0.0.1:9/gpgkey", 1)
