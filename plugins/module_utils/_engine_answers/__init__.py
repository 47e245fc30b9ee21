# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the vLLM of an image says of models and options, without a GPU's memory and without weights. The module vllm_engine_info enters.

`program` runs inside the image, by itself and with the image's Python; `asking` starts it on a host; `keeping` knows what was asked before.
"""
