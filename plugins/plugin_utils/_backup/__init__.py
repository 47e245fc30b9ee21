# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups of LiteLLM's database on the host that it runs on: made, checked, copied elsewhere, tried and brought back.

The role backup installs this package as /usr/local/lib/llmfleet/_backup, and timers and playbooks run the same program (program.py).
So everything in it is Python 3.9 and its standard library, and imports only its neighbours. Modules may import it.
"""
