# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a host is at this moment: its containers, and what the programs in them say of their load. Reads only, judges nothing.

Runs on hosts (Python 3.9, standard library; by_sdk asks by Docker's SDK where there is one), for the modules container_info, host_status and database_info.
"""
