# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fleet's authority: real handshakes with its certificates, the same bytes each time, renewal, others refused."""

from __future__ import annotations

import datetime
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.llmfleet.gateway.plugins.filter.fleet_authority import fleet_authority
from ansible_collections.llmfleet.gateway.plugins.filter.fleet_certificate import fleet_certificate
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._ca import derive
from cryptography import x509

ONE, OTHER = "one-0123456789abcdef0123456789abcdef", "other-0123456789abcdef0123456789abcd"
NOW = "2026-11-25T12:00:00+00:00"
ADDRESSES = ["127.0.0.1", "::1", "llm.example.org"]


def served(tmp_path: Path, made: str, trusted: str, name: str, client: str = "") -> str:
    """Shakes hands with a server; the name in the certificate that it showed. A client's is asked for if given."""
    for file, text in (("host.pem", made), ("ca.pem", trusted), ("client.pem", client)):
        (tmp_path / file).write_text(text)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "host.pem")
    if client:
        context.load_verify_locations(tmp_path / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
    caller = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    if client:
        caller.load_cert_chain(tmp_path / "client.pem")
    here, there = socket.socketpair()
    thread = threading.Thread(target=_answer, args=(context, there), daemon=True)
    thread.start()
    try:
        with caller.wrap_socket(here, server_hostname=name) as stream:
            assert stream.recv(2) == b"ok"
            found = stream.getpeercert() or {}
            return dict(part[0] for part in found["subject"])["commonName"]  # type: ignore[misc]
    finally:
        here.close()
        thread.join(timeout=5)


def _answer(context: ssl.SSLContext, there: socket.socket) -> None:
    try:
        with context.wrap_socket(there, server_side=True) as stream:
            stream.sendall(b"ok")
    except OSError:
        there.close()


def certificate_of(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


@pytest.mark.parametrize("name", ["gpu1", "127.0.0.1", "::1", "llm.example.org"])
def test_a_host_is_known_by_its_name_and_addresses(tmp_path: Path, name: str) -> None:
    assert served(tmp_path, fleet_certificate(ONE, "gpu1", ADDRESSES), fleet_authority([ONE]), name) == "gpu1"


def test_a_host_is_known_by_nothing_else(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        served(tmp_path, fleet_certificate(ONE, "gpu1", ADDRESSES), fleet_authority([ONE]), "gpu2")


def test_a_host_of_another_authority_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        served(tmp_path, fleet_certificate(OTHER, "gpu1"), fleet_authority([ONE]), "gpu1")


@pytest.mark.parametrize("key", [ONE, OTHER])
def test_both_authorities_are_trusted_while_one_replaces_the_other(tmp_path: Path, key: str) -> None:
    assert served(tmp_path, fleet_certificate(key, "gpu1"), fleet_authority([ONE, "", OTHER]), "gpu1") == "gpu1"


def test_a_host_can_be_a_client_too(tmp_path: Path) -> None:
    made = fleet_certificate(ONE, "gpu1")
    assert served(tmp_path, made, fleet_authority([ONE]), "gpu1", fleet_certificate(ONE, "gateway1")) == "gpu1"
    with pytest.raises(ssl.SSLError):
        served(tmp_path, made, fleet_authority([ONE]), "gpu1", fleet_certificate(OTHER, "gateway1"))


def test_openssl_takes_the_chain_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "host.pem").write_text(fleet_certificate(ONE, "gpu1", ADDRESSES))
    (tmp_path / "ca.pem").write_text(fleet_authority([OTHER, ONE]))
    verify = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", "gpu1", "-CAfile"]
    told = subprocess.run([*verify, "ca.pem", "host.pem"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert told.stdout == "host.pem: OK\n", told.stderr


def test_the_same_input_gives_the_same_bytes() -> None:
    assert fleet_certificate(ONE, "gpu1", ADDRESSES, NOW) == fleet_certificate(ONE, "gpu1", ADDRESSES, NOW)
    assert fleet_authority([ONE]) == fleet_authority([ONE])


def test_a_certificate_is_the_same_through_its_window_and_another_in_the_next() -> None:
    begin = derive.window(datetime.datetime.fromisoformat(NOW)).begin + derive.EARLIER
    moments = [begin, begin + datetime.timedelta(days=derive.WINDOW_DAYS, seconds=-1)]
    first, last = (fleet_certificate(ONE, "gpu1", (), one.isoformat()) for one in moments)
    after = fleet_certificate(ONE, "gpu1", (), (moments[1] + datetime.timedelta(seconds=1)).isoformat())
    assert first == last != after
    assert certificate_of(first).public_key() != certificate_of(after).public_key()
    assert certificate_of(first).serial_number != certificate_of(after).serial_number


def test_a_fleet_may_be_left_alone_for_more_than_a_year() -> None:
    begin = derive.window(datetime.datetime.fromisoformat(NOW)).begin + derive.EARLIER
    latest = begin + datetime.timedelta(days=derive.WINDOW_DAYS, seconds=-1)
    made = certificate_of(fleet_certificate(ONE, "gpu1", (), latest.isoformat()))
    assert made.not_valid_before_utc < latest
    assert made.not_valid_after_utc - latest > datetime.timedelta(days=540)


def test_hosts_and_authorities_have_keys_and_names_of_their_own() -> None:
    made = [certificate_of(fleet_certificate(key, host, (), NOW)) for key in (ONE, OTHER) for host in ("gpu1", "gpu2")]
    keys = {one.public_key().public_numbers() for one in made}  # type: ignore[union-attr]
    assert len(keys) == 4
    assert len({certificate_of(fleet_authority([key])).subject for key in (ONE, OTHER)}) == 2


@pytest.mark.parametrize("secret", ["", "short", None, 1])
def test_a_secret_that_is_none_is_refused_and_not_shown(secret: object) -> None:
    with pytest.raises(AnsibleFilterError, match="must have 32 characters or more") as told:
        fleet_certificate(secret, "gpu1")  # type: ignore[arg-type]
    assert "short" not in str(told.value)


def test_a_name_that_is_not_ascii_says_how_to_write_it() -> None:
    with pytest.raises(AnsibleFilterError, match="xn--"):
        fleet_certificate(ONE, "gpu1", ["bücher.example"])
