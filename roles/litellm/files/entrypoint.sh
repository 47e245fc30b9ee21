#!/bin/sh
# Managed by Ansible: role llmfleet.gateway.litellm.
# Secrets come from a file that only this user can read, so that docker inspect and the process list show none.
set -eu
set -a
. /run/llmfleet/environment
set +a
exec /app/docker/prod_entrypoint.sh "$@"
