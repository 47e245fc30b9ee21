# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new fleet project: what was asked for, whether site.yml would take it, and the files that it becomes. The action fleet_project writes them."""
