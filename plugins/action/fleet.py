# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Computes the fleet on the controller: reads every host's variables, and returns the value that is registered as llm_fleet."""

from __future__ import annotations

import secrets as randomness
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import (
    acts,
    canary,
    drains,
    kinds,
    modes,
    prices,
    readings,
    report,
    rolls,
    switched,
    table,
    upgrades,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.assemble import assemble, refusals
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.compute import Known, compute
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import check, read_specs
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import GPU_SERVERS, Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.outside import shared_out
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.services import secrets
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import (
    CANARY,
    CHOSEN,
    DECLARED,
    KINDS,
    KNOWN,
    REPORT,
    ROLLED,
    ROLLOUT,
    SERVICE_STATE,
    SWITCHED,
    TRAFFIC,
    UPGRADE,
    UPGRADE_OUTCOME,
    UPGRADE_UNDO,
    UPGRADED,
    Fleet,
    FleetError,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._preflight.report import judged
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.defaults import COLLECTION, role_defaults
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.hub import descriptions
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.looks import Looks, looks
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.resolve import Resolved, resolve

Value = dict[str, t.Any]


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Value:
        result = super().run(tmp, task_vars)
        del tmp
        self._vars = task_vars or {}
        _validation, self._args = self.validate_argument_spec(
            {
                "stage": {"type": "str", "choices": list(self._stages()), "required": True},
                "service": {"type": "str", "choices": list(rolls.MEMBERS)},
                "batch": {"type": "dict"},
                "before": {"type": "list", "elements": "dict"},
                "after": {"type": "list", "elements": "dict"},
                "names": {"type": "list", "elements": "str"},
                "state": {"type": "str", "choices": list(drains.STATES)},
                "act": {"type": "str", "choices": list(acts.ACTS)},
                "services": {"type": "list", "elements": "str", "choices": list(acts.SERVICES), "default": []},
                "upgrade": {"type": "dict"},
                "record": {"type": "dict", "default": {}},
                "migrated": {"type": "bool", "default": False},
                "with_postgres": {"type": "bool", "default": False},
                "driver_to_come": {"type": "bool", "default": False},
                "preflight": {"type": "bool", "default": True},
                "secrets": {"type": "bool", "default": True},
            },
            required_if=[
                ("stage", ROLLOUT, ["service"]),
                ("stage", ROLLED, ["batch"]),
                ("stage", TRAFFIC, ["names", "state"]),
                ("stage", CHOSEN, ["names"]),
                ("stage", SERVICE_STATE, ["act"]),
                ("stage", SWITCHED, ["names"]),
                ("stage", UPGRADED, ["upgrade"]),
                ("stage", UPGRADE_OUTCOME, ["upgrade"]),
                ("stage", CANARY, ["batch", "before", "after"]),
            ],
        )
        try:
            value = self._stages()[self._args["stage"]]()
        except FleetError as error:
            raise AnsibleActionFail(f"The declaration of the fleet can't be carried out:\n{error}") from error
        return {**result, "changed": False, **value}

    def _stages(self) -> dict[str, t.Callable[[], Value]]:
        return {
            DECLARED: self._declared,
            KNOWN: self._known,
            KINDS: self._kinds,
            ROLLOUT: self._rollout,
            ROLLED: self._rolled,
            TRAFFIC: self._traffic,
            CHOSEN: self._chosen,
            SERVICE_STATE: self._service_state,
            SWITCHED: self._switched,
            CANARY: self._canary,
            UPGRADE: self._upgrade,
            UPGRADED: self._upgraded,
            UPGRADE_OUTCOME: self._upgrade_outcome,
            UPGRADE_UNDO: self._upgrade_undo,
            REPORT: self._report,
        }

    def _resolved(self, off_too: bool = False) -> Resolved:
        """Every host with its variables, checked and of the types that the roles' argument specs say. Nothing but a switch knows of models
        that are off."""
        groups, defaults = self._vars["groups"], self._defaults()
        found = resolve(self._vars["hostvars"], groups, defaults, self._loader)
        given = {name: self._with_secrets(host.variables) for name, host in found.hosts.items()}
        checked = check(given, groups, read_specs(COLLECTION), defaults)
        off = list(dict.fromkeys(line for variables in checked.hosts.values() for line in switched.faults(variables)))
        if found.faults or checked.faults or off:
            raise FleetError("\n".join([*found.faults, *checked.faults, *off]))
        if self._args["stage"] == DECLARED:
            for line in checked.warnings:
                self._display.warning(line)
        hosts = {
            name: host._replace(variables={**host.variables, **checked.hosts[name]})
            for name, host in found.hosts.items()
        }
        if not off_too:
            hosts = {name: host._replace(variables=switched.served(host.variables)) for name, host in hosts.items()}
        return found._replace(hosts=hosts)

    def _defaults(self) -> dict[str, t.Any]:
        """Of the roles. A plan can be made before there are secrets, and other variables may be made of them."""
        return {**self._stand_ins(), **role_defaults(self._loader)}

    def _stand_ins(self) -> dict[str, str]:
        if self._args["secrets"]:
            return {}
        return {one.variable: one.prefix + "x" * one.length for one in secrets(authority=True)}

    def _with_secrets(self, variables: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any]:
        """Stand-ins in the place of secrets that are there and empty."""
        missing = {name: text for name, text in self._stand_ins().items() if not variables.get(name)}
        return {**variables, **missing}

    def _declared(self) -> Value:
        hosts = self._resolved().hosts
        return self._value(compute(hosts, self._vars["groups"], DECLARED))

    def _value(self, fleet: Fleet) -> Value:
        playing = [name for name in self._vars.get("ansible_play_hosts_all", ()) if name in fleet.hosts]
        return {**assemble(fleet), "outside": shared_out(fleet.hosts, playing)}

    def _known(self) -> Value:
        found = self._resolved()
        seen = looks(found.raw)
        hosts = {name: host._replace(facts=seen.facts.get(name, {})) for name, host in found.hosts.items()}
        known = self._read(hosts, seen)
        value = self._value(compute(hosts, self._vars["groups"], KNOWN, known))
        self._show(table.lines(value["instances"]) if value["instances"] else [])
        first = next(iter(found.hosts.values())).variables
        self._show(prices.lines(first["llm_models"], first["llm_gpu_hour_price"]))
        self._show(modes.template_lines(first["llm_models"], str(first["vllm_version"])))
        for line in value["changes"]:
            self._display.warning(line)
        self._judge(hosts, value)
        return value

    def _kinds(self) -> Value:
        groups = {GPU_SERVERS: ["localhost"]}
        host = resolve(self._vars["hostvars"], groups, role_defaults(self._loader), self._loader).hosts["localhost"]
        said = host.variables
        found = descriptions({"localhost": host}, {})
        self._show(kinds.lines(said["llm_models"], said["llm_plan_gpus"], found, str(said["vllm_version"])))
        return {}

    def _rollout(self) -> Value:
        service = self._args["service"]
        fetched = {host: said.get("projects") or {} for host, said in self._registered(f"__{service}_fetched").items()}
        return rolls.roll(self._fleet(), service, fetched)

    def _rolled(self) -> Value:
        batch = self._args["batch"]
        return rolls.outcome(self._fleet(), batch, self._registered(f"__{batch['service']}_batch", batch["hosts"]))

    def _traffic(self) -> Value:
        found = drains.traffic(self._fleet(), self._args["names"], self._args["state"])
        return self._unless_refused(found)

    def _chosen(self) -> Value:
        value = self._fleet()
        keys = {key for name in self._args["names"] for key in drains.keys_of(value, name)}
        return {"projects": rolls.chosen(value, keys)}

    def _service_state(self) -> Value:
        names = [name for name in self._args["names"] or () if name]
        return acts.steps(self._fleet(), self._args["act"], self._args["services"], names)

    def _switched(self) -> Value:
        variables = next(iter(self._resolved(off_too=True).hosts.values())).variables
        leaves, comes = self._args["names"]
        return switched.switch(variables, leaves, comes)

    def _upgrade(self) -> Value:
        return self._unless_refused(self._differing())

    def _differing(self) -> Value:
        said = self._registered("upgrade_found")
        found = {host: one.get("containers") or [] for host, one in said.items()}
        return upgrades.plan(self._fleet(), found, load_extra_vars(self._loader))

    def _upgraded(self) -> Value:
        reading = self._fleet()["reading"]
        return {"reading": upgrades.recorded(reading, upgrades.entries(self._args["upgrade"], self._args["record"]))}

    def _upgrade_outcome(self) -> Value:
        args = self._args
        return upgrades.outcome(self._fleet(), args["upgrade"], self._differing(), args["record"], args["migrated"])

    def _upgrade_undo(self) -> Value:
        value = self._fleet()
        found = upgrades.undo(value, self._args["with_postgres"])
        return {**self._unless_refused(found), "reading": upgrades.recorded(value["reading"], {}, found["record"])}

    def _unless_refused(self, found: Value) -> Value:
        if found["refused"]:
            raise AnsibleActionFail("\n".join(found["refused"]))
        return found

    def _canary(self) -> Value:
        """What loops over the gateways registered, and what the replicas of the batch and others beside them answered."""
        batch = self._args["batch"]
        before, after = ([one.get("servers") or [] for one in self._args[name]] for name in ("before", "after"))
        targets = [(one["backend"], one["server"]) for one in batch["members"] if one["server"]]
        faults, seen = canary.judge(before, after, targets)
        for name, (mine, other) in self._probed(batch["probes"]).items():
            found, line = canary.compare(mine, other)
            faults += [f"{name} {fault}" for fault in found]
            seen.append(f"{name}: {line}")
        self._show(seen)
        return {"faults": faults, "seen": seen}

    def _probed(self, asked: dict[str, list[Value]]) -> dict[str, tuple[str, str | None]]:
        """What each watched replica printed, and the one beside it, if there is one; a host that dropped out printed nothing."""
        said: dict[str, dict[bool, str]] = {}
        registered = self._registered("__llm_probed", asked)
        for host, wanted in asked.items():
            results = registered.get(host, {}).get("results") or [{}] * len(wanted)
            for one, result in zip(wanted, results):
                said.setdefault(one["of"], {})[one["watched"]] = str(result.get("stdout") or "")
        return {name: (printed.get(True, ""), printed.get(False)) for name, printed in said.items()}

    def _fleet(self) -> Value:
        return self._templar.template(self._vars["llm_fleet"])

    def _registered(self, name: str, hosts: t.Iterable[str] = ()) -> dict[str, t.Any]:
        """What hosts of the play registered under that name; those that dropped out of the run before said nothing."""
        going = set(self._vars.get("ansible_play_hosts", ()))
        said = {host: self._vars["hostvars"][host].get(name) for host in going & set(hosts or going)}
        return {host: one for host, one in said.items() if one and not one.get("skipped")}

    def _report(self) -> Value:
        playing = self._vars.get("ansible_play_hosts_all", ())
        failed = [name for name in playing if name not in self._vars.get("ansible_play_hosts", ())]
        value = self._fleet()
        found = report.lines(value, failed)
        for line in found:
            self._display.warning(line)
        tags = [*self._vars.get("ansible_run_tags", ("all",)), *self._vars.get("ansible_skip_tags", ())]
        return {
            "undone": found,
            **report.kept(value, not found and tags == ["all"] and set(value["hosts"]) <= set(playing)),
        }

    def _read(self, hosts: dict[str, Host], seen: Looks) -> Known:
        """What was kept, and what the hub says; what it can't say this time is said aloud."""
        reading = readings.newest(hosts.values())
        models = descriptions(hosts, reading["models"])
        for line in readings.stale(reading, models, seen.unreachable):
            self._display.warning(line)
        return Known(models, reading, seen.unreachable, self._args["driver_to_come"], self._salt(hosts))

    def _salt(self, hosts: dict[str, Host]) -> str:
        """Of the fingerprint of the key, where none is kept; none for a key that stands for a missing one."""
        stand_in = self._stand_ins().get("vllm_api_key")
        stands = any(host.variables.get("vllm_api_key") == stand_in for host in hosts.values())
        return "" if stands else randomness.token_hex(8)

    def _judge(self, hosts: dict[str, Host], value: Value) -> None:
        if not self._args["preflight"]:
            return
        facts = {name: host.facts for name, host in hosts.items() if host.facts}
        found = judged(facts, {name: value["hosts"][name]["preflight"] for name in facts})
        self._show(found.table)
        refused = [*found.refusal.splitlines(), *refusals(value), *upgrades.faults(value)]
        if refused:
            raise AnsibleActionFail("\n".join(refused))

    def _show(self, lines: list[str]) -> None:
        for line in lines:
            self._display.display(line)
