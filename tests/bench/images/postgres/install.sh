#!/bin/sh
# Copyright (c) 2026, llmfleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Debian's PostgreSQL behind the interface of docker.io/library/postgres.
set -eu
# Each Debian has one major: trixie 17, bookworm 15 (the recipe postgres-15).
PG_MAJOR=17
[ "$DISTRO" != bookworm ] || PG_MAJOR=15
groupadd -r -g 999 postgres
useradd -r -g postgres -u 999 -d /var/lib/postgresql -s /bin/bash postgres
install -d -o postgres -g postgres -m 1777 /var/lib/postgresql

apt-get install -y locales postgresql-common gosu less xz-utils zstd
echo 'en_US.UTF-8 UTF-8' >> /etc/locale.gen
locale-gen
sed -i 's/#\?create_main_cluster .*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
apt-get install -y "postgresql-$PG_MAJOR"

sed -i "s/^#\?listen_addresses *=.*/listen_addresses = '*'/" "/usr/share/postgresql/$PG_MAJOR/postgresql.conf.sample"
grep -q "^listen_addresses = '\*'" "/usr/share/postgresql/$PG_MAJOR/postgresql.conf.sample"
install -d -o postgres -g postgres -m 3777 /var/run/postgresql
install -d -o postgres -g postgres -m 1777 /var/lib/postgresql/data
install -d /docker-entrypoint-initdb.d
install -m 755 "$RECIPE/docker-entrypoint.sh" /usr/local/bin/docker-entrypoint.sh
echo "ENV PG_VERSION=$(dpkg-query -W -f '${Version}' "postgresql-$PG_MAJOR")" >> "$CHANGES"
