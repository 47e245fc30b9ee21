# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One table for each role: rules of single variables (RULES) and of several variables of one host (RELATIONS).

Data and small functions only; check.py is the one that goes through them.
"""
