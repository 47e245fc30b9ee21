# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings of the proxy that are kept in its database: there is one of each name, always."""

from __future__ import annotations

import typing as t

from ._table import SUBKEYS, SUBSET, Field, Found, Kind, Listing, Write

# Where each is read and written.
PLACES = {
    "cost_discount": ("/config/cost_discount_config", "/config/cost_discount_config"),
    "cost_margin": ("/config/cost_margin_config", "/config/cost_margin_config"),
    "default_team_settings": ("/get/default_team_settings", "/update/default_team_settings"),
    "internal_user_settings": ("/get/internal_user_settings", "/update/internal_user_settings"),
    "ui_settings": ("/get/ui_settings", "/update/ui_settings"),
    "ui_theme_settings": ("/get/ui_theme_settings", "/update/ui_theme_settings"),
}
MERGING = ("ui_settings",)  # the other calls replace all of it


def put(request: t.Callable[[str, str, t.Any], t.Any], found: Found, body: Found) -> None:
    name, given = str(found["name"]), dict(body["values"])
    if name not in MERGING:
        merged = {**(found.get("values") or {}), **given}
        given = {part: value for part, value in merged.items() if value not in (None, [])}
    request("PATCH", PLACES[name][1], given)


SETTING = Kind(
    name="setting",
    plural="settings",
    identity="name",
    id="name",
    fields=(Field("values", "dict", compare=SUBSET, clear=SUBKEYS),),
    listing=Listing("/get/ui_settings", each={name: place[0] for name, place in PLACES.items()}),
    create=Write("PATCH", "/update/ui_settings"),
    update=Write("PATCH", "/update/ui_settings"),
    delete=Write("PATCH", "/update/ui_settings"),
    changed_by=put,
    more_routes=tuple(path for place in PLACES.values() for path in place),
    permanent=True,
)
