# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the collection: do not import this from elsewhere, it changes without notice.

from __future__ import annotations

from . import single
from .argspec import module_spec, secret_strings
from .keeper import Keeper
from .module import module_class
from .resources import Kind


def main_of(kind: Kind) -> None:
    """The main() of every module whose object is just an object."""
    module = module_class(lambda params: secret_strings(kind, params))(
        argument_spec=module_spec(kind),
        mutually_exclusive=kind.mutually_exclusive,
        required_together=kind.required_together,
        supports_check_mode=True,
    )
    keeper = Keeper(module.client(), kind, module.wanted(kind))
    module.run(lambda: single.run(keeper.client, keeper, check_mode=module.check_mode, diff=module._diff))
