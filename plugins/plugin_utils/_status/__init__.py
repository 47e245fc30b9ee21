# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the fleet is like: readings → facts (hosts, models, usage) → findings with remedies → table for the terminal, and page.

Readings come from hosts, the proxy and the database, and may be anything: values.py takes only what is what it should be. Controller
only and pure; the action status imports it.
"""
