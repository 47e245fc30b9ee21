# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a kind of object consists of: the words in which the files beside this one describe theirs.

Used by them, and by all of the package to read them. Nothing in here knows a kind.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field
from functools import cached_property

from ._naming import Naming

# How a field is emptied. What LiteLLM does with an explicit null differs from field to field.
NULL = "null"  # null clears it
EMPTY = "empty"  # null is refused or does harm; an empty list or object clears it
METADATA = "metadata"  # lives inside metadata: cleared by writing metadata without it
SUBKEYS = "subkeys"  # an object that the API merges: every sub-key is emptied by itself
NEVER = "never"  # there is no way

# How a wanted value is compared with the found one.
EQUAL = "equal"
SUBSET = "subset"  # only the sub-keys that the user wrote
WINDOWS = "windows"  # budget windows: the server adds reset_at
DIGEST = "digest"  # the API shows only the sha256 of the value
LIFETIME = "lifetime"  # a duration; the API shows only when it ends
WRITE_ONLY = "write_only"  # the API never shows it
SECRETS = "secrets"  # an object whose secret parts are compared by a fingerprint in our marker

# By what names of these kinds are found, where they are not ids.
MODEL_NAME = ("model_name",)
GUARDRAIL = ("guardrail_name",)

Found = t.Mapping[str, t.Any]
Request = t.Callable[[str, str, t.Any], t.Any]  # method, path and body to the answer

INT32 = 2**31 - 1

# What the API shows in the place of a secret, or of its middle.
HALF_MASKED = re.compile(r"\*{3,}(REDACTED\*{3,})?|REDACTED_BY_LITELL?M|litellm_enc::.*", re.DOTALL)

# Budgets that LiteLLM makes by itself, for limits that are written to another object.
OWN_BUDGET = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|.*-budget-[0-9a-f]{32}")
BUDGET_TABLE = "litellm_budget_table"
BUDGETS = (BUDGET_TABLE, "budget")  # where an object shows its budget


@dataclass(frozen=True)
class Write:
    """One writing call. `id_field` is where the body names the object; `id_list` when it takes a list.

    `envelope` is the name of the one option that the whole body goes into.
    """

    method: str
    path: str
    id_field: str | None = None
    id_list: bool = False
    envelope: str | None = None
    young: bool = False  # versions that are still in use lack it


@dataclass(frozen=True)
class Call:
    """A writing call besides the main one: to the object itself, unless it names the id of another one.

    Where SELF stands in the body, the object's own id is sent.
    """

    SELF: t.ClassVar[str] = "(its own id)"

    write: Write
    body: t.Mapping[str, t.Any]
    id: str | None = None
    late: bool = False  # only when all kinds of objects are there
    licence: str = ""  # what of it needs a licence
    already: str = ""  # what the proxy's refusal says where there was nothing to do


@dataclass(frozen=True)
class Rule:
    """How an option is treated that follows none of the common rules."""

    canonical: t.Callable[[t.Any], t.Any]  # the form in which a value is shown, and compared if there is no `pair`
    created: t.Callable[[t.Any], t.Any]  # what the creation sends, if not None
    calls: t.Callable[[t.Any, t.Any], list[Call]]  # from the wanted and the found value: what changes it
    exported: t.Callable[[t.Any], t.Any]  # from the found value: what to declare
    writes: tuple[Write, ...] = ()  # all calls that the others may give
    made: t.Callable[[t.Any], list[Call]] = lambda wanted: []  # what a creation needs besides
    pair: t.Callable[[t.Any, t.Any], tuple[t.Any, t.Any]] | None = None  # the found and the wanted value, comparable
    leavers: t.Callable[[t.Any, t.Any], list[str]] | None = None  # from the wanted and the found value: who goes
    # From the wanted and the found value: other objects that the calls write to as well, so never two at once.
    touched: t.Callable[[t.Any, t.Any], set[str]] | None = None


@dataclass(frozen=True)
class OtherSide:
    """An option of another kind that says the same: each lists the ids of those objects that list it."""

    kind: str
    option: str
    # From this side's value, and the id and options of an object of the other: whether it names it, None where that can't be told.
    names: t.Callable[[t.Any, str, Found], bool | None] = lambda value, id, options: id in (value or [])


