#!/usr/bin/env bash
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# On a server of the bench: llmfleet-bench/postgres:earlier is the image given, with the oldest minor release of its PostgreSQL that
# Debian's archives have (the point release, while the archive of security fixes has the next one).
set -euo pipefail
image=$1 folder=$(mktemp -d)
package=postgresql-$(docker run --rm --entrypoint sh "$image" -c 'echo "$PG_MAJOR"')
client=${package/postgresql/postgresql-client}
has=$(docker run --rm --entrypoint dpkg-query "$image" --show --showformat '${Version}' "$package")
apt-get update -qq
oldest=$(apt-cache madison "$package" | awk '{print $3}' | sort --version-sort | head -n 1)
echo "$package: the image has $has, the oldest is $oldest"
printf 'FROM %s\n' "$image" > "$folder/Dockerfile"
if [ "$has" != "$oldest" ]; then
  cd "$folder"
  apt-get download -qq "$package=$oldest" "$client=$oldest"
  printf 'COPY *.deb /srv/\nRUN dpkg --install /srv/*.deb && rm /srv/*.deb\n' >> Dockerfile
fi
docker build --quiet --tag llmfleet-bench/postgres:earlier "$folder"
rm -rf "$folder"
