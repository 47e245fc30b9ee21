#!/bin/sh
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# A project of two services with the files and state that release 0.1 of the collection left.
set -eu
mkdir -p "$1/.llmfleet/good" "$1/data"
cd "$1"
for service in a b; do
  echo "old text" > "$service.conf"
done
echo rows > data/rows
cat > compose.yml <<'END'
services:
  a: &service
    image: shell:1
    command: [sleep, "3600"]
    stop_signal: SIGKILL
    restart: unless-stopped
    network_mode: none
    volumes: [./a.conf:/conf:ro]
  b: *service
END
cp a.conf .llmfleet/good/0
cp b.conf .llmfleet/good/1
cp compose.yml .llmfleet/good/2
echo '{"a.conf": ["0", 420, 0, 0], "b.conf": ["1", 420, 0, 0], "compose.yml": ["2", 420, 0, 0]}' > .llmfleet/good/manifest.json
echo '{"files": ["a.conf", "b.conf", "compose.yml"], "services": {}, "images": {}}' > .llmfleet/applied.json
docker compose -p old up --detach