@dataclass(frozen=True)
class Field:
    """One option of an object: its type, where the API shows it, how it is compared and emptied."""

    name: str
    type: str = "str"
    elements: str | None = None
    choices: tuple[str, ...] | None = None
    path: tuple[str, ...] | None = None
    clear: str = NULL
    compare: str = EQUAL
    ordered: bool = False
    default: t.Any = None
    create_only: bool = False
    ignore_drift: bool = False
    licence: bool = False
    without_added: t.Callable[[t.Any], t.Any] | None = None  # from a dictionary: it without what LiteLLM adds by itself
    # Of an object compared in part: from the name and value of a part, the form in which LiteLLM keeps it.
    form: t.Callable[[str, t.Any], t.Any] | None = None
    as_text: bool = False  # of a dictionary: LiteLLM writes its texts into the database like those of other options
    values: str | None = None  # of a dictionary: the type of its values; list is one of texts
    least: int | None = None  # the least number that it takes
    most: int = 2**63 - 1  # the greatest number that the database keeps
    described: str | None = None  # the schema of the proxy's own description that has its parts, or its choices
    known_parts: tuple[str, ...] = ()  # of a dictionary: the parts that LiteLLM keeps, where it drops all others
    licensed_parts: tuple[str, ...] = ()  # of a dictionary: the parts that need a licence
    young: bool = False  # versions that are still in use lack it
    unique: bool = False  # no two objects have the same, whatever letters are capitals
    secret: bool = False
    plain: bool = False  # its parts have the users' names, which don't tell what is secret
    all_secret: bool = False  # of an object with secret parts: every part is one
    # Of such an object: the parts to fill in where the API doesn't even name one, from the object that was found.
    usual_parts: t.Callable[[Found], tuple[str, ...]] = lambda found: ("api_key",)
    detail: bool = False  # not in the listing, only where one object is read by itself
    detail_for: t.Callable[[t.Any], bool] | None = None  # of which wanted values only that shows enough
    refers: str | None = None  # the kind whose ids it takes
    refers_by: tuple[str, ...] = ()  # what it takes of them in place of their ids
    patterns: bool = False  # of what it takes: one that ends with a star refers to none
    refers_in: Naming | None = None  # from a structure: what it names
    makes: str | None = None  # of a list of entries: the kind that LiteLLM makes of those that there are not
    touches: bool = False  # a list of other objects that LiteLLM writes to as well
    one_of: tuple[str, ...] = ()  # of a list of entries: an entry has at least one of these
    once: tuple[str, ...] = ()  # of a list of entries: no two have the same of one of these
    needed: bool = False  # of an entry's part: there is no entry without it
    parameters: bool = False  # of a dictionary: LiteLLM reads prices and limits in it
    api_name: str | None = None  # its name in the API, where another option has that name
    by_metadata: bool = False  # an update takes it inside metadata only
    afterwards: bool = False  # an update sends it when everything else is changed, by which LiteLLM judges it
    own_call: Write | None = None  # the main calls don't take it, this one does
    rule: Rule | None = None
    # From the body's value and the found one: what the update sends in its place. It may use the names in also_written.
    update: t.Callable[[t.Any, t.Any], dict[str, t.Any]] | None = None
    also_written: tuple[str, ...] = ()
    other_side: OtherSide | None = None
    exported: bool = True
    off: frozenset[str] = frozenset()  # of an object: switches that LiteLLM shows as off where nobody named them
    added_parts: frozenset[str] = frozenset()  # of an object: what LiteLLM adds, and nobody has to declare
    duration: bool = False  # a length of time
    parts: tuple[Field, ...] = ()  # of a list of entries: what an entry may have

    @property
    def read_path(self) -> tuple[str, ...]:
        return self.path or (self.name,)


def in_metadata(name: str, type: str = "str", **kwargs: t.Any) -> Field:
    """A field that LiteLLM keeps inside the object's metadata."""
    return Field(name, type, path=("metadata", name), clear=METADATA, **kwargs)


def duration(name: str, **kwargs: t.Any) -> Field:
    """A length of time in LiteLLM's form, such as 30d."""
    return Field(name, duration=True, **kwargs)


