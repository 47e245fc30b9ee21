#!/bin/sh
# Copyright (c) 2026, llmfleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# What people reach the gateway with: a browser, driven by Selenium, and the Python libraries of tests/clients.
set -eu
apt-get install -y python3 python3-venv curl ca-certificates chromium chromium-driver fonts-dejavu-core
TOOLS=/run/bench/tools
python3 -m venv $TOOLS
$TOOLS/bin/pip install -qq uv
$TOOLS/bin/uv venv -q --python /usr/bin/python3 /opt/venv
VIRTUAL_ENV=/opt/venv $TOOLS/bin/uv pip install --compile-bytecode -r "$RECIPE/requirements.lock"
apt-get purge -y --autoremove python3-venv
