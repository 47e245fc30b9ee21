#!/usr/bin/env bash
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ansible-test and antsibull-docs ask for a path that ends in ansible_collections/llmfleet/gateway: they get a copy of what
# Git knows or would add, one each, since both may run at once.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-sanity}
tree=.cache/$what/ansible_collections/llmfleet/gateway
venv=$PWD/.venv/bin
rm -rf ".cache/$what/ansible_collections"
mkdir -p "$tree"
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
  [ -e "$file" ] && printf '%s\0' "$file"
done | tar --null --files-from=- -cf - | tar -xf - -C "$tree"
# Inside this repository the copy is ignored, and ansible-test asks Git what there is: give it a repository of its own.
git -C "$tree" init --quiet
git -C "$tree" add --all

case $what in
  sanity)
    # ansible-test would download this file from a host that many networks do not reach.
    cache=${HOME}/.ansible/test/cache
    mkdir -p "$cache"
    [ -e "$cache/get_pip_25_2.py" ] || cp tests/sanity/get_pip_25_2.py "$cache/"
    # pyenv's shims answer for versions that are not selected, with an error; the interpreters themselves are better.
    mkdir -p .cache/sanity/bin
    for python in "$HOME"/.pyenv/versions/3.*/bin/python3.*[0-9]; do
      [ -x "$python" ] && ln -sf "$python" .cache/sanity/bin/
    done
    pythons=$PWD/.cache/sanity/bin
    cd "$tree"
    PATH=$venv:$pythons:$PATH "$venv/ansible-test" sanity --color no --venv --python default
    ;;
  docs)
    cd "$tree"
    # ansible-doc must find this copy and no other version of it, and need not read the hundred collections beside it.
    ANSIBLE_COLLECTIONS_PATH=$(cd ../../.. && pwd) ANSIBLE_COLLECTIONS_SCAN_SYS_PATH=0 PATH=$venv:$PATH \
      "$venv/antsibull-docs" lint-collection-docs --plugin-docs --skip-rstcheck --validate-collection-refs self .
    ;;
esac
