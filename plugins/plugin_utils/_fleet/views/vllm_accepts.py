# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How each image of vLLM is asked whether it takes its instances' options (roles/vllm/files/accepts.py): without a GPU or a network.

Pure and without secrets. Only views/vllm.py imports it.
"""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views.weights import MODELS, is_path

Said = t.Mapping[str, t.Any]
#: Its libraries are loaded, and no model.
MEMORY = "4g"
ENVIRONMENT = ("HOME=/tmp", "HF_HUB_OFFLINE=1", "VLLM_CACHE_ROOT=/tmp/vllm", "VLLM_NO_USAGE_STATS=1")


def accepts(instances: t.Sequence[tuple[Said, Said]], said: Said) -> list[dict[str, t.Any]]:
    """Of instances and their options: once for each image."""
    images = dict.fromkeys(str(one["image"]) for one, _options in instances)
    return [_asked(image, [pair for pair in instances if pair[0]["image"] == image], said) for image in images]


def _asked(image: str, instances: t.Sequence[tuple[Said, Said]], said: Said) -> dict[str, t.Any]:
    paths = dict.fromkeys(one["model"] for one, _options in instances if is_path(one["model"]))
    folders = [f"{said['vllm_models_dir']}:{MODELS}:ro", *(f"{path}:{path}:ro" for path in paths)]
    return {
        "image": image,
        "instances": {one["name"]: dict(options) for one, options in instances},
        "command": [
            *("docker", "run", "--rm", "--interactive", "--pull", "never", "--network", "none", "--read-only"),
            *("--user", f"{said['vllm_uid']}:{said['vllm_gid']}", "--tmpfs", "/tmp:exec,mode=1777"),
            *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--memory", MEMORY),
            *(word for text in ENVIRONMENT for word in ("--env", text)),
            *(word for text in folders for word in ("--volume", text)),
            *("--entrypoint", "python3", image),
        ],
    }
