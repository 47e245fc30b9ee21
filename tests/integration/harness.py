# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs modules in this process against the real proxy, and records what they send."""

from __future__ import annotations

import importlib
import io
import json
import typing as t
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, field
from unittest import mock

from ansible.module_utils.testing import patch_module_args
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import client as client_module

from .proxy import Proxy

PREFIX = "ansible_collections.llmfleet.gateway.plugins.modules."


@dataclass
class Result:
    """A module's answer and the methods of the requests that it sent."""

    data: dict[str, t.Any]
    sent: list[tuple[str, str]] = field(default_factory=list)

    @property
    def wrote(self) -> list[tuple[str, str]]:
        return [request for request in self.sent if request[0] != "GET"]

    def __getitem__(self, name: str) -> t.Any:
        return self.data[name]

    @property
    def failed(self) -> bool:
        return bool(self.data.get("failed"))


def run(proxy: Proxy, kind_module: str, /, *, check: bool = False, **options: t.Any) -> Result:
    """One run of a module. A run in check mode must not send anything but GET."""
    module = importlib.import_module(PREFIX + kind_module)
    sent: list[tuple[str, str]] = []
    send = client_module.Transport.send

    def record(self: t.Any, method: str, path: str, body: t.Any, headers: t.Any) -> t.Any:
        sent.append((method, path))
        return send(self, method, path, body, headers)

    arguments = {"api_url": proxy.url, "api_key": proxy.master_key, "timeout": 60, **options}
    arguments.update(_ansible_check_mode=check, _ansible_diff=True)
    output = io.StringIO()
    recorded = mock.patch.object(client_module.Transport, "send", record)
    with recorded, patch_module_args(arguments), redirect_stdout(output), suppress(SystemExit):
        module.main()
    result = Result(json.loads(output.getvalue().strip().splitlines()[-1]), sent)
    assert proxy.master_key not in output.getvalue()
    if check:
        assert not result.wrote, result.wrote
    return result


def succeed(proxy: Proxy, kind_module: str, /, *, check: bool = False, **options: t.Any) -> Result:
    result = run(proxy, kind_module, check=check, **options)
    assert not result.failed, result.data
    return result


def change(proxy: Proxy, kind_module: str, /, **options: t.Any) -> Result:
    """Check mode, the run, and a second run: the first says what the second does, the third does nothing."""
    foreseen = succeed(proxy, kind_module, check=True, **options)
    done = succeed(proxy, kind_module, **options)
    for part in ("changed", "operation", "changed_fields", "diff", "counts", "operations"):
        assert foreseen.data.get(part) == done.data.get(part), part
    assert done["changed"] is True
    assert done.wrote
    again = succeed(proxy, kind_module, **options)
    assert again["changed"] is False, again.data
    assert not again.wrote
    return done
