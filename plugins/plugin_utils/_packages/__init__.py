# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packages of Docker and of NVIDIA's container toolkit: what is declared and what host_info found → what differs.

Pure, on the controller. For _fleet/views and the filters of the roles; _driver uses its common parts.
"""
