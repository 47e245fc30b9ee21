#!/bin/sh
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Plays nvidia-smi with a real machine's answers.
case "$*" in
  *-x*) exec cat /opt/stand-in/h100-x1/q.xml ;;
  *pci.bus_id,compute_cap*) echo '00000000:00:06.0, 9.0' ;;
  *) exec /opt/stand-in/stand-in.sh smi "$@" ;;
esac
