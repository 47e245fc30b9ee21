# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fleet as one value, from what is declared and what was found. Controller only and pure: no Ansible, no host.

The action fleet and the rooms that serve it import it; it imports the planner, the catalogue and what _litellm lends.
"""
