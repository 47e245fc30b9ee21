# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The gate (HAProxy) of a host at run time: runtime speaks with its sockets, traffic says which server gets requests.

For the module gate_traffic, which enters by `traffic`; the look at a host reads there what a gate keeps. Imports nothing else of ours.
"""
