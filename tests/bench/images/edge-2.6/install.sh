#!/bin/sh
# Copyright (c) 2026, llmfleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Debian's Caddy behind the interface of docker.io/library/caddy.
set -eu
apt-get install -y caddy ca-certificates mailcap busybox libcap2-bin
# The official image is Alpine's: its sh has wget.
ln -s /bin/busybox /usr/local/bin/wget
rm -rf /etc/caddy /var/lib/caddy
install -d /config/caddy /data/caddy /etc/caddy /usr/share/caddy /srv
printf ':80\nroot * /usr/share/caddy\nfile_server\n' > /etc/caddy/Caddyfile
# As there: any user may listen on 80 and 443, and where the capability is withheld the program doesn't start.
setcap cap_net_bind_service=+ep /usr/bin/caddy
apt-get purge -y --autoremove libcap2-bin
echo "ENV CADDY_VERSION=v$(dpkg-query -W -f '${Version}' caddy | sed 's/-.*//')" >> "$CHANGES"
