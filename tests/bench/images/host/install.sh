#!/bin/sh
# Copyright (c) 2026, llmfleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# A GPU server as a provider hands it over: systemd, sshd, Python; with FLAVOUR=docker also Debian's Docker.
set -eu
# Debian's Docker, or nothing.
set --
if [ "$FLAVOUR" = docker ]; then
  case $DISTRO in
    bookworm) set -- docker.io python3-docker python3-requests python3-yaml iptables ;;
    *) set -- docker.io docker-cli docker-compose docker-buildx python3-requests python3-yaml iptables ;;
  esac
fi
apt-get install -y systemd systemd-sysv dbus python3 python3-apt sudo ca-certificates curl \
  iproute2 iputils-ping procps openssh-server less kmod "$@"

# What belongs to real hardware, or would only wait for a network, never starts here.
systemctl mask systemd-modules-load.service systemd-firstboot.service getty.target console-getty.service \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_all.timer \
  dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
  sys-kernel-config.mount sys-fs-fuse-connections.mount
systemctl set-default multi-user.target

# Every host makes its own identity at its first start.
: > /etc/machine-id
rm -f /var/lib/dbus/machine-id /etc/ssh/ssh_host_*
mkdir -p /etc/systemd/system/ssh.service.d
cat > /etc/systemd/system/ssh.service.d/hostkey.conf <<'UNIT'
[Service]
ExecStartPre=
ExecStartPre=/bin/sh -c 'test -e /etc/ssh/ssh_host_ed25519_key || ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key'
ExecStartPre=/usr/sbin/sshd -t
UNIT
install -d -m 700 /root/.ssh
install -m 755 "$RECIPE/entry.sh" /entry.sh
