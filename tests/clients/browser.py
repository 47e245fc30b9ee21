# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The web UI as a person uses it: log in, see the models, make a key. Chromium, driven by Selenium. Runs in the image `clients`.

Standard input: {"url": …, "user": …, "password": …, "model": …} as JSON. Prints one JSON object.
"""

from __future__ import annotations
