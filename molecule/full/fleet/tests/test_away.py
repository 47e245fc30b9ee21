# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model more, and hosts that are away for a while, after what molecule/fleet does. In their order."""

from __future__ import annotations

import typing as t

from fleet import GATEWAY, MODEL


def test_a_model_more_is_one_edit_and_starts_nothing_else_anew(fleet: t.Any, loaded: t.Any) -> None:
    before = fleet.started()
    own = fleet.model(MODEL, replicas="each")
    with loaded("a model more") as seen:
        fleet.declare(llm_models=[own, fleet.model("second", servers=["gpu1"])])
        run = fleet.run()
        seen.notes.append(f"the run took {run.seconds:.0f} s")
    after = fleet.started()
    assert seen.failed == []
    new = {name for name in after if after[name] != before.get(name)}
    assert "gpu1/llmfleet-vllm-second" in new
    assert not [name for name in new if "/llmfleet-vllm-" in name and name != "gpu1/llmfleet-vllm-second"]
    fleet.wait("second")


def test_a_server_that_dies_is_named_and_the_others_go_on(fleet: t.Any, loaded: t.Any) -> None:
    with loaded("server dead") as seen:
        fleet.docker("kill", fleet.container("gpu3"))
        run = fleet.run(check=False)
        seen.notes.append(f"a run meanwhile ended with {run.status} after {run.seconds:.0f} s")
    assert fleet.ask()[0] == 200
    # Ansible's word for it, and ours: what the server lacks.
    assert run.status != 0
    assert "gpu3" in run.output[run.output.rindex("PLAY RECAP") :]


def test_it_comes_back_by_itself(fleet: t.Any) -> None:
    fleet.docker("start", fleet.container("gpu3"))
    seconds = fleet.wait_for("vLLM of gpu3", lambda: healthy(fleet, "gpu3"), 300)
    print(f"gpu3 serves {seconds:.0f} s after its start")
    run = fleet.run()
    assert set(run.changed.values()) == {0}, run.output[-6000:]


def healthy(fleet: t.Any, host: str, container: str = "llmfleet-vllm-tiny") -> bool:
    line = f"docker inspect --format '{{{{.State.Health.Status}}}}' {container}"
    return bool(fleet.on(host, line, check=False) == "healthy")


def test_the_gateway_comes_back_after_a_reboot(fleet: t.Any) -> None:
    fleet.docker("restart", fleet.container(GATEWAY))
    seconds = fleet.wait(seconds=300)
    print(f"the gateway answers {seconds:.0f} s after its reboot")
