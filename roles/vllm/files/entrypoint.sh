#!/bin/sh
# Managed by Ansible: role llmfleet.gateway.vllm.
# vLLM logs its arguments, so the key goes by environment, from a file that docker inspect does not show.
set -eu
VLLM_API_KEY=$(cat /run/llmfleet/api_key)
export VLLM_API_KEY
exec vllm serve "$@"
