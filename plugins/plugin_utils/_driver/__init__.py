# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The NVIDIA driver of a host: what is declared and what host_info found → branch, packages, files, what differs.

Pure, on the controller. For _fleet/views and the filter of the role; it uses the common parts of _packages.
"""
