#!/bin/sh
# Copyright (c) 2026, llmfleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Debian's HAProxy behind the interface of docker.io/library/haproxy.
set -eu
apt-get install -y haproxy
# Debian takes the next free number.
groupmod -g 99 haproxy
usermod -u 99 -g haproxy haproxy
ln -s /usr/sbin/haproxy /usr/local/sbin/haproxy
# Debian's own start of the service; the image's user has its configuration elsewhere.
rm -rf /etc/haproxy/haproxy.cfg
install -d -o haproxy -g haproxy -m 755 /var/lib/haproxy /usr/local/etc/haproxy
install -m 755 "$RECIPE/docker-entrypoint.sh" /usr/local/bin/docker-entrypoint.sh
echo "ENV HAPROXY_VERSION=$(dpkg-query -W -f '${Version}' haproxy)" >> "$CHANGES"
