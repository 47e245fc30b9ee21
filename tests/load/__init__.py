# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steady load on an OpenAI API that judges every answer by its content, not by its status.

    python -m tests.load --url http://ADDRESS:4000 --key-file FILE --model NAME --seconds 60 --rate 5

A status of 200 says little: after SIGTERM vLLM goes on answering it, with nothing in it. So a request asks for a known
number of tokens (max_tokens with ignore_eos), and what comes back has to hold them, end as it should, and be
of the model that was asked.

client → judge → generator → __main__; watch counts the gate's ready servers meanwhile and imports nothing of these, as
it runs on hosts too; backend stands in for a model where none is needed, and can lie.
"""
