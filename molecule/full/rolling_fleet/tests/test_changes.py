# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two servers with a replica each, steady load: every change of a fleet, and no request notices. In this order."""

from __future__ import annotations

import typing as t

from tests.load.changes import SCENARIO, Fleet, Load, changed, nobody_noticed, operated, taken_back


def test_a_run_that_changes_nothing(fleet: Fleet, under_load: Load) -> None:
    changed(fleet, under_load, "nothing")


def test_an_option_of_vllm(fleet: Fleet, under_load: Load) -> None:
    def edit(said: dict[str, t.Any]) -> None:
        said["llm_models"][0]["engine_args"]["max_num_seqs"] = 5

    changed(fleet, under_load, "vllm option", edit)


def test_the_image_of_vllm(fleet: Fleet, under_load: Load, other_image: t.Callable[[str], str]) -> None:
    changed(fleet, under_load, "vllm image", lambda said: said.update(vllm_image=other_image("vllm")))


def test_another_model_under_the_same_name(fleet: Fleet, under_load: Load, on_servers: t.Callable[[str], None]) -> None:
    on_servers("cp -a /srv/models/tiny /srv/models/another")
    changed(fleet, under_load, "model switched", lambda said: said["llm_models"][0].update(model="/srv/models/another"))


def test_the_image_of_litellm(fleet: Fleet, under_load: Load, other_image: t.Callable[[str], str]) -> None:
    changed(fleet, under_load, "litellm image", lambda said: said.update(litellm_image=other_image("litellm")))


def test_the_configuration_of_litellm(fleet: Fleet, under_load: Load) -> None:
    changed(fleet, under_load, "litellm config", lambda said: said.update(litellm_request_timeout=602))


def test_the_configuration_of_the_gate(fleet: Fleet, under_load: Load) -> None:
    changed(fleet, under_load, "gate config", lambda said: said.update(gate_balance="leastconn"))


def test_a_failing_change_is_taken_back(fleet: Fleet, under_load: Load) -> None:
    def edit(said: dict[str, t.Any]) -> None:
        said["llm_models"][0]["engine_args"]["load_format"] = "nonsense"

    taken_back(fleet, under_load, "failing vllm option", edit)


def test_a_restart_of_docker(under_load: Load, on_servers: t.Callable[[str], None]) -> None:
    """What an upgrade of the engine does to containers, which live-restore keeps."""
    with under_load("docker restarted") as seen:
        on_servers("systemctl restart docker")
    nobody_noticed(seen)


def test_a_server_joins(fleet: Fleet, under_load: Load) -> None:
    fleet.join("gpu3")
    changed(fleet, under_load, "server added")


def test_a_server_is_drained_and_rebooted(under_load: Load, bench: t.Any) -> None:
    operated(under_load, "server drained", ["playbooks/drain.yml", "-e", "server=gpu2"])
    with under_load("drained server rebooted") as seen:
        bench("docker", "restart", f"test-{SCENARIO.name}-gpu2")
    nobody_noticed(seen)
    operated(under_load, "server back", ["playbooks/undrain.yml", "-e", "server=gpu2"])
