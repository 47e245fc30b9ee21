# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys in a KV engine of HashiCorp Vault or OpenBao, which the controller talks to. Used by the action plugins of keys."""

from __future__ import annotations

import json
import typing as t
import urllib.error
import urllib.parse
from dataclasses import dataclass, field

from ansible.module_utils.urls import open_url
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.controller_store import CURRENT, NEXT
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.store import StoreError
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.transport import (
    check_header,
    may_use_forward_proxy,
    parse_url,
)

LONGEST_ANSWER = 1 << 20
WRITING = {"root", "create", "update"}


@dataclass(frozen=True)
class VaultSettings:
    """Where a server with the API of HashiCorp Vault is, and who asks."""

    url: str
    token: str = field(repr=False)
    namespace: str | None = None
    ca_path: str | None = None
    validate_certs: bool = True
    timeout: int = 30


def settings_of(options: t.Mapping[str, t.Any], environment: t.Mapping[str, str]) -> VaultSettings:
    """The connection from the options, or else from the variables that the server's own client reads."""
    url = options["url"] or environment.get("VAULT_ADDR")
    token = options["token"] or environment.get("VAULT_TOKEN")
    if not url or not token:
        missing = "url or VAULT_ADDR" if not url else "token or VAULT_TOKEN"
        raise StoreError(f"hashicorp_vault needs {missing} on the controller")
    try:
        check_header("token or VAULT_TOKEN", token)
        check_header("namespace or VAULT_NAMESPACE", options["namespace"] or environment.get("VAULT_NAMESPACE") or "-")
        parse_url("url or VAULT_ADDR", url)
    except ValueError as exc:
        raise StoreError(f"hashicorp_vault: {exc}") from None
    return VaultSettings(
        url=url.rstrip("/"),
        token=token,
        namespace=options["namespace"] or environment.get("VAULT_NAMESPACE"),
        ca_path=options["ca_path"] or environment.get("VAULT_CACERT"),
        validate_certs=options["validate_certs"],
        timeout=options["timeout"],
    )


class VaultSlots:
    """One secret of a KV engine of version 2: the value in use in one field, a waiting successor in another."""

    def __init__(self, settings: VaultSettings, mount: str, path: str, name: str) -> None:
        self._settings = settings
        self._secret = f"{mount.strip('/')}/data/{path.strip('/')}"
        self._fields = {CURRENT: name, NEXT: f"{name}_next"}
        self._data: dict[str, t.Any] = {}
        self._version = 0
        self.where = f"{self._secret} of {settings.url}"

    def read(self) -> dict[str, str | None]:
        status, answer = self._request("GET", self._secret)
        if status not in (200, 404):
            raise StoreError(f"cannot read the store {self.where}: {_said(status, answer)}")
        found = answer.get("data") or {}
        # A deleted secret has no data and still a version, which the next writing has to name.
        self._version = (found.get("metadata") or {}).get("version", 0)
        self._data = dict(found.get("data") or {})
        values = {slot: self._data.get(name) for slot, name in self._fields.items()}
        for value in values.values():
            if value is not None and (not isinstance(value, str) or not value.startswith("sk-")):
                raise StoreError(f"{self.where} holds something that is no LiteLLM key; it is left alone")
        return values

    def is_private(self) -> bool:
        return True

    def check_writable(self) -> None:
        """Find out without writing; this needs no right beyond those that the policy `default` gives."""
        status, answer = self._request("POST", "sys/capabilities-self", {"paths": [self._secret]})
        rights = answer.get("capabilities") or (answer.get("data") or {}).get("capabilities") or []
        if status != 200:
            raise StoreError(f"cannot write the store {self.where}: {_said(status, answer)}")
        if not WRITING & set(rights):
            raise StoreError(f"cannot write the store {self.where}: the token's policies don't allow it")

    def claim(self, slot: str, raw: str) -> str:
        self.put({slot: raw})
        return raw

    def put(self, values: t.Mapping[str, str | None]) -> None:
        """All values in one writing, and only over the version that was read."""
        data = {**self._data, **{self._fields[slot]: raw for slot, raw in values.items()}}
        data = {name: value for name, value in data.items() if value is not None}
        if data:
            body = {"data": data, "options": {"cas": self._version}}
            status, answer = self._request("POST", self._secret, body)
        else:
            status, answer = self._request("DELETE", self._secret)
        if status not in (200, 204):
            raise StoreError(f"cannot write the store {self.where}: {_said(status, answer)}")
        self._version = (answer.get("data") or {}).get("version", self._version)
        self._data = data

    def _request(self, method: str, path: str, body: t.Any = None) -> tuple[int, dict[str, t.Any]]:
        settings = self._settings
        headers = {"X-Vault-Token": settings.token, "X-Vault-Request": "true", "Content-Type": "application/json"}
        if settings.namespace:
            headers["X-Vault-Namespace"] = settings.namespace
        try:
            answer = open_url(
                f"{settings.url}/v1/{urllib.parse.quote(path)}",
                method=method,
                data=None if body is None else json.dumps(body),
                headers=headers,
                timeout=settings.timeout,
                validate_certs=settings.validate_certs,
                ca_path=settings.ca_path,
                follow_redirects="none",
                use_proxy=may_use_forward_proxy(settings.url),
            )
            return answer.status, _parsed(answer.read(LONGEST_ANSWER))
        except urllib.error.HTTPError as exc:
            return exc.code, _parsed(exc.read(LONGEST_ANSWER))
        except OSError as exc:
            raise StoreError(f"cannot reach the store {self.where}: {exc}") from exc
        except ValueError:
            # The text of such an error may be that of a header.
            raise StoreError(f"cannot reach the store {self.where}: the request can't be sent") from None


def _parsed(content: bytes) -> dict[str, t.Any]:
    try:
        answer = json.loads(content) if content else {}
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _said(status: int, answer: t.Mapping[str, t.Any]) -> str:
    errors = "; ".join(str(error) for error in answer.get("errors") or [])
    return f"status {status}{': ' if errors else ''}{errors}"
