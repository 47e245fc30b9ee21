# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a folder that vLLM serves with dummy weights: a model's shape from the catalogue, and the tiny tokenizer."""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "bench" / "models" / "tiny"), str(ROOT / "plugins")]


def main(folder: str, model: str) -> None:
    from make import make_tokenizer
    from plugin_utils._catalogue.data import CATALOGUE

    make_tokenizer().save_pretrained(folder)
    (Path(folder) / "config.json").write_text(json.dumps(CATALOGUE[model]["config"], indent=2))


if __name__ == "__main__":
    main(*sys.argv[1:])
