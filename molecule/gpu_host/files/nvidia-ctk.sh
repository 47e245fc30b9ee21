#!/bin/sh
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Plays nvidia-ctk: "--version" and "cdi generate --output=FILE", with a specification that names the driver that "runs".
set -eu
said=$*
case "$said" in
  *--version*) echo "NVIDIA Container Toolkit CLI version VERSION" ;;
  *"cdi generate"*)
    file=${said##*--output=}
    version=$(sed -n 's/.*Kernel Module.* \([0-9][0-9.]*\) .*/\1/p' /proc/driver/nvidia/version)
    mkdir -p "$(dirname "$file")"
    printf 'cdiVersion: "0.5.0"\nkind: nvidia.com/gpu\ncontainerEdits:\n  mounts:\n    - {hostPath: /usr/lib/libcuda.so.%s, containerPath: /usr/lib/libcuda.so.1}\n' \
      "$version" > "$file" ;;
esac
