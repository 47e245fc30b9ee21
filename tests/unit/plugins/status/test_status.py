# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status: what is made of readings, what is wrong with which remedy, and what nonsense comes to."""

from __future__ import annotations

import copy
import datetime
import json
import math
import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status import asking, ends, models, usage, values
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.findings import Finding, findings
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.readings import Readings
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.status import status_of

from . import fleets
from .fleets import NOW, ago

Value = dict[str, t.Any]


def told(readings: Readings) -> list[Finding]:
    return findings(status_of(readings))


def about(readings: Readings, where: str) -> list[tuple[str, str]]:
    return [(one.level, one.what) for one in told(readings) if one.where == where]


def changed(count: int, host: str, **parts: t.Any) -> Readings:
    """The sound fleet with parts of one host's reading in the place of its own."""
    found = fleets.readings(count)
    hosts = copy.deepcopy(found.hosts)
    hosts[host].update(parts)
    return found._replace(hosts=hosts)


def with_box(count: int, host: str, name: str, **more: t.Any) -> Readings:
    found = copy.deepcopy(fleets.host(count, host, 0))
    for one in found["containers"]:
        if one["name"] == name:
            one.update(more)
    return changed(count, host, containers=found["containers"])


# ---- a fleet that is well


@pytest.mark.parametrize("count", [1, 3, 50])
def test_of_a_sound_fleet_only_keys_are_told(count: int) -> None:
    found = told(fleets.readings(count))
    assert {one.where.partition(" ")[0] for one in found} == {"key", "team"}
    status = status_of(fleets.readings(count))
    assert status["totals"]["replicas"] == status["totals"]["replicas_ready"] == len(fleets.instances(count))
    assert status["verdict"] == "warning"
    assert json.loads(json.dumps(status, allow_nan=False)) == status


def test_planned_and_used_memory_of_gpus() -> None:
    (host,) = [one for one in status_of(fleets.readings(3))["hosts"] if one["name"] == "gpu1"]
    card = host["gpus"][0]
    assert card["planned_bytes"] == pytest.approx(0.9 * card["memory_bytes"])
    assert (card["instances"], 0 < card["used_bytes"] <= card["memory_bytes"]) == (["assistant"], True)


def test_the_worst_comes_first() -> None:
    levels = [one.level for one in told(fleets.troubled(3))]
    assert levels == sorted(levels, key=["error", "warning", "note"].index)
    assert levels[0] == "error"
    assert all(one.remedy for one in told(fleets.troubled(50)))


# ---- what can't be read


def test_a_host_that_does_not_answer_keeps_nothing_else_from_being_told() -> None:
    found = fleets.troubled(3)
    status = status_of(found)
    assert ("error", "can't be read: " + found.reasons["gpu2"]) in about(found, "gpu2")
    assert status["totals"]["hosts_read"] == 4
    replicas = {one["server"]: one["state"] for one in status["models"][0]["replicas"]}
    assert replicas == {"gpu1": "ready", "gpu2": "unknown", "gpu3": "ready"}


def test_nothing_at_all_is_read() -> None:
    found = fleets.readings(3)._replace(hosts={}, reasons={}, database={"error": "gone"}, keys={}, drift=None)
    status = status_of(found)
    assert status["totals"]["hosts_read"] == 0
    assert len([one for one in status["problems"] if one["where"].startswith(("gpu", "gateway"))]) == 5
    assert [what for _level, what in about(found, "database")] == ["can't be read: gone"]
    assert [what for _level, what in about(found, "keys")] == ["can't be read: the proxy did not say its keys"]


def test_an_engine_that_is_down() -> None:
    down = changed(
        3, "gpu1", containers=[], vllm=[], gate=None, faults={"containers": "Cannot connect to the Docker daemon"}
    )
    assert about(down, "gpu1") == [("error", "its containers can't be read: Cannot connect to the Docker daemon")]
    assert status_of(down)["drift"]["containers"] == []


def test_parts_of_a_host_that_failed_are_named() -> None:
    assert about(changed(3, "gpu1", faults={"disks": "OSError: no"}), "gpu1") == [
        ("warning", "disks can't be read: OSError: no")
    ]


