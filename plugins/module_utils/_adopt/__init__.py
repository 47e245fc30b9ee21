# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""On a server with a Compose deployment that somebody made by hand: reads it, stops and starts its containers, moves its database.

Modules import it: compose_deployment, compose_services, postgres_transfer. It never changes a file of the deployment.
"""

from __future__ import annotations
