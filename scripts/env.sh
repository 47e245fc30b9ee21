#!/usr/bin/env bash
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Makes .venv: ansible-core, the collections that this one works with (PyPI's package `ansible` brings them, so Galaxy is
# not asked), the tools of the tests, and a link by which they all see this checkout as llmfleet.gateway. What is installed is
# in requirements/env.lock, each file known by its hash.
set -euo pipefail
cd "$(dirname "$0")/.."
requirements=requirements/env.lock
# The Makefile puts .venv first, and it can't be made from itself.
PATH=${PATH//$PWD\/.venv\/bin:/}

find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3.13 python3.12 python3.14 python3 \
    "$HOME"/.pyenv/versions/3.1[234].*/bin/python3 /usr/local/bin/python3 /opt/python*/bin/python3; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 12) <= sys.version_info < (3, 15))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  echo "No Python 3.12 or newer with venv was found. Install one (Debian 13, Ubuntu 24.04: apt install python3-venv;" >&2
  echo "others: pyenv install 3.13), or name it: make env PYTHON=/path/to/python3.13" >&2
  return 1
}

python=$(find_python)
want="$(sha256sum "$requirements" | cut -d' ' -f1) $python $PWD"
if [ "$(cat .venv/.made-from 2>/dev/null)" != "$want" ]; then
  echo "==> Making .venv with $("$python" --version) (one to three minutes)"
  rm -rf .venv
  "$python" -m venv .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement "$requirements" 2> >(grep -v '^WARNING: Location' >&2)
  echo "$want" > .venv/.made-from
fi
site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
mkdir -p "$site/ansible_collections/llmfleet"
ln -sfn "$PWD" "$site/ansible_collections/llmfleet/gateway"
echo "==> .venv is ready: $(.venv/bin/ansible --version | sed -n 1p)"
