# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts fail, one after the other, under load. What clients saw is the table of docs/failures.md."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import typing as t

import pytest
from fleet import CHECKOUT, GATEWAY, LAST, MODEL, PATIENCE, SERVERS, command, settings

VLLM = "llmfleet-vllm-tiny"
#: Brackets: the pattern is not to find the shell that it stands in.
ENGINE = "pgrep -f '[E]ngineCore'"
AWAY = float(os.environ.get("LLMFLEET_AWAY_SECONDS", "60"))


def crash(fleet: t.Any, host: str, container: str, number: int = 9) -> None:
    """The container's first process ends as by a fault. (`docker kill` would be a person's stop, without a restart.)"""
    fleet.on(host, f"kill -{number} $(docker inspect --format '{{{{.State.Pid}}}}' {container})")


def healthy(fleet: t.Any, host: str, container: str = VLLM) -> bool:
    line = f"docker inspect --format '{{{{.State.Health.Status}}}}' {container}"
    return bool(fleet.on(host, line, check=False) == "healthy")


def unchanged(fleet: t.Any) -> None:
    run = fleet.run()
    assert set(run.changed.values()) == {0}, run.output[-6000:]


@pytest.fixture(autouse=True)
def all_well(fleet: t.Any) -> t.Iterator[None]:
    """Each begins with a fleet that answers on all of its servers."""
    fleet.wait()
    for server in SERVERS:
        fleet.wait_for(f"vLLM of {server}", lambda server=server: healthy(fleet, server), 300)
    yield


def test_vllm_crashes(fleet: t.Any, loaded: t.Any) -> None:
    with loaded("vLLM crashes") as seen:
        crash(fleet, "gpu1", VLLM)
        time.sleep(5)
        seconds = fleet.wait_for("vLLM of gpu1", lambda: healthy(fleet, "gpu1"), 300)
        seen.notes.append(f"the engine started it again; healthy after {seconds + 5:.0f} s")
    assert fleet.ask()[0] == 200


def engine_apart(fleet: t.Any, server: str) -> None:
    """In a process of its own, as on a GPU; the scenario changes saves that process."""
    if not fleet.on(server, f"{ENGINE} || true"):
        alone = fleet.model(MODEL, replicas="each", environment={"VLLM_ENABLE_V1_MULTIPROCESSING": "1"})
        fleet.declare(llm_models=[alone])
        fleet.run()


def test_vllm_hangs_while_its_health_says_200(fleet: t.Any, loaded: t.Any) -> None:
    engine_apart(fleet, "gpu2")
    started = fleet.started()[f"gpu2/{VLLM}"]
    with loaded("vLLM hangs, /health says 200") as seen:
        fleet.on("gpu2", f"kill -STOP $({ENGINE})")
        begin = time.monotonic()
        ask = f"docker exec {VLLM} python3 -c \"import urllib.request as r; print(r.urlopen('http://127.0.0.1:8000/health').status)\""
        assert fleet.on("gpu2", ask) == "200"
        found = fleet.wait_for("the watch", lambda: fleet.started().get(f"gpu2/{VLLM}", started) != started, 150)
        seen.notes.append(f"found and killed after {found:.0f} s")
        fleet.wait_for("vLLM of gpu2", lambda: healthy(fleet, "gpu2"), 300)
        seen.notes.append(f"healthy after {time.monotonic() - begin:.0f} s")
    assert found < 120
    said = fleet.on("gpu2", "journalctl -u llmfleet-watch --no-pager -o cat")
    assert "llmfleet-vllm-tiny hangs: no step for" in said


