# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What nobody uses goes once somebody agrees; what is not ours stays."""

from __future__ import annotations

import json
import typing as t

LEDGER = "/opt/llmfleet/gate/.llmfleet/images.json"
OLD = "/opt/llmfleet/models/hub/models--them--old"


def test_it_shows_asks_and_frees(operate: t.Any, operated: t.Any, host: t.Any, gateway: t.Any) -> None:
    ran = json.loads(host.file(LEDGER).content_string)
    assert host.check_output("docker inspect --format '{{.Config.Image}}' llmfleet-gate") in ran
    host.check_output(f"docker tag theirs:1 gate-of-a-former-release:1 && mkdir -p {OLD} && echo 12345 > {OLD}/weights")
    host.check_output(f"echo '{json.dumps([*ran, 'gate-of-a-former-release:1'])}' > {LEDGER}")
    # An image that a container of whoever uses is in use, by whatever name.
    assert names(operated("cleanup", "--check")) == [OLD]
    host.check_output("printf 'FROM scratch\\nLABEL a=b\\n' | docker build --tag gate-of-a-former-release:1 - 2>&1")
    done = operate("cleanup", confirm=False)
    assert done.code != 0 and "gate-of-a-former-release:1" in done.output
    assert host.run("docker image inspect gate-of-a-former-release:1").rc == 0
    assert names(operated("cleanup")) == ["gate-of-a-former-release:1", OLD]
    assert host.run("docker image inspect gate-of-a-former-release:1").rc != 0
    assert not host.file(OLD).exists
    assert names(operated("cleanup", confirm=False)) == []
    assert gateway.chat()[0] == 200


def names(result: dict[str, t.Any]) -> list[str]:
    return [one["name"] for one in result["hosts"]["demo"]]
