# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The disk is full while everything writes."""

from __future__ import annotations

import time
import typing as t

import pytest

ROOT = "/opt/llmfleet"
#: MiB that are free before the disk is filled.
FREE = 64


def moved(host: t.Any, *lines: str) -> None:
    """While nothing runs: with live-restore containers outlive the engine, with their mounts."""
    names = host.check_output("docker ps --format '{{.Names}}'").replace("\n", " ")
    host.check_output(f"docker stop {names} && systemctl stop docker.socket docker")
    host.check_output(" && ".join(lines))
    host.check_output(f"systemctl start docker && docker start {names}")


@pytest.fixture
def small_disk(host: t.Any, gateway: t.Any) -> t.Iterator[None]:
    """The collection's folder on a small file system in memory: this host is a container, without a disk."""
    moved(
        host,
        "mkdir -p /mnt/small",
        f"size=$(du -sm {ROOT} | cut -f1)",
        f"mount -t tmpfs -o mode=755,size=$((size + {FREE}))m tmpfs /mnt/small",
        f"cp -a {ROOT}/. /mnt/small/",
        f"mount --bind /mnt/small {ROOT}",
    )
    gateway.wait()
    yield
    moved(
        host,
        f"umount {ROOT}",
        f"find {ROOT} -mindepth 1 -delete",
        f"cp -a /mnt/small/. {ROOT}/",
        "umount /mnt/small",
    )
    gateway.wait()


@pytest.mark.usefixtures("small_disk")
def test_a_full_disk(host: t.Any, deploy: t.Any, declare: t.Any, load: t.Any, kept: t.Any, note: t.Any) -> None:
    answers = load.good
    with load:
        load.wait(60)
        host.run(f"dd if=/dev/zero of={ROOT}/fill bs=1M")
        host.run(f"dd if=/dev/zero of={ROOT}/fill2 bs=1")
        assert host.check_output(f"df --output=avail {ROOT} | tail -1").strip() == "0"
        time.sleep(20)
        meanwhile = list(load.failed)
        declare(litellm_request_timeout=777)
        ended = deploy()
        assert ended.code not in (None, 0)
        assert "No space left on device" in ended.output, ended.output[-4000:]
        host.check_output(f"rm {ROOT}/fill {ROOT}/fill2")
        begin = time.monotonic()
        load.wait(180)
        back = time.monotonic() - begin
    note(
        "the disk full",
        failed=meanwhile,
        answered=load.good - answers,
        seconds_to_answer=round(back, 1),
        **kept.missing(load.good - answers),
    )
    kept.whole()
    assert deploy().code == 0
    again = deploy()
    assert (again.code, again.changed) == (0, 0)
