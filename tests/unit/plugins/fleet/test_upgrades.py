# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an upgrade changes, what is remembered of it, what that refuses later, and the way back."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import upgrades
from declared import Known, fleet_of

Value = dict[str, t.Any]
OLD, NEW = "litellm:1.90", "litellm:1.104"


def value(**images: str) -> Value:
    declared = {"postgres": "postgres:17", "vllm": "vllm:1", "litellm": OLD, **images}
    return {
        "gateways": ["gw"],
        "services": [{"name": name, "image": image} for name, image in declared.items()],
        "instances": [{"server": "gpu", "project": "llmfleet-vllm-own", "image": "vllm:own"}],
        "hosts": {"gw": {"postgres": {}}, "gpu": {}},
        "unreachable_hosts": {},
        "reading": {"number": 4, "hosts": {}, "models": {}},
    }


def box(project: str, image: str, service: str = "") -> Value:
    return {"project": project, "service": service or project.split("-")[1], "image": image}


FOUND = {
    "gw": [
        box("llmfleet-litellm-1", OLD),
        box("llmfleet-litellm-2", OLD),
        box("llmfleet-postgres", "postgres:17"),
        box("", "something:1", "litellm"),
    ],
    "gpu": [
        box("llmfleet-vllm-tiny", "vllm:1"),
        box("llmfleet-vllm-own", "vllm:own"),
        box("llmfleet-vllm-tiny", "x", "download"),
    ],
}


def planned(given: Value | None = None, found: t.Any = None, **images: str) -> Value:
    return upgrades.plan(value(**images), found or FOUND, given or {})


def test_nothing_is_upgraded_where_all_that_runs_is_declared() -> None:
    found = planned()
    assert found["changed_services"] == [] and found["destroys"] == [] and found["refused"] == []
    assert found["will"] == ["Nothing: all that runs has the declared image"]


def test_an_upgrade_of_litellm_says_what_it_tries_first_and_what_the_way_back_loses() -> None:
    found = planned({"litellm_version": "1.104", "confirm": "yes"}, litellm=NEW)
    assert found["images"] == {"litellm": {"before": [OLD], "after": NEW}} and found["pins"] == {
        "litellm_version": "1.104"
    }
    assert any("Copy the database" in line for line in found["will"]) and found["destroys"] == [upgrades.LOST]


def test_vllm_is_asked_and_an_instance_with_an_image_of_its_own_stays() -> None:
    found = planned(vllm="vllm:2")
    assert found["projects"] == {"gpu": ["llmfleet-vllm-tiny"]} and found["destroys"] == []
    assert any("every declared option" in line for line in found["will"]) and "Back up" not in " ".join(found["will"])


def test_postgres_is_tried_on_a_copy_as_well() -> None:
    found = planned(postgres="postgres:17.5")
    assert found["changed_services"] == ["postgres"] and any("Copy the database" in line for line in found["will"])


def test_what_runs_by_several_images_is_no_beginning() -> None:
    mixed = {"gw": [box("llmfleet-litellm-1", "litellm:1.80"), box("llmfleet-litellm-2", OLD)]}
    assert "several images" in planned(found=mixed, litellm=NEW)["refused"][0]
    # Of a run that ended half way one image is left.
    half = {"gw": [box("llmfleet-litellm-1", NEW), box("llmfleet-litellm-2", OLD)]}
    assert planned(found=half, litellm=NEW)["refused"] == []


def test_an_external_database_and_a_host_that_does_not_answer_are_refused() -> None:
    there = {**value(litellm=NEW), "hosts": {"gw": {}, "gpu": {}}, "unreachable_hosts": {"gpu": "away"}}
    refused = upgrades.plan(there, FOUND, {})["refused"]
    assert "postgres_mode" in refused[0] and refused[1].startswith("gpu does not answer")


# ---- what came of it


def came(given: Value, left: t.Any, migrated: bool = False, **images: str) -> Value:
    there, more = value(**images), {"backup": "/b/one.tar"}
    return upgrades.outcome(
        there, upgrades.plan(there, FOUND, given), upgrades.plan(there, left, given), more, migrated
    )


def replaced(images: dict[str, str]) -> dict[str, list[Value]]:
    """What runs, with other images by project."""
    return {
        host: [{**one, "image": images.get(one["project"], one["image"])} for one in boxes]
        for host, boxes in FOUND.items()
    }


NOTHING_LEFT: Value = {"changed_services": [], "before": {}, "projects": {}}


def back(before: dict[str, str], **images: str) -> str:
    """The command, where all of it took place."""
    there = value(**images)
    return str(upgrades.outcome(there, upgrades.plan(there, replaced(before), {}), NOTHING_LEFT, {}, True)["back"])


