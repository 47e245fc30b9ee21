# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two servers with a replica each, steady load: every change of a fleet, and no request notices. In this order."""

from __future__ import annotations

import typing as t

from tests.load import edits
from tests.load.changes import (
    OWN_AUTHORITIES,
    Fleet,
    Load,
    changed,
    deploy,
    hosts,
    image,
    killed,
    nobody_noticed,
    operated,
    own_certificate,
    ready,
    shown,
    started,
    taken_back,
)

Copied = t.Callable[[str], None]


def served(model: str) -> t.Callable[[dict[str, t.Any]], None]:
    return lambda said: said["llm_models"][0].update(model=model)


def test_the_release_of_litellm(fleet: Fleet, under_load: Load) -> None:
    """The scenario begins with an earlier one; its database is migrated beside it."""
    changed(fleet, under_load, "litellm release", lambda said: said.update(litellm_image=image("litellm")))


def test_a_run_that_changes_nothing(fleet: Fleet, under_load: Load) -> None:
    changed(fleet, under_load, "nothing")


def test_another_model_under_the_same_name(fleet: Fleet, under_load: Load, on_servers: Copied) -> None:
    on_servers("test ! -e /srv/models/tiny || cp -aT /srv/models/tiny /srv/models/another")
    changed(fleet, under_load, "model switched", served("/srv/models/another"))


def test_the_former_image_options_and_model_come_back(fleet: Fleet, under_load: Load) -> None:
    """By the files that the servers kept; the declaration is mended then, so that the next run starts none of them."""
    operated(under_load, "rollback", ["playbooks/rollback.yml", "-e", "instance=tiny"])
    fleet.declare(served("/srv/models/tiny"))
    before = {server: started("vllm", server) for server in ("gpu1", "gpu2")}
    assert all(before.values())
    run = deploy()
    assert run.returncode == 0, run.stdout[-6000:]
    assert {server: started("vllm", server) for server in before} == before


def test_the_image_of_vllm(fleet: Fleet, under_load: Load, other_image: t.Callable[[str], str]) -> None:
    changed(fleet, under_load, "vllm image", lambda said: said.update(vllm_image=other_image("vllm")))


def test_the_key_of_a_provider(fleet: Fleet, under_load: Load) -> None:
    def edit(said: dict[str, t.Any]) -> None:
        said["llm_external_models"][0]["litellm_params"]["api_key"] = "sk-provider-two"

    changed(fleet, under_load, "external key", edit)


def test_the_certificate_of_the_edge(fleet: Fleet, under_load: Load) -> None:
    """First own files in place of the fleet's certificate, then other content of the same files."""
    first, second = OWN_AUTHORITIES
    path = str(own_certificate(first))

    def edit(said: dict[str, t.Any]) -> None:
        said.update(edge_certificates="files", edge_certificate_file=path, edge_certificate_key_file=path)

    changed(fleet, under_load, "certificate from own files", edit)
    before = shown(hosts()["gateway1"]["address"])
    own_certificate(second)
    changed(fleet, under_load, "certificate exchanged")
    assert shown(hosts()["gateway1"]["address"]) != before


def test_a_canary_does_as_well_as_the_others(fleet: Fleet, under_load: Load) -> None:
    def edit(said: dict[str, t.Any]) -> None:
        said.update(llm_canary_seconds=40)
        said["llm_models"][0]["engine_args"]["max_num_seqs"] = 6

    changed(fleet, under_load, "vllm option, with a canary", edit)


def test_a_canary_that_is_slower_is_taken_back(
    fleet: Fleet, under_load: Load, deeper: t.Callable[[str, str, int], None]
) -> None:
    """It is healthy and answers in full."""

    def edit(said: dict[str, t.Any]) -> None:
        said.update(llm_canary_seconds=40)
        served("/srv/models/deep")(said)
        # So many layers keep 48 KiB a token.
        said["llm_models"][0]["engine_args"].update(load_format="dummy", kv_cache_memory_bytes="256M")

    deeper("/srv/models/tiny", "/srv/models/deep", 96)
    run = taken_back(fleet, under_load, "slower model, with a canary", edit)
    assert "did worse than the others" in " ".join(run.stdout.split()), run.stdout[-6000:]
    fleet.declare(lambda said: said.update(llm_canary_seconds=0))


def test_an_upgrade_of_docker(under_load: Load, on_servers: Copied) -> None:
    """Debian has one release, so it is installed once more: its scripts restart the engine as an upgrade does."""
    install = "DEBIAN_FRONTEND=noninteractive apt-get install --reinstall -qq docker.io"
    on_servers(f"apt-get update -qq && {install} --download-only")
    with under_load("docker engine upgraded") as seen:
        on_servers(f"{install} && systemctl restart docker")
    nobody_noticed(seen)


