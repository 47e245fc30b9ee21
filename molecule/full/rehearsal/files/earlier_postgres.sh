#!/usr/bin/env bash
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# On a server of the bench: llmfleet-bench/postgres:earlier is the image given, with the oldest minor release of its PostgreSQL that
# the archives of its Debian have. That of the last point release is older than that of security fixes, most of the time.
set -euo pipefail
image=$1 folder=$(mktemp -d)
look() { docker run --rm --entrypoint sh "$image" -c "$1"; }
package=postgresql-$(look 'printenv PG_MAJOR')
client=${package/postgresql/postgresql-client}
has=$(look "dpkg-query --show --showformat '\${Version}' $package")
codename="sed -n 's/^VERSION_CODENAME=//p' /etc/os-release"
mine=$(sh -c "$codename") its=$(look "$codename")

cd "$folder"
mkdir -p state/lists/partial cache/archives/partial image
sed "s/\b$mine/$its/g" /etc/apt/sources.list > sources.list
options=(-qq -o "Dir::Etc::SourceList=$folder/sources.list" -o Dir::Etc::SourceParts=-)
options+=(-o "Dir::State=$folder/state" -o "Dir::Cache=$folder/cache" -o APT::Sandbox::User=root)
apt-get "${options[@]}" update
oldest=$(apt-cache "${options[@]}" madison "$package" | awk '{print $3}' | sort --version-sort | head -n 1)
echo "$package: the image has $has, the oldest is $oldest"
printf 'FROM %s\n' "$image" > image/Dockerfile
if [ "$has" != "$oldest" ]; then
  (cd image && apt-get "${options[@]}" download "$package=$oldest" "$client=$oldest")
  printf 'COPY *.deb /srv/\nRUN dpkg --install /srv/*.deb && rm /srv/*.deb\n' >> image/Dockerfile
fi
docker build --quiet --tag llmfleet-bench/postgres:earlier image
cd / && rm -rf "$folder"
