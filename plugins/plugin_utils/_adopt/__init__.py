# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes a Compose deployment of vLLM, LiteLLM and PostgreSQL over into a fleet project: texts of files in, variables out.

    files → dotenv, interpolation, documents → files (with what they include and extend) → compose (services as Compose sees them)
          → which (who is who) → vllm, proxy, environment, model_list, database (one part of the variables each) → translate
          → project (a folder)

Pure but for project, which writes. What is in those files is data: it is never taken for a template, and no value of it is put
into a note. What can't be translated is a Note; what must be mended first is one of the faults. Only the action
compose_deployment imports this package.
"""

from __future__ import annotations
