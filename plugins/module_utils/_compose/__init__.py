# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compose projects on one host, for the module compose_project, which enters by `batch`.

Its action plugin imports `protocol` alone, the watch on GPU servers installs `recreate`; nobody else comes in. From low
to high: recreate (lock and committed files) and protocol import nothing of ours; engine, job, files and mask know no
project; declaration says what a project should be and state what it was; ownership and planning read, applying,
watching, hooks, taking_back and absence act on one project; batch acts on all of them.
"""
