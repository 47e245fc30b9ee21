#!/bin/sh
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Plays a machine with one H100 on a host that has none. The version of the driver that "runs" is in DRIVER, the kernel
# in KERNEL; both may be absent. What it says is the real machine's output (h100-x1), with that version put in.
#   stand-in.sh boot     at every boot: PCI devices, /proc/driver/nvidia, the kernel's release
#   stand-in.sh smi ...  as nvidia-smi
set -eu
cd /opt/stand-in

boot() {
  mountpoint -q /sys/bus/pci/devices || mount -t tmpfs stand-in /sys/bus/pci/devices
  device /sys/bus/pci/devices/0000:00:06.0 0x2330 0x030200
  [ ! -e SWITCH ] || device /sys/bus/pci/devices/0000:00:07.0 0x22a3 0x068000
  [ ! -e KERNEL ] || mountpoint -q /proc/sys/kernel/osrelease || mount --bind KERNEL /proc/sys/kernel/osrelease
  [ -e DRIVER ] || return 0
  mountpoint -q /proc/driver || mount -t tmpfs stand-in /proc/driver
  mkdir -p /proc/driver/nvidia
  sed "s/580\.159\.04/$(cat DRIVER)/" h100-x1/proc-version > /proc/driver/nvidia/version
  # In place of the package's program where there is one, else where some machine images have it, outside PATH.
  smi=$(readlink -f /usr/bin/nvidia-smi || true)
  if [ -e "$smi" ]; then mount --bind nvidia-smi "$smi"; else
    mkdir -p /usr/local/nvidia/bin
    cp nvidia-smi /usr/local/nvidia/bin/
  fi
}

device() {
  mkdir -p "$1"
  echo 0x10de > "$1/vendor"
  echo "$2" > "$1/device"
  echo "$3" > "$1/class"
}

smi() {
  version=$(cat LIBRARY 2>/dev/null || cat DRIVER)
  case "$*" in
    '-q -x') sed "s/580\.159\.04/$version/" h100-x1/q.xml ;;
    *)
      wanted=$(echo "$*" | sed -n 's/.*--query-gpu=\([a-z_.]*\).*/\1/p')
      sed "s/580\.159\.04/$version/" h100-x1/gpus.csv |
        awk -F ', ' -v wanted="$wanted" 'NR == 1 {for (i = 1; i <= NF; i++) if ($i == wanted) column = i; next} {print $column}'
      ;;
  esac
}

"$@"
