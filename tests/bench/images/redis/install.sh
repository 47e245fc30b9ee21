#!/bin/sh
# Copyright (c) 2026, llmfleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Debian's Redis behind the interface of docker.io/library/redis.
set -eu
groupadd -r -g 999 redis
useradd -r -g redis -u 999 -d /data -s /usr/sbin/nologin redis
apt-get install -y redis-server redis-tools
for program in redis-server redis-cli redis-benchmark redis-check-aof redis-check-rdb; do
  ln -s "/usr/bin/$program" "/usr/local/bin/$program"
done
# The image has no configuration: what is not on the command line or in a mounted file is Redis' own default.
rm -rf /etc/redis
install -d -o redis -g redis -m 755 /data
install -m 755 "$RECIPE/docker-entrypoint.sh" /usr/local/bin/docker-entrypoint.sh
echo "ENV REDIS_VERSION=$(dpkg-query -W -f '${Version}' redis-server | sed 's/^.*://; s/-.*//')" >> "$CHANGES"