def test_gpus_that_are_not_told_or_are_missing() -> None:
    assert (
        about(changed(3, "gpu1", gpus={"gpus": [], "error": "Driver/library version mismatch"}), "gpu1")[0][0]
        == "error"
    )
    few = changed(3, "gpu1", gpus={"gpus": [fleets.card(0, 1)], "error": ""})
    assert about(few, "gpu1") == [("error", "1 of 8 GPUs are there")]


def test_without_a_plan_what_runs_is_told() -> None:
    found = fleets.readings(1)._replace(plan_error="llm1 has fewer GPUs than llm_gpu_count says")
    found = found._replace(value={**found.value, "stage": "declared", "instances": []})
    status = status_of(found)
    assert [one["name"] for one in status["models"]] == ["chat-small", "embed"]
    assert "which instances there should be is not known" in about(found, "fleet")[0][1]
    assert status["drift"]["containers"] == []


def test_a_database_that_is_not_the_fleet_s_own() -> None:
    found = fleets.readings(1)._replace(database=None)
    status = status_of(found)
    assert (status["database"], about(found, "database"), about(found, "backup")) == (None, [], [])


def test_an_older_litellm_lacks_a_table() -> None:
    lacking = {**fleets.database(1), "hours": None, "faults": {"hours": 'relation "LiteLLM_SpendLogs" does not exist'}}
    found = fleets.readings(1)._replace(database=lacking)
    assert about(found, "database")[0][0] == "warning"
    assert status_of(found)["usage"]["hours"] == []


# ---- models


@pytest.mark.parametrize(
    ("more", "state", "level"),
    [
        ({"state": "exited", "exit_code": 137}, "exited", "error"),
        ({"state": "restarting"}, "restarting", "error"),
        ({"health": "unhealthy"}, "unhealthy", "error"),
        ({"health": "starting"}, "starting", "warning"),
    ],
)
def test_a_replica_that_is_not_ready(more: Value, state: str, level: str) -> None:
    found = with_box(3, "gpu1", "llmfleet-vllm-coder", **more)
    (model,) = [one for one in status_of(found)["models"] if one["name"] == "coder"]
    assert (model["replicas"][0]["state"], model["ready"], model["wanted"]) == (state, 2, 3)
    assert about(found, "gpu1/coder")[0][0] == level


def test_a_model_without_any_replica_is_an_error_of_its_own() -> None:
    found = with_box(1, "llm1", "llmfleet-vllm-embed", state="exited")
    assert about(found, "embed") == [("error", "no replica is ready: its users get errors")]


def test_a_missing_container_is_told_once() -> None:
    boxes = [one for one in fleets.host(3, "gpu1", 2)["containers"] if one["name"] != "llmfleet-vllm-coder"]
    found = changed(3, "gpu1", containers=boxes)
    assert about(found, "gpu1/coder") == [("error", "coder is missing: there is no container of it")]
    assert [one.where for one in told(found) if "coder" in one.where] == ["gpu1/coder"]


def test_what_a_person_drained_is_a_note() -> None:
    found = fleets.readings(3)
    for name in ("gpu1", "gpu1/coder"):
        drained = found._replace(value={**found.value, "drained": [name]})
        assert about(drained, "gpu1/coder") == [("note", "gets no requests, by the playbook drain")]


def test_a_replica_that_the_gates_do_not_reach() -> None:
    found = fleets.readings(3)
    hosts = copy.deepcopy(found.hosts)
    for name in ("gateway1", "gateway2"):
        for row in hosts[name]["gate"]["servers"]:
            row["status"] = "DOWN" if row["server"] == "gpu1:coder" else row["status"]
    assert about(found._replace(hosts=hosts), "gpu1/coder") == [("error", "coder is away: for the gates it is DOWN")]


def test_a_node_without_an_api_is_no_replica() -> None:
    found = fleets.readings(3)
    nodes = [{**one, "rank": 1} if one["server"] == "gpu2" else one for one in found.instances()]
    assert len(models.wanted(found._replace(value={**found.value, "instances": nodes}))) == 8


def test_queue_and_cache() -> None:
    asked = [{**one, "waiting": 9, "running": 4, "kv_cache_percent": 99.0} for one in fleets.host(1, "llm1", 0)["vllm"]]
    assert [level for level, _what in about(changed(1, "llm1", vllm=asked), "embed")] == ["warning", "warning"]


