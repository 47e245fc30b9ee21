# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes this checkout, whatever its folder is called, importable as ansible_collections.llmfleet.gateway."""

from __future__ import annotations

import sys
from pathlib import Path

from ansible.plugins.loader import init_plugin_loader

CHECKOUT = Path(__file__).resolve().parents[2]
IN_PLACE = CHECKOUT.parts[-3:] == ("ansible_collections", "llmfleet", "gateway")


def collection_root() -> Path:
    """The folder above ansible_collections; a relative link stays right when the checkout moves."""
    if IN_PLACE:
        return CHECKOUT.parents[2]
    root = CHECKOUT / ".cache" / "unit"
    link = root / "ansible_collections" / "llmfleet" / "gateway"
    link.parent.mkdir(parents=True, exist_ok=True)
    try:
        link.symlink_to(Path("../../../.."), target_is_directory=True)
    except FileExistsError:
        pass
    return root


def make_importable() -> None:
    loaded = sys.modules.get("ansible_collections.llmfleet.gateway")
    root = str(collection_root())
    if loaded or root in sys.path:
        return
    sys.path.insert(0, root)
    init_plugin_loader([root])


make_importable()
