#!/usr/bin/env bash
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# A stand-in for NVIDIA's repositories for Debian 13, that of the driver and that of the container toolkit: packages of the
# documented names that hold nothing but a version (the toolkit's also a program that writes a specification, and the units of
# its refresh service), signed with a key that is thrown away. repository.sh KERNEL, in /opt/stand-in.
set -euo pipefail
kernel=$1
folder=/opt/stand-in/repository/debian13/x86_64
mkdir -p "$folder" /opt/stand-in/build
cd /opt/stand-in/build

package() {  # NAME VERSION DEPENDS
  mkdir -p "$1/DEBIAN"
  printf 'Package: %s\nVersion: %s\nArchitecture: amd64\nMaintainer: nobody <nobody@example.com>\nDescription: stand-in\n' "$1" "$2" > "$1/DEBIAN/control"
  [ -z "$3" ] || echo "Depends: $3" >> "$1/DEBIAN/control"
  dpkg-deb --build --root-owner-group -Znone "$1" "$folder/$1_$2_amd64.deb" > /dev/null
  rm -r "$1"
}

for version in 580.95.05 580.105.08 590.48.01; do
  package libcuda1 "$version-1" ""
  package nvidia-driver-cuda "$version-1" "libcuda1 (= $version-1)"
  for daemon in nvidia-fabricmanager nvidia-persistenced; do
    mkdir -p "$daemon/lib/systemd/system"
    printf '[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n' > "$daemon/lib/systemd/system/$daemon.service"
    package "$daemon" "$version-1" ""
  done
  mkdir -p "nvidia-kernel-open-dkms/lib/modules/$kernel/updates/dkms"
  python3 /opt/stand-in/module.py "$version" "nvidia-kernel-open-dkms/lib/modules/$kernel/updates/dkms/nvidia.ko"
  mkdir -p nvidia-kernel-open-dkms/DEBIAN
  printf '#!/bin/sh\ndepmod %s\n' "$kernel" > nvidia-kernel-open-dkms/DEBIAN/postinst
  chmod 755 nvidia-kernel-open-dkms/DEBIAN/postinst
  package nvidia-kernel-open-dkms "$version-1" ""
done
mkdir -p "linux-headers-$kernel/DEBIAN"
package "linux-headers-$kernel" 6.99.0-1 ""

driver=$folder
folder=/opt/stand-in/toolkit/stable/deb/amd64
mkdir -p "$folder"
for version in 1.18.2 1.19.0 1.19.1; do
  base=nvidia-container-toolkit-base
  mkdir -p $base/usr/bin $base/lib/systemd/system
  sed "s/VERSION/$version/" /opt/stand-in/nvidia-ctk.sh > $base/usr/bin/nvidia-ctk
  chmod 755 $base/usr/bin/nvidia-ctk
  printf '[Service]\nType=oneshot\nExecStart=/usr/bin/nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml\n[Install]\nWantedBy=multi-user.target\n' \
    > $base/lib/systemd/system/nvidia-cdi-refresh.service
  printf '[Path]\nPathChanged=/lib/modules\n[Install]\nWantedBy=multi-user.target\n' > $base/lib/systemd/system/nvidia-cdi-refresh.path
  package $base "$version-1" ""
done

export GNUPGHOME=/opt/stand-in/gnupg
mkdir -p $GNUPGHOME
chmod 700 $GNUPGHOME
gpg --list-keys stand-in@example.com > /dev/null 2>&1 ||
  gpg --batch --passphrase '' --quick-generate-key stand-in@example.com rsa3072 sign 1d
gpg --armor --export stand-in@example.com > /opt/stand-in/key.asc
for folder in "$driver" "$folder"; do
  cd "$folder"
  rm -f InRelease Release
  apt-ftparchive packages . > Packages
  apt-ftparchive -o APT::FTPArchive::Release::Label="NVIDIA CUDA" release . > /tmp/Release && mv /tmp/Release Release
  gpg --batch --yes --clearsign --output InRelease Release
done