def test_a_model_is_called_otherwise(fleet: Fleet, under_load: Load) -> None:
    """Clients go on with its former name; then it has that again."""

    def name(now: str, before: str) -> t.Callable[[dict[str, t.Any]], None]:
        return lambda said: said["llm_models"][0].update(name=now, aliases=[before])

    changed(fleet, under_load, "model renamed, its name an alias", name("small", "tiny"))
    changed(fleet, under_load, "model renamed back", name("tiny", "small"))


def test_an_option_of_vllm(fleet: Fleet, under_load: Load) -> None:
    changed(fleet, under_load, "vllm option", edits.vllm_option)


def test_the_configuration_of_litellm(fleet: Fleet, under_load: Load) -> None:
    changed(fleet, under_load, "litellm config", edits.litellm_configuration)


def test_a_run_killed_in_the_middle_of_a_roll_of_litellm(fleet: Fleet, under_load: Load) -> None:
    """One has just changed and gets no requests yet, so the other one is all that clients have."""
    before = started("litellm")
    fleet.declare(edits.litellm_configuration)
    with under_load("litellm config, its run killed and run again") as seen:
        killed(lambda: bool(started("litellm") - before))
        run = deploy()
    assert run.returncode == 0, run.stdout[-6000:]
    nobody_noticed(seen)
    assert not before & started("litellm")
    assert ready("litellm") == len(before)
    again = deploy()
    assert again.returncode == 0 and "changed=0" in again.stdout, again.stdout[-6000:]


def test_the_configuration_of_the_edge(fleet: Fleet, under_load: Load) -> None:
    changed(fleet, under_load, "edge config", lambda said: said.update(edge_hsts_max_age=86400))


def test_the_configuration_of_the_gate(fleet: Fleet, under_load: Load) -> None:
    changed(fleet, under_load, "gate config", edits.gate_configuration)


def test_a_failing_change_is_taken_back(fleet: Fleet, under_load: Load) -> None:
    taken_back(fleet, under_load, "failing vllm option", edits.refused_vllm_option)


def test_a_server_is_drained_and_rebooted(under_load: Load, reboot: t.Callable[[str], None]) -> None:
    operated(under_load, "server drained", ["playbooks/drain.yml", "-e", "server=gpu1"])
    with under_load("drained server rebooted") as seen:
        reboot("gpu1")
    nobody_noticed(seen)
    operated(under_load, "server back", ["playbooks/undrain.yml", "-e", "server=gpu1"])


def test_a_server_leaves(fleet: Fleet, under_load: Load) -> None:
    operated(
        under_load, "server decommissioned", ["playbooks/decommission.yml", "-e", "server=gpu2", "-e", "confirm=yes"]
    )
    fleet.leave("gpu2")
    changed(fleet, under_load, "server out of the inventory")


def test_a_server_joins(fleet: Fleet, under_load: Load) -> None:
    fleet.join("gpu2")
    changed(fleet, under_load, "server added")
    assert ready() == 2


def test_a_new_server_has_the_name_of_one_that_was_lost(
    fleet: Fleet, under_load: Load, lost: Copied, renewed: Copied, other_image: t.Callable[[str], str]
) -> None:
    """The one that was lost is taken out although it does not answer (what clients see of that: docs/failures.md)."""
    lost("gpu2")
    gone = deploy("-e", "server=gpu2", "-e", "confirm=yes", playbook="playbooks/decommission.yml")
    assert gone.returncode == 0, gone.stdout[-6000:]
    fleet.leave("gpu2")
    without = deploy()
    assert without.returncode == 0, without.stdout[-6000:]
    renewed("gpu2")
    other_image("vllm")
    fleet.join("gpu2")
    changed(fleet, under_load, "server added, of the name of one that was lost")
    assert ready() == 2


def test_a_gateway_joins(fleet: Fleet, under_load: Load) -> None:
    fleet.join("gateway2", "gateways")
    changed(fleet, under_load, "gateway added")
    assert shown(hosts()["gateway2"]["address"])


def test_a_gateway_is_replaced_whole(under_load: Load, emptied: Copied, lost: Copied, renewed: Copied) -> None:
    """The one that has no database; clients know the addresses of both (docs/edge.md, "Several gateways")."""
    former = shown(hosts()["gateway2"]["address"])
    with under_load("gateway replaced whole", "gateway2", "gateway1") as seen:
        emptied("gateway2")
        lost("gateway2")
        renewed("gateway2")
        run = deploy()
    assert run.returncode == 0, run.stdout[-6000:]
    nobody_noticed(seen)
    assert shown(hosts()["gateway2"]["address"]) == former
