# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Weights at another place without a download, and without a request that notices it."""

from __future__ import annotations

import typing as t

OLD, NEW = "/opt/llmfleet/models", "/srv/moved"


def test_weights_move_and_the_old_folder_goes_when_it_is_told_to(
    operate: t.Any, operated: t.Any, host: t.Any, load: t.Any
) -> None:
    host.check_output(f"mkdir -p {OLD}/hub && echo weights > {OLD}/hub/w && ln -sf w {OLD}/hub/link")
    declared = {"from_dir": OLD, "vllm_models_dir": NEW}
    assert operate("move_models", from_dir=OLD).code != 0
    with load:
        result = operated("move_models", confirm=False, **declared)
    assert set(load.statuses) == {"good"}, load.statuses
    assert (result["linked"], result["kept"]) == (True, [OLD])
    assert host.check_output(f"cat {NEW}/hub/link") == "weights"
    mounts = host.check_output("docker inspect --format '{{range .Mounts}}{{.Source}} {{end}}' llmfleet-vllm-tiny")
    assert NEW in mounts.split() and OLD not in mounts.split()
    assert host.file(f"{OLD}/hub/w").exists
    assert operate("move_models", confirm=False, remove=True, **declared).code != 0
    operated("move_models", remove=True, **declared)
    assert not host.file(OLD).exists
    # Back, as the inventory declares it.
    operated("move_models", confirm=False, from_dir=NEW)
    assert host.file(f"{OLD}/hub/w").content_string == "weights\n"
