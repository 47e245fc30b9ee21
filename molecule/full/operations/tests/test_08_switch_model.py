# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Another model is served instead of one, and the declaration says so."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import yaml

DECLARED = (
    Path(__file__).resolve().parents[4]
    / ".cache/molecule"
    / os.environ["MOLECULE_SCENARIO_NAME"]
    / "inventory/group_vars/all/models_off.yml"
)


def test_the_other_model_is_served(operate: t.Any, operated: t.Any, gateway: t.Any, host: t.Any, site: t.Any) -> None:
    done = operate("switch_model", confirm=False, from_model="tiny", to_model="other")
    assert done.code != 0 and "Requests for tiny are refused from then on" in " ".join(done.output.split())
    assert operate("switch_model", to_model="nobody").code != 0
    result = operated("switch_model", from_model="tiny", to_model="other")
    assert result["llm_models_off"] == ["tiny"]
    assert yaml.safe_load(DECLARED.read_text()) == {"llm_models_off": ["tiny"]}
    assert gateway.chat(model="other")[0] == 200
    assert gateway.chat(model="tiny")[0] in (400, 401, 403, 404)
    assert host.check_output("docker ps --quiet --filter name=llmfleet-vllm-tiny") == ""
    assert site().changed == {}
