# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a model takes of a GPU under vLLM, as formulas. Controller only and pure: imports nothing of the collection but itself.

Imported by the filters, the catalogue and the fleet. A config.json goes in as a dictionary, a plan comes out as one.
"""