INDEX = (
    Field("index_name", needed=True),
    Field("index_permissions", "list", "str", choices=("read", "write"), needed=True),
)
BUDGET_WINDOW = (duration("budget_duration", needed=True), Field("max_budget", "float", needed=True))


def in_budget(name: str, type: str = "int", **kwargs: t.Any) -> Field:
    """A limit that LiteLLM keeps in a budget which it makes for the object."""
    return Field(name, type, path=(BUDGET_TABLE, name), **kwargs)


@dataclass(frozen=True)
class Listing:
    """How all objects of a kind are read."""

    path: str
    envelope: str | None = None
    query: t.Mapping[str, t.Any] = field(default_factory=dict)
    items: t.Callable[[t.Any], list[dict[str, t.Any]]] | None = None  # from an answer that is no list of objects: they
    each: t.Mapping[str, str] = field(default_factory=dict)  # instead of one path: where each object is, by its name
    each_item: t.Callable[[str, t.Any], dict[str, t.Any]] | None = None  # from the name and the answer: the object
    page_size: int | None = None  # None: the API answers with everything at once
    size_parameter: str = "size"
    identity_filter: str | None = None
    id_filter: str | None = None
    detail: str | None = None  # where one object is read by itself
    detail_envelope: str | None = None
    detail_more: t.Callable[[Found, t.Any], dict[str, t.Any]] | None = None  # what else the answer tells of the object
    detail_hints: tuple[tuple[str, ...], ...] = ()  # where nothing is at these paths, the detail has nothing more


@dataclass(frozen=True)
class Cascade:
    """What LiteLLM takes along when an object is deleted: those of another kind that name its id at this path.

    Without a path the API does not show whose they are.
    """

    kind: str
    path: tuple[str, ...]
    query: str | None = None  # the parameter of their listing that finds them
    member: tuple[str, ...] = ()  # where they name a person: they go as well when that person leaves the object
    stays: str = ""  # they are not deleted, and lose this
    option: str = ""  # without a path: the option in which a declaration says whose they are


@dataclass(frozen=True)
class Home:
    """Where an object may be moved to: the option that names it, and what LiteLLM asks of the new place before it does so."""

    option: str
    kind: str
    person: str  # the option of the object that names somebody who has to be in there
    members: str  # the option of the place that says who is
    also_said_by: tuple[str, str]  # the kind and the option that say it as well
    limits: tuple[str, ...]  # where the first is set, none may be above that of the place


@dataclass(frozen=True)
class Reference:
    """An option that names other objects, in the place of one that takes their ids."""

    option: str
    field: str
    kind: str
    many: bool = False


def always(found: Found) -> bool:
    return True


