# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All of ours goes and nothing else; data stays until somebody says so."""

from __future__ import annotations

import typing as t

OURS = "docker ps --all --quiet --filter label=io.llmfleet.project"


def test_data_is_kept_unless_asked(operate: t.Any, operated: t.Any, host: t.Any) -> None:
    assert operate("uninstall", confirm=False).code != 0
    operated("uninstall", "--check")
    assert host.check_output(OURS) != ""
    result = operated("uninstall")
    assert (result["changed"], host.check_output(OURS)) == (True, "")
    assert host.check_output("docker network ls --quiet --filter label=io.llmfleet.project") == ""
    assert host.run("ls /etc/systemd/system/llmfleet-* /usr/local/libexec/llmfleet-*").rc != 0
    assert sorted(host.check_output("ls /opt/llmfleet").split()) == ["mine", "models", "postgres", "vllm"]
    assert host.run("ls /opt/llmfleet/postgres/data").rc == 0
    assert operated("uninstall")["changed"] is False
    assert operated("uninstall", data=True)["kept"] == {"demo": ["/opt/llmfleet/mine"]}
    assert host.check_output("ls /opt/llmfleet") == "mine"
