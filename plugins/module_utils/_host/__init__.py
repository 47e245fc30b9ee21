# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at a host, in one call: system, GPUs, driver, packages, files, services, engine, ports, disks.

Runs on hosts (Python 3.9, standard library), reads only, judges nothing. For the modules host_info and gpu_info.
"""
