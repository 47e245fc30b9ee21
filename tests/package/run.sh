#!/usr/bin/env bash
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Builds the collection's archive and installs it alone, in an empty place: what is shipped must need nothing of what is not.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ansible-galaxy collection build --force --output-path "$work" . >"$work/build.log" || { cat "$work/build.log"; exit 1; }
archive=$(echo "$work"/llmfleet-gateway-*.tar.gz)
unexpected=$(tar -tzf "$archive" | cut -d/ -f1 | sort -u | grep -vxE 'CHANGELOG.rst|CONTRIBUTING.md|FILES.json|LICENSE|MANIFEST.json|README.md|ansible.cfg|bindep.txt|changelogs|docs|meta|playbooks|plugins|requirements|roles|site.yml' || true)
if [ -n "$unexpected" ]; then
  echo "The archive holds what it should not: $unexpected. List it in build_ignore of galaxy.yml"
  exit 1
fi
# The dependencies are those of the environment: Galaxy is not asked.
ansible-galaxy collection install --force --no-deps --collections-path "$work/collections" "$archive" >"$work/install.log" || { cat "$work/install.log"; exit 1; }
shopt -s extglob
cd "$work/collections/ansible_collections/llmfleet/gateway"
rm -rf -- !(meta|plugins|roles|playbooks|MANIFEST.json|FILES.json)

cd "$work"
export ANSIBLE_COLLECTIONS_PATH=$work/collections ANSIBLE_HOME=$work/home ANSIBLE_DEPRECATION_WARNINGS=0
# The environment links to the checkout, which must not be what answers here.
run() { ANSIBLE_COLLECTIONS_SCAN_SYS_PATH=0 "$@"; }
where=$(run ansible-galaxy collection list llmfleet.gateway 2>/dev/null)
grep -q "$work/collections" <<<"$where" || { echo "Not the installed collection: $where"; exit 1; }
# As a user would: a project by init, and in it what the project says.
run ansible-playbook llmfleet.gateway.init -e dir=my-fleet -e gpu_hosts=127.0.0.1 >"$work/init.log" 2>&1 || { cat "$work/init.log"; exit 1; }
cd my-fleet
run ansible-lint --offline --profile production . >"$work/lint.log" 2>&1 || { cat "$work/lint.log"; exit 1; }
run ansible-playbook site.yml -i gpu_hosts --syntax-check >"$work/syntax.log" 2>&1 || { cat "$work/syntax.log"; exit 1; }
run ansible-playbook llmfleet.gateway.secrets -i gpu_hosts >"$work/secrets.log" 2>&1 || { cat "$work/secrets.log"; exit 1; }
grep -q 'Nothing was missing' "$work/secrets.log" || { cat "$work/secrets.log"; exit 1; }
# The declaration is checked without a connection; the first task that needs one finds no server and ends the run.
run ansible-playbook site.yml -i gpu_hosts -e ansible_port=9 >"$work/site.log" 2>&1 && status=0 || status=$?
if [ "$status" != 4 ] || ! grep -q 'llmfleet.gateway.llm : Check every variable of the fleet' "$work/site.log"; then
  cat "$work/site.log"
  exit 1
fi
echo "The installed collection works alone: $(basename "$archive"), $(tar -tzf "$archive" | wc -l) files"
