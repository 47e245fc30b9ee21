#!/bin/sh
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# (Re)starts the Docker engine of a machine without an init system; it reads /etc/docker/daemon.json.
set -u
old=$(cat /run/docker.pid 2>/dev/null || true)
if [ -n "$old" ] && kill "$old" 2>/dev/null; then
  while kill -0 "$old" 2>/dev/null; do sleep 0.2; done
fi
setsid dockerd >>/var/log/dockerd.log 2>&1 </dev/null &