# ---- services, images


def test_a_proxy_that_does_not_answer_or_has_lost_its_database() -> None:
    silent = [{"container": "llmfleet-litellm-1", "answers": False, "error": "timed out"}]
    assert about(changed(3, "gateway1", litellm=silent), "gateway1/llmfleet-litellm-1") == [
        ("error", "does not answer: timed out")
    ]
    apart = [{"container": "llmfleet-litellm-1", "answers": True, "version": "1", "database": "Not connected"}]
    found = changed(3, "gateway1", litellm=apart)
    assert about(found, "gateway1/llmfleet-litellm-1") == [("error", "its database is Not connected")]
    assert about(found, "litellm") == [("warning", "several versions run: 1, 1.104.5")]


def test_restarts_of_today_are_told_and_old_ones_are_not() -> None:
    today = with_box(3, "gateway1", "llmfleet-edge", restarts=3, started=ago(hours=5))
    assert about(today, "gateway1/llmfleet-edge") == [("warning", "the engine started it anew 3 times, last 5 h ago")]
    assert about(with_box(3, "gateway1", "llmfleet-edge", restarts=3), "gateway1/llmfleet-edge") == []


def test_a_download_that_is_done_is_no_problem() -> None:
    done = fleets.box("llmfleet-vllm-embed", "download", "x", name="llmfleet-vllm-embed-download-1", state="exited")
    boxes = [*fleets.host(1, "llm1", 0)["containers"], done]
    assert told(changed(1, "llm1", containers=boxes)) == told(fleets.readings(1))


def test_one_name_with_two_contents() -> None:
    found = with_box(3, "gpu1", "llmfleet-gate", digest="sha256:" + "00" * 32)
    (level, what) = about(found, "images")[0]
    assert (level, "haproxy:3.0.11 is not the same everywhere" in what) == ("warning", True)


def test_containers_that_differ_from_the_declaration() -> None:
    found = with_box(3, "gateway1", "llmfleet-edge", image="docker.io/library/caddy:2.10.0")
    assert "other image" in about(found, "gateway1/llmfleet-edge")[0][1] or about(found, "gateway1/llmfleet-edge")
    stray = fleets.box("llmfleet-old", "old", "x")
    boxes = [*fleets.host(3, "gateway1", 0)["containers"], stray]
    assert about(changed(3, "gateway1", containers=boxes), "gateway1/llmfleet-old") == [("warning", "is not declared")]
    none = [one for one in fleets.host(3, "gateway1", 0)["containers"] if one["name"] != "llmfleet-edge"]
    assert about(changed(3, "gateway1", containers=none), "gateway1/llmfleet-edge") == [
        ("error", "the container is missing")
    ]


# ---- keys


def test_keys_near_their_end() -> None:
    found = status_of(fleets.readings(1))["keys"]
    assert [one["name"] for one in found["near"]] == ["evaluation", "ide-plugin", "intern-2026"]
    assert found["total"] == 61


@pytest.mark.parametrize(
    ("key", "near", "what"),
    [
        ({"spend": 79.9, "max_budget": 100}, False, ""),
        ({"spend": 0, "max_budget": 0}, False, ""),
        ({"spend": 1, "litellm_budget_table": {"max_budget": 1}}, True, "refused"),
        ({"expires": ago(days=3)}, True, "ended 3 d ago"),
        ({"expires": ago(days=300)}, False, ""),
        ({"expires": "never"}, False, ""),
        ({"expires": (NOW + datetime.timedelta(days=13.5)).replace(tzinfo=None).isoformat()}, True, "ends in"),
        ({"spend": 99, "max_budget": 100, "team_id": "litellm-dashboard"}, False, ""),
    ],
)
def test_which_keys_are_near(key: Value, near: bool, what: str) -> None:
    found = fleets.readings(1)._replace(keys={"objects": {"keys": [{"key_alias": "a", **key}]}})
    listed = status_of(found)["keys"]["near"]
    assert bool(listed) is near
    assert what in "".join(text for _level, text in about(found, "key a"))


def test_very_many_keys_are_summed_up() -> None:
    many = [{"key_alias": f"k{number}", "spend": 2, "max_budget": 1} for number in range(5000)]
    found = told(fleets.readings(1)._replace(keys={"objects": {"keys": many}}))
    assert len([one for one in found if one.where.startswith("key")]) == 21
    assert any(one.what.startswith("180 more keys") for one in found)


