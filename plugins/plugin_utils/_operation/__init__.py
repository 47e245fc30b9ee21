# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an operation says before it begins, when it has to ask, and what it leaves for automation. Pure but for the result's file; the
action plugin operation calls it, and nobody else.
"""
