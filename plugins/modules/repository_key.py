#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: repository_key
short_description: Download a package repository's key, if it is the expected one
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Downloads an OpenPGP key and writes it only when the fingerprints of its primary keys are the expected ones, so that what a mirror
    or a proxy says can't make root trust another one.
  - A key that is extended or gets a new subkey keeps its fingerprint, which its checksum does not. Needs no C(gpg) on the host.
options:
  url:
    description: Where the key is downloaded from.
    type: str
    required: true
  dest:
    description: The file. Its directory is made when it is missing.
    type: path
    required: true
  fingerprint:
    description:
      - Fingerprint of the primary key, 40 or 64 hexadecimal digits. A file with other keys as well is refused.
      - An empty text takes any key, which leaves it to the connection that the key is the right one.
    type: str
    required: true
  checksum:
    description: SHA-256 of the file, where it is known too.
    type: str
    default: ''
  timeout:
    description: Seconds.
    type: float
    default: 30
attributes:
  check_mode:
    description: Downloads the key and says whether it would be written, without writing it.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
  idempotent:
    description: A file that holds the same key is left as it is.
    support: full
"""

EXAMPLES = r"""
- name: Trust Docker's key for Enterprise Linux
  llmfleet.gateway.repository_key:
    url: https://download.docker.com/linux/rhel/gpg
    dest: /etc/pki/rpm-gpg/RPM-GPG-KEY-docker-ce
    fingerprint: 060A61C51B558A7F742B77AAC52FEB6B621E9F35
"""

RETURN = r"""
fingerprints:
  description: Fingerprints of the primary keys in the file.
  returned: success
  type: list
  elements: str
"""

import hashlib
import os
import tempfile
import urllib.error

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import open_url
from ansible_collections.llmfleet.gateway.plugins.module_utils._host.openpgp import KeyFormatError, fingerprints

LARGEST = 1024 * 1024
ARGUMENTS = {
    "url": {"type": "str", "required": True},
    "dest": {"type": "path", "required": True},
    "fingerprint": {"type": "str", "required": True, "no_log": False},
    "checksum": {"type": "str", "default": ""},
    "timeout": {"type": "float", "default": 30},
}


class KeyRefused(Exception):
    """The key is not the expected one, or can't be had."""


def download(url: str, timeout: float) -> bytes:
    """The file behind an address."""
    try:
        with open_url(url, timeout=timeout) as answer:
            return bytes(answer.read(LARGEST + 1))
    except (urllib.error.URLError, OSError, ValueError) as exc:
        raise KeyRefused(f"{url} can't be downloaded: {getattr(exc, 'reason', '') or exc}") from exc


def check(raw: bytes, url: str, expected: str, checksum: str) -> list[str]:
    """The fingerprints of a key, if they are the expected ones."""
    if len(raw) > LARGEST:
        raise KeyRefused(f"what {url} answers is too large for a key")
    try:
        found = fingerprints(raw)
    except KeyFormatError as exc:
        raise KeyRefused(f"what {url} answers is no key: {exc}") from exc
    wanted = expected.replace(" ", "").upper()
    if wanted and set(found) != {wanted}:
        raise KeyRefused(
            f"{url} has the key {', '.join(found)} instead of {wanted}; nothing was written. Where the owner of the repository has "
            "published a new key, declare its fingerprint"
        )
    digest = hashlib.sha256(raw).hexdigest()
    if checksum and digest != checksum:
        raise KeyRefused(f"{url} has the SHA-256 {digest} instead of {checksum}; nothing was written")
    return found


def write(module: AnsibleModule, raw: bytes, path: str) -> None:
    """Replaces the file; everybody may read a public key, apt's own user has to."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    handle, staged = tempfile.mkstemp(dir=module.tmpdir)
    with os.fdopen(handle, "wb") as stream:
        stream.write(raw)
    module.atomic_move(staged, path)
    os.chmod(path, 0o644)


def differs(raw: bytes, path: str) -> bool:
    """Whether a file has other content."""
    try:
        with open(path, "rb") as handle:
            return handle.read() != raw
    except OSError:
        return True


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    asked = module.params
    try:
        raw = download(asked["url"], asked["timeout"])
        found = check(raw, asked["url"], asked["fingerprint"], asked["checksum"])
    except KeyRefused as exc:
        module.fail_json(msg=str(exc))
    changed = differs(raw, asked["dest"])
    if changed and not module.check_mode:
        write(module, raw, asked["dest"])
    module.exit_json(changed=changed, fingerprints=found)


if __name__ == "__main__":
    main()
