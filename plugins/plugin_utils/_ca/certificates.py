# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates of the fleet's authority and of its hosts, by their secret: the same input gives the same bytes. Pure.

The filters fleet_certificate and fleet_authority call it.
"""

from __future__ import annotations

import datetime
import ipaddress
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._ca import derive

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
except ImportError:  # pragma: no cover - ansible-core depends on it
    x509 = None  # type: ignore[assignment]

#: A common name has at most so many characters.
LONGEST_NAME = 64
INSTALL = "pip install 'cryptography>=45'"


class CaError(Exception):
    """Nothing can be made of what was given. The message holds no secret."""


def certificate(secret: str, host: str, addresses: t.Iterable[str], now: datetime.datetime) -> str:
    """PEM of a host's certificate, for servers and clients, and of its private key."""
    _check(secret)
    names = list(dict.fromkeys([host, *(str(one) for one in addresses)]))
    time = derive.window(now)
    key = _key(secret, "host", host, time.number)
    issuer = _key(secret, "authority")
    builder = _builder(_name(host), key, derive.serial(secret, *names, time.number), time.begin, time.end)
    builder = (
        builder.issuer_name(_authority_name(secret))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False)
    )
    return _signed(builder, issuer) + _private(key)


def authority(secret: str) -> str:
    """PEM of the authority's own certificate."""
    _check(secret)
    key = _key(secret, "authority")
    name = _authority_name(secret)
    number = derive.serial(secret, "authority")
    builder = (
        _builder(name, key, number, derive.AUTHORITY_FROM, derive.AUTHORITY_UNTIL)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
    )
    return _signed(builder, key)


def _check(secret: t.Any) -> None:
    if x509 is None:  # pragma: no cover
        raise CaError(f"the controller lacks the library cryptography: {INSTALL}")
    if not isinstance(secret, str) or len(secret) < derive.MINIMUM:
        raise CaError(f"the authority's key must have {derive.MINIMUM} characters or more")


def _key(secret: str, *purpose: t.Any) -> ec.EllipticCurvePrivateKey:
    """On P-256, which browsers and every TLS library know."""
    return ec.derive_private_key(derive.scalar(secret, *purpose), ec.SECP256R1())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:LONGEST_NAME])])


def _authority_name(secret: str) -> x509.Name:
    """Each authority has its own, or a verifier that trusts two of them would try the wrong one."""
    return _name(f"llmfleet authority {derive.name_of(secret)}")


def _builder(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    number: int,
    begin: datetime.datetime,
    end: datetime.datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(number)
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(**allowed: bool) -> x509.KeyUsage:
    every: dict[str, bool] = {
        "digital_signature": False,
        "content_commitment": False,
        "key_encipherment": False,
        "data_encipherment": False,
        "key_agreement": False,
        "key_cert_sign": False,
        "crl_sign": False,
        "encipher_only": False,
        "decipher_only": False,
    }
    return x509.KeyUsage(**{**every, **allowed})


def _alternative(text: str) -> x509.GeneralName:
    """An address or a name, as a client compares it."""
    try:
        return x509.IPAddress(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        pass
    try:
        return x509.DNSName(text)
    except ValueError as error:
        raise CaError(f"{text!r} can't stand in a certificate; write it in ASCII (xn--…)") from error


def _signed(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> str:
    """By RFC 6979, which needs no random number, so that the same certificate has the same signature."""
    try:
        made = builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    except Exception as error:  # cryptography names what it lacks in several ways
        raise CaError(
            f"the library cryptography on the controller can't sign deterministically ({type(error).__name__}): {INSTALL}"
        ) from error
    return made.public_bytes(serialization.Encoding.PEM).decode()


def _private(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