@dataclass(frozen=True)
class Kind:
    """One kind of LiteLLM object. What is odd about a kind is said in its own file, by these, and nowhere else."""

    name: str
    plural: str
    identity: str  # what the user names it by
    id: str  # what the API names it by
    fields: tuple[Field, ...]
    listing: Listing
    create: Write
    update: Write
    delete: Write
    # What is done before an object is deleted: from what sends a request and the object's id.
    before_delete: t.Callable[[Request, str], None] | None = None
    annotations: str | None = None  # the field that has room for our marker
    annotations_merge: bool = False  # whether an update of that field keeps what it doesn't name
    drops_empty_annotations: bool = False  # whether an update to {} is ignored
    id_path: tuple[str, ...] = ()  # where the id is, if not at the top
    id_at_creation: bool = False  # whether the user chooses the id
    half_made: str | None = (
        None  # what the refusal of a creation says where the object was kept all the same, and is listed nowhere
    )
    constants: t.Mapping[str, t.Any] = field(default_factory=dict)  # sent with every creation
    enterprise: bool = False
    raw_value: bool = False  # whether it has a value that LiteLLM shows once only, and that is stored
    shown: tuple[str, ...] = ()  # what a module's result says of it besides its name and id
    declarable: t.Callable[[Found], bool] = always  # whether a found object can be declared at all
    exported_annotations: frozenset[str] | None = (
        None  # what of the annotations is the user's, if not all that isn't ours
    )
    reserved_metadata: frozenset[str] = frozenset()
    encrypted_metadata: frozenset[str] = frozenset()  # of these, what is secret comes back encrypted
    exported_metadata: frozenset[str] = frozenset()  # of these, what only a user can have put there
    # From what an export says of an object: the same without what another option of it says already.
    without_said: t.Callable[[dict[str, t.Any]], dict[str, t.Any]] | None = None
    echoed_metadata: frozenset[str] = frozenset()  # copies of other fields: never compared, never sent
    mutually_exclusive: tuple[tuple[str, ...], ...] = ()
    required_together: tuple[tuple[str, ...], ...] = ()
    references: tuple[Reference, ...] = ()
    home: Home | None = None
    cascades: tuple[Cascade, ...] = ()
    needed: tuple[tuple[str, ...], ...] = ()  # the options, or parts of them, that no creation works without
    needed_one: tuple[str, ...] = ()  # options of which a creation needs at least one
    # From the name and the options: what LiteLLM can't keep, whatever there is.
    faults: t.Callable[[str, Found], list[str]] = lambda name, given: []
    lacking: t.Callable[[Found], list[str]] = lambda given: []  # what a new one needs besides
    new_name: t.Callable[[str], str | None] = lambda name: None  # why LiteLLM takes no new object of this name
    one_name: tuple[
        str, ...
    ] = ()  # options of which no two objects have the same, in none of them, whatever letters are capitals
    reached_by_name: bool = False  # whether it then can't change or delete one that is there either
    serial: bool = False  # all are kept in one place, which LiteLLM reads, changes and writes
    # What changes an object, in place of one call: from what sends a request, the found object and the body.
    changed_by: t.Callable[[Request, Found, Found], None] | None = None
    # What writes an object that is a part of something larger, in place of three calls: from what sends a request, the object's
    # name and the body; None takes it out.
    written_by: t.Callable[[Request, str, Found | None], None] | None = None
    # From what reads a path and the options that would be written: why none can be on this proxy, as a sentence.
    closed: t.Callable[[t.Callable[[str], t.Any], t.Collection[str]], str | None] | None = None
    # From what reads a path (None where nobody answers), the name, what was given and the names of what is written: what this
    # proxy would not take.
    not_taken: t.Callable[[t.Callable[[str], t.Any], str, Found, t.Collection[str]], list[str]] | None = None
    more_routes: tuple[str, ...] = ()  # paths that changed_by, written_by and before_delete call
    permanent: bool = False  # all of them are always there
    always_there: frozenset[str] = frozenset()  # names that LiteLLM takes for none of them, or makes by itself
    names: str | None = None  # the kind whose objects its own names are, and by what these are found
    names_by: tuple[str, ...] = ()
    renamable: bool = False  # whether an update can give another name
    # From the body of an update and the found object: what has to be said again, since the API would reset it;
    # in the same call, or in one after it.
    sent_along: t.Callable[[Found, Found], dict[str, t.Any]] | None = None
    restored: t.Callable[[Found, Found], dict[str, t.Any]] | None = None
    companions: tuple[tuple[str, ...], ...] = ()  # options that an update has to send together, where they are given
    # From what was given, the names of what differs and the found object: what the API can't do, as a sentence.
    obstacle: t.Callable[[Found, t.Collection[str], Found], str | None] | None = None

    @cached_property
    def by_name(self) -> dict[str, Field]:
        return {field.name: field for field in self.fields}

    @cached_property
    def making(self) -> tuple[Field, ...]:
        """The options whose entries LiteLLM makes objects of."""
        return tuple(field for field in self.fields if field.makes)


def no_slash(name: str) -> str | None:
    return (
        "LiteLLM can neither change nor delete one whose name has a slash: write another name" if "/" in name else None
    )


def budget_of(found: Found) -> str | None:
    """The budget in which an object's limits are kept: its own, or one that others have as well."""
    budget = found.get("budget_id") or next((b for name in BUDGETS if (b := dig(found, (name, "budget_id")))), None)
    return None if budget is None else str(budget)


def shared_budget(found: Found) -> str | None:
    """That budget where others may share it by its name: LiteLLM gives names of its own to those it makes for one object."""
    budget = budget_of(found)
    return None if budget is None or OWN_BUDGET.fullmatch(budget) else budget


def is_limit_of_budget(field: Field) -> bool:
    return field.read_path[0] in BUDGETS and field.name != "budget_id"


def dig(data: t.Any, path: t.Sequence[str]) -> t.Any:
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
    return data
