#!/usr/bin/env bash
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes an image of this machine's own Python with PyTorch, for machines that reach no registry: make_image.sh NAME VENV [SITE]
# The driver's files stay out of it, so that a container has them by CDI or not at all. SITE is a folder of further packages.
set -euo pipefail
name=$1 venv=$2 site=${3:-}
root=$(mktemp -d)
# Triton compiles with gcc, whose compiler proper may lie outside of /usr, found by PATH.
compiler=$(dirname "$(command -v "$(gcc -print-prog-name=cc1)" || echo /usr/libexec/none)")
case $compiler in /usr/*) more= ;; *) more=${compiler#/} ;; esac
echo "The image's C compiler is in $compiler."
mkdir -p "$root"/{usr/local/bin,opt,tmp,run,dev,proc,sys,root,var/tmp}
ln -s usr/bin "$root/bin"; ln -s usr/lib "$root/lib"; ln -s usr/lib64 "$root/lib64"; ln -s usr/sbin "$root/sbin"
cat >"$root/usr/local/bin/vllm" <<SCRIPT
#!$venv/bin/python3
import sys
from vllm.entrypoints.cli.main import main
if __name__ == "__main__":
    sys.exit(main())
SCRIPT
chmod 755 "$root/usr/local/bin/vllm"
tar -C / -cf - --exclude='*nvidia-*' --exclude='libnvidia*' --exclude='libcuda.so*' --exclude='usr/lib/modules' --exclude='usr/lib/firmware' \
  --exclude='*/jax*' --exclude='*/cupy*' --exclude='*/botorch*' --exclude='usr/share/doc' \
  usr/bin usr/sbin usr/lib usr/lib64 usr/libexec usr/include usr/share/zoneinfo etc/passwd etc/group etc/nsswitch.conf etc/ssl etc/alternatives \
  etc/ld.so.conf etc/ld.so.conf.d etc/ld.so.cache >"$root.base.tar"
tar -C "$root" -rf "$root.base.tar" .
tar -C / -rf "$root.base.tar" --exclude='*/jax*' --exclude='*/cupy*' "${venv#/}" ${more:+"$more"} ${site:+"${site#/}"}
docker import --change "ENV PATH=$venv/bin:/usr/local/bin:/usr/bin:/usr/sbin:$compiler PYTHONPATH=$site" "$root.base.tar" "$name"
rm -rf "$root" "$root.base.tar"