def test_an_upgrade_that_took_place_says_what_to_write_and_how_to_go_back() -> None:
    both_new = replaced({"llmfleet-litellm-1": NEW, "llmfleet-litellm-2": NEW})
    found = came({"litellm_version": "1.104", "confirm": "yes"}, both_new, True, litellm=NEW)
    assert found["changed_services"] == found["as_before"] == []
    assert found["next"] == "Write litellm_version: 1.104 into the inventory: site.yml refuses to run without it"
    assert found["back"].endswith(f"upgrade_undo -i INVENTORY -e litellm_image={OLD}")
    assert found["reading"]["upgraded"]["litellm"]["backup"] == "/b/one.tar"
    assert came({}, both_new, True, litellm=NEW)["next"] == "The releases are in the inventory"


def test_what_was_put_back_is_no_upgrade() -> None:
    """PostgreSQL did not start, so that LiteLLM was not begun."""
    found = came({"postgres_image": "postgres:17.5"}, FOUND, postgres="postgres:17.5", litellm=NEW)
    assert found["as_before"] == ["postgres", "litellm"] == found["changed_services"]
    assert "upgraded" not in found["reading"] and found["next"] == found["back"] == ""
    assert found["remedy"] == upgrades.AS_BEFORE
    # Whoever reads both, the one with the record was written first.
    assert found["reading"]["number"] > upgraded()["number"]


def test_a_litellm_that_has_begun_may_have_migrated() -> None:
    found = came({}, FOUND, True, litellm=NEW)
    assert found["as_before"] == [] and found["reading"]["upgraded"]["litellm"]["after"] == NEW
    assert "or go back: " in found["remedy"] and f"litellm_image={OLD}" in found["remedy"]


def test_the_way_back_is_of_what_took_place() -> None:
    """PostgreSQL's new release serves, vLLM's was put back."""
    found = came(
        {"postgres_image": "postgres:17.5", "vllm_image": "vllm:2"},
        replaced({"llmfleet-postgres": "postgres:17.5"}),
        postgres="postgres:17.5",
        vllm="vllm:2",
    )
    assert found["as_before"] == ["vllm"] and list(found["reading"]["upgraded"]) == ["postgres"]
    assert "vllm" not in found["next"] + found["back"] and "postgres_image=postgres:17" in found["back"]


def test_an_earlier_upgrade_is_known_still() -> None:
    there = {**value(litellm="litellm:2"), "reading": upgraded()}
    plan = upgrades.plan(there, replaced({"llmfleet-litellm-1": NEW, "llmfleet-litellm-2": NEW}), {})
    kept = upgrades.outcome(there, plan, plan, {}, False)["reading"]["upgraded"]
    assert kept == upgraded()["upgraded"]


def test_vllm_that_changed_on_one_of_two_servers_has_a_way_back() -> None:
    two = {"gpu": [box("llmfleet-vllm-tiny", "vllm:1")], "gpu2": [box("llmfleet-vllm-tiny", "vllm:1")]}
    half = {"gpu": [box("llmfleet-vllm-tiny", "vllm:2")], "gpu2": two["gpu2"]}
    there = value(vllm="vllm:2")
    plan = upgrades.plan(there, two, {})
    assert upgrades.outcome(there, plan, upgrades.plan(there, half, {}), {}, False)["as_before"] == []
    assert upgrades.outcome(there, plan, upgrades.plan(there, two, {}), {}, False)["as_before"] == ["vllm"]


# ---- the record


def upgraded(pins: Value | None = None) -> Value:
    """A reading of after an upgrade, as a file gives it back."""
    found = planned(pins or {"litellm_version": "1.104"}, litellm=NEW)
    rows = upgrades.entries(found, {"backup": "/b/one.tar", "side_by_side": True})
    return t.cast("Value", json.loads(json.dumps(upgrades.recorded(value()["reading"], rows))))


def test_the_record_has_images_pins_and_the_backup() -> None:
    assert upgraded()["number"] == 5
    assert upgraded()["upgraded"]["litellm"] == {
        "before": [OLD],
        "after": NEW,
        "pins": {"litellm_version": "1.104"},
        "backup": "/b/one.tar",
        "side_by_side": True,
    }


def test_a_run_that_would_go_back_is_refused_with_what_to_write() -> None:
    (line,) = upgrades.faults({**value(litellm=OLD), "reading": upgraded()})
    assert "litellm_version: 1.104" in line and "upgrade_undo" in line
    assert upgrades.faults({**value(litellm=NEW), "reading": upgraded()}) == []
    assert upgrades.faults({**value(litellm="litellm:2"), "reading": upgraded()}) == []


def test_a_second_upgrade_remembers_where_the_first_began() -> None:
    found = upgrades.plan(value(litellm="litellm:2"), {"gw": [box("llmfleet-litellm-1", NEW)]}, {})
    row = upgrades.recorded(upgraded(), upgrades.entries(found, {}))["upgraded"]["litellm"]
    assert row["before"] == [OLD, NEW] and row["after"] == "litellm:2"


def test_what_ran_several_images_has_no_one_way_back() -> None:
    mixed = {"gpu": [box("llmfleet-vllm-a", "vllm:0"), box("llmfleet-vllm-b", "vllm:00")]}
    assert upgrades.entries(planned(found=mixed), {}) == {}