def test_no_value_of_a_key_gets_out() -> None:
    secret = {
        "key_alias": None,
        "key_name": "sk-...abcd",
        "token": "9f86d081884c7d65",
        "key": "sk-raw-value",
        "spend": 2,
    }
    found = fleets.readings(1)._replace(keys={"objects": {"keys": [{**secret, "max_budget": 1}]}})
    status = status_of(found)
    assert "sk-...abcd" in json.dumps(status)
    assert "9f86d081" not in json.dumps(status)
    assert "sk-raw-value" not in json.dumps(status)


# ---- database


def test_growth_and_when_the_disk_is_full() -> None:
    found = status_of(fleets.readings(1))["database"]
    assert found["rows_a_day"] == 210000
    assert found["grows_bytes_a_day"] == pytest.approx(210000 * 26 * fleets.GIB / 9400000)
    assert found["disk"]["paths"][0] == "/opt/llmfleet"
    assert found["full_in_days"] is None  # what is older than 90 days is deleted before


@pytest.mark.parametrize(
    ("free", "grows", "kept", "oldest", "days"),
    [
        (100.0, 10.0, None, 5.0, 10.0),
        (100.0, 10.0, 90.0, 5.0, 10.0),
        (100.0, 10.0, 90.0, 85.0, None),
        (100.0, 10.0, 90.0, None, 10.0),
        (100.0, 0.0, None, 5.0, None),
        (None, 10.0, None, 5.0, None),
        (100.0, None, None, None, None),
    ],
)
def test_days_until_full(free: t.Any, grows: t.Any, kept: t.Any, oldest: t.Any, days: t.Any) -> None:
    assert usage.full_in(free, grows, kept, oldest) == days


def test_a_database_of_today_grows_by_what_it_has() -> None:
    assert usage.rows_a_day({"rows": 700, "days": 7, "oldest_days": 0.2}) == 700
    assert usage.rows_a_day({"rows": 700, "days": 7, "oldest_days": 2}) == 350
    assert usage.rows_a_day({"rows": 0, "days": 7, "oldest_days": None}) == 0
    assert usage.rows_a_day({}) is None


def test_a_disk_that_fills_up_is_told() -> None:
    found = fleets.readings(1)
    hosts = copy.deepcopy(found.hosts)
    hosts["llm1"]["disks"][0].update(free_bytes=5 * fleets.GIB, used_bytes=895 * fleets.GIB)
    found = found._replace(hosts=hosts)
    assert [level for level, what in about(found, "database") if "full in" in what] == ["warning"]
    assert [level for level, what in about(found, "llm1") if "are free" in what] == ["error"]


@pytest.mark.parametrize(
    ("said", "days"), [("90d", 90), ("12h", 0.5), ("2w", 14), ("1mo", 30), ("", None), ("x", None)]
)
def test_how_long_logs_are_kept(said: str, days: float | None) -> None:
    value = fleets.value(1)
    litellm = value["hosts"]["llm1"]["litellm"]["projects"][0]["vars"]["litellm_instance"]
    litellm["config"]["general_settings"]["maximum_spend_logs_retention_period"] = said
    assert usage.retention(value) == days


def test_models_of_most_tokens_have_a_series_and_the_others_are_one() -> None:
    rows = [
        {"day": "2026-11-25", "model": f"m{number:02}", "prompt_tokens": number, "completion_tokens": 1, "spend": 1}
        for number in range(20)
    ]
    found = usage.days(rows)
    assert list(found["tokens"]) == ["m19", "m18", "m17", "m16", "m15", "m14", "others"]
    assert sum(sum(one) for one in found["tokens"].values()) == sum(range(20)) + 20
    assert found["spend"] == [20]


# ---- certificates, backup, drift


def pem(days: float) -> Value:
    """One that ends so many days after now."""
    made = datetime.datetime(2026, 11, 26, tzinfo=datetime.timezone.utc)
    text = fleets.certificates.certificate("s" * 48, "a.test", [], made).partition("-----BEGIN PRIV")[0]
    whole = ends.certificate({"name": "edge", "pem": text}, made)["days"]
    return ends.certificate({"name": "edge", "pem": text}, made + datetime.timedelta(days=whole - days))


