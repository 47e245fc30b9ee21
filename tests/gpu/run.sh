#!/usr/bin/env bash
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Proves on a machine with an NVIDIA GPU, as root, that the roles for GPU hosts do what they say:
#   tests/gpu/run.sh [-e gpu_test_image=IMAGE] [-e @tests/gpu/bare.yml] [further arguments of ansible-playbook]
# The second run must change nothing. Needs ansible-core 2.20 and this checkout as llmfleet.gateway.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
log=$(mktemp -d)
export ANSIBLE_NOCOLOR=1 ANSIBLE_CALLBACK_RESULT_FORMAT=yaml
python3 "$here/add_address.py" 10.87.0.1
for run in first second; do
  echo "== $run run"
  began=$(date +%s.%N)
  ansible-playbook "$here/gpu_host.yml" -i "$here/inventory" -e gpu_test_image=docker.io/vllm/vllm-openai:v0.32.0 "$@" | tee "$log/$run"
  echo "== $run run took $(awk -v a="$began" -v b="$(date +%s.%N)" 'BEGIN {printf "%.1f", b - a}') s"
done
grep -q '^this .*changed=0 ' "$log/second" || { echo "The second run changed something." >&2; exit 1; }
echo "== The second run changed nothing."