@pytest.mark.parametrize("damaged", [None, [], {"litellm": 1}, {"litellm": {"before": "x", "after": "y"}}, {"a": 1}])
def test_a_damaged_record_is_none(damaged: t.Any) -> None:
    assert upgrades.kept({"upgraded": damaged}) == {}


def test_runs_keep_the_record_until_another_image_is_declared() -> None:
    groups = {"gateways": ["gw"], "gpu_servers": ["gw"]}
    models = [{"name": "q", "model": "Qwen/Qwen2.5-0.5B-Instruct", "memory_check": False}]
    before = fleet_of(models, {"gw": {"litellm_image": OLD, "llm_gpu_count": 0}}, groups).reading
    reading = {**before, "upgraded": upgraded()["upgraded"]}

    def run(image: str) -> dict[str, t.Any]:
        said = {"gw": {"litellm_image": image, "llm_gpu_count": 0}}
        return fleet_of(models, said, groups, known=Known(reading=reading)).reading

    assert run(NEW) == run(OLD) == reading
    assert "upgraded" not in run("litellm:2") and run("litellm:2")["number"] == reading["number"] + 1


# ---- the way back


def test_the_way_back_needs_the_declaration_of_before() -> None:
    refused = upgrades.undo({**value(litellm=NEW), "reading": upgraded()})["refused"]
    assert len(refused) == 1 and f"litellm was {OLD} before" in refused[0]
    found = upgrades.undo({**value(litellm=OLD), "reading": upgraded()})
    assert found["refused"] == [] and found["backup"] == "/b/one.tar" and len(found["destroys"]) == 1
    assert found["images"] == {"litellm": {"before": NEW, "after": OLD}}
    assert "upgraded" not in upgrades.recorded(upgraded(), {}, found["record"])


def both() -> Value:
    """A reading of after an upgrade of LiteLLM and PostgreSQL."""
    found = planned(
        {"postgres_version": "15.20"}, {"gw": [*FOUND["gw"][:2], box("llmfleet-postgres", "pg:15.18")]}, litellm=NEW
    )
    rows = upgrades.entries(found, {"backup": "/b/one.tar"})
    return t.cast("Value", json.loads(json.dumps(upgrades.recorded(value()["reading"], rows))))


def test_postgresql_stays_at_its_newer_minor_release_and_says_so() -> None:
    there = {**value(postgres="pg:15.18"), "reading": both()}
    found = upgrades.undo(there)
    assert found["refused"] == [] and list(found["images"]) == ["litellm"]
    assert any(
        line.startswith("postgres: stays at postgres:17") and "with_postgres=yes" in line for line in found["will"]
    )
    assert found["next"] == ["Write postgres_version: 15.20 into the inventory"]
    # So that the next run does not bring it back.
    after = upgrades.recorded(both(), {}, found["record"])
    assert list(after["upgraded"]) == ["postgres"]
    (line,) = upgrades.faults({**there, "reading": after})
    assert "postgres_version: 15.20" in line and "upgrade_undo -e with_postgres=yes" in line
    # Where the inventory has it already nothing is left to be written.
    assert upgrades.undo({**value(), "reading": both()})["next"] == []


def test_postgresql_goes_back_where_somebody_says_so() -> None:
    there = {**value(postgres="pg:15.18"), "reading": both()}
    found = upgrades.undo(there, with_postgres=True)
    assert sorted(found["images"]) == ["litellm", "postgres"] and found["next"] == []
    # The older release loads the backup itself, so what it dumps later is its own.
    assert len(found["destroys"]) == 1 and upgrades.OLDER not in found["destroys"][0]
    assert "upgraded" not in upgrades.recorded(both(), {}, found["record"])
    assert "postgres was pg:15.18" in upgrades.undo({**value(), "reading": both()}, True)["refused"][0]


def test_postgresql_alone_goes_back_only_by_that_variable() -> None:
    assert back({"llmfleet-postgres": "pg:15.18"}).endswith("-e postgres_image=pg:15.18 -e with_postgres=yes")
    found = planned(None, {"gw": [box("llmfleet-postgres", "pg:15.18")]})
    reading = upgrades.recorded(value()["reading"], upgrades.entries(found, {}))
    there = {**value(postgres="pg:15.18"), "reading": reading}
    assert "with_postgres=yes" in upgrades.undo(there)["refused"][0]
    assert upgrades.undo(there, True)["refused"] == []
    assert upgrades.OLDER in upgrades.undo(there, True)["destroys"][0]


def test_litellm_does_not_go_back_without_a_backup() -> None:
    reading = upgraded()
    reading["upgraded"]["litellm"].pop("backup")
    (line,) = upgrades.undo({**value(litellm=OLD), "reading": reading})["refused"]
    assert "llmfleet.gateway.restore" in line


def test_the_command_back_names_no_postgresql_beside_others() -> None:
    assert back({"llmfleet-postgres": "pg:15.18"}, litellm=NEW).endswith(f"-i INVENTORY -e litellm_image={OLD}")


def test_without_an_upgrade_there_is_no_way_back() -> None:
    assert upgrades.undo(value())["refused"] == ["no upgrade is known that could be undone"]