def test_days_of_a_certificate() -> None:
    assert pem(12.0)["days"] == pytest.approx(12.0)
    assert pem(-3.0)["subject"] == "a.test"


@pytest.mark.parametrize(
    "text", ["", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", None, 7, {}]
)
def test_what_is_no_certificate(text: t.Any) -> None:
    found = ends.certificate({"name": "edge", "pem": text}, NOW)
    assert (found["days"], "can't be read" in found["error"]) == (None, True)


@pytest.mark.parametrize(("days", "level"), [(-1.0, "error"), (3.0, "error"), (20.0, "warning")])
def test_a_certificate_that_ends(days: float, level: str) -> None:
    status = status_of(fleets.readings(1))
    status["certificates"] = [{"host": "llm1", **pem(days)}]
    assert [one.level for one in findings(status) if one.where == "llm1/edge"] == [level]


@pytest.mark.parametrize(
    ("backup", "levels"),
    [
        (fleets.BACKUP, []),
        ({**fleets.BACKUP, "ok": False, "message": "no space left"}, ["error"]),
        ({**fleets.BACKUP, "finished": ago(days=3)}, ["warning"]),
        ({**fleets.BACKUP, "restore_tested": None}, ["note"]),
        ({**fleets.BACKUP, "restore_tested": ago(days=50)}, ["note"]),
        ({}, ["error", "note"]),
        ({"finished": "soon", "ok": "yes", "bytes": "many", "restore_tested": []}, ["error", "note"]),
        (None, ["warning"]),
        ([1], ["warning"]),
    ],
)
def test_the_last_backup(backup: t.Any, levels: list[str]) -> None:
    assert [level for level, _what in about(changed(1, "llm1", backup=backup), "backup")] == levels


def test_the_newest_backup_counts() -> None:
    found = fleets.readings(3)
    hosts = copy.deepcopy(found.hosts)
    hosts["gateway2"]["backup"] = {**fleets.BACKUP, "finished": ago(days=40), "ok": False}
    assert about(found._replace(hosts=hosts), "backup") == []


def test_objects_that_differ() -> None:
    many = {"operations": [{"kind": "key", "name": f"k{number}", "operation": "create"} for number in range(9)]}
    found = fleets.readings(1)._replace(drift=many)
    said = "9 objects differ from llm_state: create key k0, create key k1, create key k2 and 6 more"
    assert about(found, "drift") == [("warning", said)]
    assert about(fleets.readings(1)._replace(drift={"msg": "401"}), "drift")[0][1] == "objects can't be compared: 401"
    assert about(fleets.readings(1)._replace(drift=None), "drift") == []


# ---- what is asked


def test_what_hosts_are_asked() -> None:
    asked = asking.asked(fleets.value(3), {"gpu1": {"docker": {"root": "/data/docker"}}, "gpu2": None})
    assert asked["hosts"]["gpu1"]["disks"] == ["/opt/llmfleet", "/data/docker", "/opt/llmfleet/models"]
    assert asked["hosts"]["gpu2"]["disks"][1] == "/var/lib/docker"
    assert [asked["hosts"][name]["gpus"] for name in ("gateway1", "gpu1")] == [False, True]
    assert asked["hosts"]["gateway1"]["backup"] == "/opt/llmfleet/backup"
    assert asked["hosts"]["gpu1"]["backup"] is None
    edge, gate = asked["hosts"]["gateway1"]["certificates"]
    assert edge == {"name": "edge", "server_name": "llm.example.com", "address": "127.0.0.1", "port": 443}
    assert gate["path"] == "/opt/llmfleet/gate/secrets/mounted/host.pem"
    assert asked["database"] == {"host": "gateway1", "options": {"database": "litellm"}}


@pytest.mark.parametrize(
    ("ports", "address", "port"),
    [
        (["192.0.2.7:80:8080", "192.0.2.7:8443:8443"], "192.0.2.7", 8443),
        (["0.0.0.0:80:8080", "0.0.0.0:443:8443"], "127.0.0.1", 443),
        (["[2001:db8::1]:443:8443"], "2001:db8::1", 443),
        ([], "127.0.0.1", 443),
    ],
)
def test_where_the_edge_shows_its_certificate(ports: list[str], address: str, port: int) -> None:
    value = fleets.value(1)
    edge = value["hosts"]["llm1"]["edge"]["projects"][0]["vars"]["edge_instance"]["compose"]["services"]["edge"]
    edge["ports"] = ports
    asked = asking.asked(value, {})["hosts"]["llm1"]["certificates"][0]
    assert (asked["address"], asked["port"]) == (address, port)


def test_instances_in_their_hosts_network_are_asked_where_they_listen() -> None:
    value = fleets.value(1)
    value["instances"] = [{**one, "host_network": True} for one in value["instances"]]
    assert asking.asked(value, {})["hosts"]["llm1"]["urls"]["llmfleet-vllm-embed"] == "http://127.0.0.1:8001"


def test_what_the_tasks_registered_and_what_they_did_not() -> None:
    raw: Value = {
        "value": fleets.value(3),
        "now": NOW,
        "hosts": {
            "gateway1": fleets.host(3, "gateway1", 0),
            "gateway2": {"unreachable": True, "msg": "Task failed: No route\nto host"},
            "gpu1": {"failed": True, "msg": "MODULE FAILURE"},
            "gpu2": {},
        },
        "plan_error": "",
        "database": {"host": "gateway1", "msg": "no such container"},
        "keys": {},
        "drift": None,
    }
    found = asking.readings_of(raw)
    assert list(found.hosts) == ["gateway1"]
    assert found.reasons == {"gateway2": "No route", "gpu1": "MODULE FAILURE", "gpu2": "it was not asked"}
    assert found.database == {"host": "gateway1", "error": "no such container"}


# ---- readings that are nonsense

NONSENSE: list[t.Any] = [
    None,
    True,
    -1,
    1e308,
    math.nan,
    math.inf,
    "",
    "\x1b[31mred\u202e",
    [],
    [None],
    [[]],
    {},
    {"a": {}},
    10**400,
]


def spoiled(value: t.Any, nonsense: t.Any, depth: int) -> t.Any:
    """Every leaf, or every part of that depth, is something else."""
    if depth == 0 or not isinstance(value, (dict, list)):
        return nonsense
    if isinstance(value, dict):
        return {key: spoiled(one, nonsense, depth - 1) for key, one in value.items()}
    return [spoiled(one, nonsense, depth - 1) for one in value]


@pytest.mark.parametrize("depth", range(7))
@pytest.mark.parametrize("nonsense", NONSENSE, ids=repr)
def test_any_reading_gives_a_status(nonsense: t.Any, depth: int) -> None:
    found = fleets.readings(3)
    hosts = {name: spoiled(one, nonsense, depth) for name, one in found.hosts.items()}
    found = found._replace(
        hosts=hosts,
        database=spoiled(found.database, nonsense, depth),
        keys=spoiled(found.keys, nonsense, depth),
        drift=spoiled({"operations": [{"kind": "key"}]}, nonsense, depth),
    )
    json.dumps(status_of(found), allow_nan=False)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\x1b[2Jb", "a[2Jb"),
        ("a\u202eb\u200bc\x00", "abc"),
        ("  a \n\t b  ", "a b"),
        ({"a": 1}, ""),
        (None, ""),
        (5, "5"),
        ("x" * 300, "x" * 199 + "…"),
        ("\ud800x", "x"),
    ],
)
def test_a_text_steers_no_terminal(value: t.Any, text: str) -> None:
    assert values.text(value) == text


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (values.size, 0, "0 B"),
        (values.size, 1536, "1.5 KiB"),
        (values.size, 5e14, "454.7 TiB"),
        (values.size, None, "-"),
        (values.count, 12345, "12.3 k"),
        (values.count, 999, "999"),
        (values.count, 50e6, "50 M"),
        (values.count, 0.25, "0.2"),
        (values.duration, 119, "119 s"),
        (values.duration, 3 * 86400, "3 d"),
        (values.duration, None, "-"),
        (values.milliseconds, 1500, "1.5 s"),
        (values.money, 1234.5, "1,234"),
        (values.percent, 99.6, "100 %"),
    ],
)
def test_figures_for_people(write: t.Callable[[t.Any], str], value: t.Any, text: str) -> None:
    assert write(value) == text
