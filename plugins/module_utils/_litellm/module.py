# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The AnsibleModule of all modules here: which options were given, what is hidden, how errors become failures."""

from __future__ import annotations

import hashlib
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.warnings import get_warning_messages

from . import apply
from .argspec import SHORTEST
from .client import Client, Settings
from .controller_store import OPTION, Controller, controller_of
from .errors import EXPECTED, LiteLLMError, StateError
from .kinds import KEY, Kind
from .wanted import Wanted, mistakes, wanted_of

#: Secrets that begin with the same characters are looked for once. Longer than `sk-` and the start of a common prefix.
PREFIX = 8
TOO_DEEP = "an option or an object of the proxy is nested too deeply"


def fingerprint_key(api_key: str) -> bytes:
    """Only who can manage the proxy can make or check fingerprints."""
    return hashlib.sha256(f"llmfleet.gateway fingerprint {api_key}".encode()).digest()


class LiteLLMModule(AnsibleModule):
    """A module that knows which options were given: Ansible makes an omitted option and a null the same."""

    no_log_values: set[str]
    secrets: t.Callable[[dict[str, t.Any]], set[str]] = staticmethod(lambda params: set())
    #: The options as ansible-playbook -vvv shows them.
    shown: t.Callable[[dict[str, t.Any]], dict[str, t.Any]] = staticmethod(lambda params: params)

    def _load_params(self) -> None:
        super()._load_params()
        self.given = frozenset(self.params)
        self.controller: Controller | None = None
        # Before the first line is logged, and also where the options turn out to be wrong.
        self.no_log_values.update(type(self).secrets(self.params))

    def exit_json(self, **result: t.Any) -> t.NoReturn:
        """Ansible looks for every secret in every string of the result: with a thousand of each that takes seconds."""
        result.setdefault("invocation", {"module_args": type(self).shown(self.params)})
        self.no_log_values = occurring(self.no_log_values, [result, list(get_warning_messages())])
        super().exit_json(**result)
        raise SystemExit(0)

    def client(self) -> Client:
        names = ("api_url", "api_key", "validate_certs", "ca_path", "timeout", "changed_by")
        secrets = frozenset(secret for secret in self.no_log_values if len(secret) >= SHORTEST)
        settings = Settings(**{name: self.params[name] for name in names}, secrets=secrets)
        try:
            return Client(settings)
        except (ValueError, OSError) as exc:
            self.refuse(f"the connection options can't be used: {exc}")

    def orders(self) -> dict[str, t.Any]:
        """What the action plugin has to do with its stores, also where the module failed."""
        return {OPTION: self.controller.orders} if self.controller else {}

    @property
    def plans_only(self) -> bool:
        return bool(self.check_mode or (self.controller and self.controller.plan_only))

    def wanted(self, kind: Kind) -> Wanted:
        identity = self.params[kind.identity]
        if not identity.strip():
            self.refuse(f"{kind.identity} is empty: every {kind.name} needs a name of its own")
        key = fingerprint_key(self.params["api_key"])
        wanted = wanted_of(kind, self.params, self.given, fingerprint_key=key)
        wrong = mistakes(kind, wanted)
        if wrong:
            self.refuse("; ".join(wrong))
        return wanted

    def use_controller(self) -> Controller | None:
        """What the action plugin told of its stores. To take a key back is all that such a call does."""
        self.controller = controller_of(self.params[OPTION])
        undo = self.controller.undo if self.controller else ()
        if undo:
            self.run(lambda: self._take_back(self.client(), undo))
        return self.controller

    @staticmethod
    def _take_back(client: Client, tokens: t.Sequence[str]) -> dict[str, t.Any]:
        apply.delete(client, KEY, tokens)
        return {"changed": True}

    def run(self, work: t.Callable[[], dict[str, t.Any]]) -> t.NoReturn:
        """Do the work and leave, with errors as clear failures."""
        try:
            result = work()
        except LiteLLMError as exc:
            self.refuse(str(exc), error=exc.as_dict())
        except StateError as exc:
            self.refuse(str(exc), errors=exc.errors)
        except EXPECTED as exc:
            self.refuse(str(exc))
        except RecursionError:
            self.refuse(TOO_DEEP)
        self.exit_json(**result, **self.orders())

    def refuse(self, message: str, **more: t.Any) -> t.NoReturn:
        shown = {"module_args": type(self).shown(self.params)}
        self.fail_json(msg=message, invocation=shown, **more, **self.orders())
        raise SystemExit(1)


def occurring(secrets: t.Iterable[str], shown: t.Any) -> set[str]:
    """Those of the secrets that are in any string of a structure. Most share their beginning with others, or have none there."""
    text = "\0".join(_strings(shown))
    beginnings: dict[str, bool] = {}
    found = set()
    for secret in secrets:
        beginning = secret[:PREFIX]
        if beginning not in beginnings:
            beginnings[beginning] = beginning in text
        if beginnings[beginning] and secret in text:
            found.add(secret)
    return found


def _strings(shown: t.Any) -> t.Iterator[str]:
    if isinstance(shown, t.Mapping):
        for name, value in shown.items():
            yield str(name)
            yield from _strings(value)
    elif isinstance(shown, (list, tuple, set, frozenset)):
        for value in shown:
            yield from _strings(value)
    else:
        yield str(shown)


def module_class(
    secrets: t.Callable[[dict[str, t.Any]], set[str]],
    shown: t.Callable[[dict[str, t.Any]], dict[str, t.Any]] = LiteLLMModule.shown,
) -> type[LiteLLMModule]:
    """A module that hides the strings that the function finds in its options."""
    return type("HidingModule", (LiteLLMModule,), {"secrets": staticmethod(secrets), "shown": staticmethod(shown)})
