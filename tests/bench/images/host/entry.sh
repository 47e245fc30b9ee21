#!/bin/sh
# Copyright (c) 2026, llmfleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# --privileged is refused where the machine's bounding set lacks a capability, so these hosts run with
# added capabilities instead, and undo here what a plain container gets: masked and read-only /proc
# paths, read-only cgroup mounts. Needs CAP_SYS_ADMIN and a private cgroup namespace.
awk '$2 ~ "^/proc/" {print $2}' /proc/mounts | sort -r | while read -r m; do umount "$m" || true; done
awk '$3=="cgroup" || $3=="cgroup2" || $2=="/sys/fs/cgroup" {print $2}' /proc/mounts |
while read -r m; do mount -o remount,bind,rw "$m" || true; done
# A machine has another boot id after each start; Ansible tells by it that a reboot has happened.
cat /proc/sys/kernel/random/uuid > /run/boot_id
mount --bind /run/boot_id /proc/sys/kernel/random/boot_id
exec /lib/systemd/systemd "$@"
