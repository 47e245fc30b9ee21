# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""LiteLLM's objects as desired state. Runs on hosts: Python 3.9 and its standard library, besides Ansible's own module_utils.

The rooms, each of which uses those above it only:

    errors                        what can go wrong, as types
    prices, secret_parts          what a name says of its value: a price, a secret
    kinds/                        a table for each kind of object; what is odd about a kind is said in its file and nowhere else
    values, showing               one form for what LiteLLM treats alike; what of it may be shown
    transport, client             connections; then LiteLLM's API with typed errors
    argspec, wanted, desired      the options; what the user wrote, checked; the same for many objects (`desired.mistakes`)
    annotations, compare, bodies  our marker and the user's metadata; found beside wanted; what is sent
    plan                          from what is wanted and what was found to an operation: pure
    reader, apply                 reads objects; sends operations
    store, controller_store       where raw values of keys are kept
    change, key_change, rotation  one object on its way: prepare, apply, verify
    taken                         what only one object can have, and another has
    sides                         what two objects of one declaration say of one thing
    persons                       whom a mail stands for
    versions, refusals            what this proxy lacks, and what it would not take
    references, cascade           what is looked at before anything is written: what is named, what goes along
    state                         all of them: one reading, one plan, the writing in order, a second look
    export                        the way back: what to declare for what is there
    module, object_module         what the modules have in common

The way of one declaration: argspec → wanted → reader → plan (compare, bodies) → change → apply → verify. One object is the list of
one: the modules of single objects give `state` a state of one.

From outside, code on the controller may import secret_parts, prices, desired, argspec, kinds, store, controller_store, values.digest and
transport's check_header, parse_url and may_use_forward_proxy. The modules import what their main() needs.

How to add a kind of object:

1. `kinds/NAME.py`: its table (kinds/_table.py says what a table can say). Write down how each option is read, compared and cleared as the
   proxy really does it; tests/integration/test_coverage.py compares the names with the proxy's own description.
2. `kinds/__init__.py`: its place in the order of references.
3. `plugins/modules/litellm_NAME.py`: the documentation, and a main() of one line (copy a small one, such as litellm_tag.py).
4. `tests/integration/test_objects.py`: its life, as a row of the table there.
5. Run `scripts/kinds.py`: it writes the action group in meta/runtime.yml and the table in docs/litellm-objects.md.

litellm_state, litellm_info, export, drift, pruning, secrets and the check before any host is touched know it then; unit tests that run
over all kinds (tests/unit/plugins/litellm_api) cover it without a change.
"""