def test_a_server_is_unreachable(fleet: t.Any, loaded: t.Any) -> None:
    """Its packets are dropped, both ways: no connection is refused, none is reset."""
    with loaded("server unreachable (packets dropped)") as seen:
        for chain in ("INPUT -i", "OUTPUT -o"):
            fleet.on(LAST, f"iptables -I {chain} eth0 -j DROP")
        run = fleet.run(check=False)
        seen.notes.append(f"a run meanwhile ended with {run.status} after {run.seconds:.0f} s")
        for chain in ("INPUT -i", "OUTPUT -o"):
            fleet.on(LAST, f"iptables -D {chain} eth0 -j DROP")
    assert run.status != 0 and LAST in run.flat
    print(run.output[-3000:])
    unchanged(fleet)


def test_a_server_dies(fleet: t.Any, loaded: t.Any) -> None:
    with loaded("server dead") as seen:
        fleet.docker("kill", fleet.container(LAST))
        time.sleep(30)
        fleet.docker("start", fleet.container(LAST))
        seconds = fleet.wait_for("vLLM of " + LAST, lambda: healthy(fleet, LAST), 300)
        seen.notes.append(f"serves {seconds:.0f} s after its boot")


def test_a_server_dies_in_the_middle_of_a_roll(fleet: t.Any, loaded: t.Any) -> None:
    changed = fleet.model(MODEL, replicas="each", environment={"OMP_NUM_THREADS": "2"})
    before = fleet.started()
    with loaded("server dead in the middle of a roll") as seen:
        fleet.declare(llm_models=[changed])
        process = subprocess.Popen(
            command(), cwd=CHECKOUT, env=settings(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        fleet.wait_for("the roll", lambda: rolled(fleet, before), 300)
        fleet.docker("kill", fleet.container(LAST))
        output = process.communicate(timeout=900 * PATIENCE)[0]
        seen.notes.append(f"the run ended with {process.returncode}")
    print(output[-4000:])
    assert process.returncode != 0 and LAST in output[output.rindex("PLAY RECAP") :]
    fleet.docker("start", fleet.container(LAST))
    fleet.wait_for(f"ssh of {LAST}", lambda: running(fleet, LAST), 60)
    fleet.run()
    unchanged(fleet)


def rolled(fleet: t.Any, before: dict[str, str]) -> bool:
    """Whether one has changed and serves, and others have not."""
    after = fleet.started()
    new = [name.partition("/")[0] for name, moment in before.items() if VLLM in name and after.get(name) != moment]
    return any(healthy(fleet, host) for host in new if host != LAST)


@pytest.mark.parametrize("part", ["postgres", "redis"])
def test_a_store_is_away(fleet: t.Any, loaded: t.Any, part: str) -> None:
    container = f"llmfleet-{part}"
    with loaded(f"{part} away for {AWAY:.0f} s") as seen:
        fleet.on(GATEWAY, f"docker stop {container}")
        time.sleep(AWAY)
        back = seen.now() - seen.since
        fleet.on(GATEWAY, f"docker start {container}")
        time.sleep(20)
        seen.notes.append("seconds count from its return" if back >= 0 else "")
    fleet.wait()


def test_a_litellm_crashes(fleet: t.Any, loaded: t.Any) -> None:
    names = fleet.on(GATEWAY, "docker ps --format '{{.Names}}' | grep litellm | sort").split()
    with loaded("one LiteLLM crashes") as seen:
        crash(fleet, GATEWAY, names[-1])
        time.sleep(5)
        seconds = fleet.wait_for(names[-1], lambda: healthy(fleet, GATEWAY, names[-1]), 300)
        seen.notes.append(f"healthy after {seconds + 5:.0f} s")


@pytest.mark.parametrize("host", [GATEWAY, "gpu1"])
def test_a_gate_crashes(fleet: t.Any, loaded: t.Any, host: str) -> None:
    with loaded(f"gate of {'the gateway' if host == GATEWAY else 'a server'} crashes"):
        crash(fleet, host, "llmfleet-gate")
        time.sleep(20)


def test_the_edge_crashes(fleet: t.Any, loaded: t.Any) -> None:
    with loaded("edge crashes"):
        crash(fleet, GATEWAY, "llmfleet-edge-1")
        time.sleep(20)


@pytest.mark.parametrize(("dead", "asked"), [("gateway2", GATEWAY), (GATEWAY, "gateway2")])
def test_a_gateway_dies(fleet: t.Any, loaded: t.Any, dead: str, asked: str) -> None:
    """Clients of the other one. The first gateway has the database and Redis, so its death is theirs too."""
    own, fleet.gateway = fleet.gateway, asked
    try:
        fleet.wait()
        with loaded(f"{'first' if dead == GATEWAY else 'second'} gateway dead, clients of the other one") as seen:
            fleet.docker("kill", fleet.container(dead))
            time.sleep(AWAY)
            fleet.docker("start", fleet.container(dead))
            fleet.gateway = dead
            seen.notes.append(f"the dead one answers {fleet.wait(seconds=300):.0f} s after its boot")
    finally:
        fleet.gateway = own


@pytest.mark.parametrize("moment", [4, 25, "in the middle of a roll"])
def test_a_run_that_was_killed_can_be_run_again(fleet: t.Any, loaded: t.Any, moment: int | str) -> None:
    """The run and all its connections end at once; what it had begun on the hosts goes on or is taken back."""
    when = moment if isinstance(moment, str) else f"after {moment} s"
    changed = fleet.model(MODEL, replicas="each", environment={"CHANGED": f"{time.time():.0f}"})
    before = fleet.started()
    with loaded(f"run killed {when}, and run again") as seen:
        fleet.declare(llm_models=[changed])
        process = subprocess.Popen(
            command(), cwd=CHECKOUT, env=settings(), stdout=subprocess.DEVNULL, start_new_session=True
        )
        if isinstance(moment, int):
            time.sleep(moment)
        else:
            fleet.wait_for("the roll", lambda: rolled(fleet, before), 300)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        run = fleet.run()
        seen.notes.append(f"the second run took {run.seconds:.0f} s")
    unchanged(fleet)


def test_a_server_is_lost_for_good(fleet: t.Any, loaded: t.Any) -> None:
    """It is taken out of the fleet although it does not answer, and later one of its name joins."""
    hosts = (fleet.inventory / "hosts.yml").read_text()
    try:
        with loaded("server lost for good, decommissioned while it does not answer, taken out") as seen:
            fleet.docker("kill", fleet.container(LAST))
            gone = fleet.run("-e", f"server={LAST}", "-e", "confirm=yes", playbook="playbooks/decommission.yml")
            print(gone.output[-1500:])
            assert "it does not answer" in gone.flat
            (fleet.inventory / "hosts.yml").write_text(hosts.replace(f"    {LAST}:\n", ""))
            run = fleet.run()
            seen.notes.append(f"decommission took {gone.seconds:.0f} s, the run without it {run.seconds:.0f} s")
        without(fleet)
    finally:
        fleet.docker("start", fleet.container(LAST))
        (fleet.inventory / "hosts.yml").write_text(hosts)
        fleet.declare()
    fleet.wait_for(f"ssh of {LAST}", lambda: running(fleet, LAST), 60)
    fleet.run()
    before = fleet.tokens(LAST)
    for _question in range(20):
        assert fleet.ask()[0] == 200
    assert fleet.tokens(LAST) > before


def running(fleet: t.Any, host: str) -> bool:
    return bool(fleet.on(host, "systemctl is-active ssh docker", False).count("active") == 2)


def without(fleet: t.Any) -> None:
    """What named it is refused with its name; as many replicas as before go on with those that are left."""
    many = len(SERVERS)
    fleet.declare(llm_models=[fleet.model(MODEL, replicas=many), fleet.model("pinned", servers=[LAST])])
    refused = fleet.run(check=False)
    assert refused.status != 0 and LAST in refused.flat, refused.output[-1500:]
    fleet.declare(llm_models=[fleet.model(MODEL, replicas=many)])
    fleet.run()
    assert len([name for name in fleet.started() if "/llmfleet-vllm-tiny" in name]) == many
