# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fleet's own certificate authority: everything is derived from one secret, so nothing has to be kept but that. Pure.

derive.py makes numbers of the secret, certificates.py certificates of the numbers, rotation.py a new secret in the place of an old one.
"""
