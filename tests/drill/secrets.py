# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Searches for every declared secret of an inventory where none may be: output that is given, and on hosts arguments,
docker inspect, logs, the journal, world-readable and temporary files.

    python -m tests.drill.secrets -i my-fleet/gpu_hosts --hosts gpu1,gpu2 [OUTPUT ...]    (--help tells the options)

Exits with 1 where something was found, or a place could not be searched. Shows names and places, no value.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import subprocess
import sys
import typing as t
import urllib.parse
from pathlib import Path

from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultSecret
from ansible.vars.manager import VariableManager
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import secret_parts
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import read_specs
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.defaults import COLLECTION, role_defaults
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.resolve import resolve

from tests.drill import on_host

#: A shorter one would be found in texts that have nothing to do with it.
SHORTEST = 8
#: Variables in which secrets stand at any depth.
STRUCTURES = ("llm_state", "llm_external_models", "gateway_state_key_store")
TASK: dict[str, t.Any] = {
    "proc": "/proc",
    "commands": {
        "containers": "docker inspect $(docker ps --all --quiet)",
        "images": "docker image inspect $(docker images --quiet)",
        "networks and volumes": "docker network inspect $(docker network ls --quiet);"
        " docker volume ls --quiet | xargs --no-run-if-empty docker volume inspect",
        "logs of containers": "for name in $(docker ps --all --quiet); do docker logs $name 2>&1; done",
        "journal": "journalctl --no-pager --output=cat",
    },
    "roots": ["/"],
    # Programs of the distribution, and weights: nothing of ours writes there but what was downloaded.
    "left_out": ["/proc", "/sys", "/dev", "/usr", "/srv/models", "/opt/llmfleet/models"],
    "temporary": ["/tmp", "/var/tmp", "/dev/shm", "/root/.ansible"],
}
Ssh = t.Callable[[str, str], str]


def declared(inventory: str, loader: DataLoader) -> dict[str, str]:
    """Every value of an inventory that is secret, by where it stands."""
    source = InventoryManager(loader=loader, sources=[inventory])
    manager = VariableManager(loader=loader, inventory=source)

    class Raw:
        def raw_get(self, host_name: str) -> dict[str, t.Any]:
            return dict(manager.get_vars(host=source.get_host(host_name), include_hostvars=False))

    hosts = resolve(Raw(), source.get_groups_dict(), role_defaults(loader), loader).hosts
    options = {name: option for spec in read_specs(COLLECTION).values() for name, option in spec.items()}
    found: dict[str, str] = {}
    for host in hosts.values():
        for name, value in host.variables.items():
            hidden = bool(options.get(name, {}).get("no_log"))
            texts = _texts(name, value) if hidden else _parts(name, value) if name in STRUCTURES else {}
            found |= {place: text for place, text in texts.items() if len(text) >= SHORTEST}
    once = {text: place for place, text in found.items()}
    return {place: text for text, place in once.items()}


def _texts(place: str, value: t.Any) -> dict[str, str]:
    """All text of a variable that is secret as a whole."""
    if isinstance(value, dict):
        return {where: text for key, part in value.items() for where, text in _texts(f"{place}.{key}", part).items()}
    return {place: value} if isinstance(value, str) else {}


def _parts(place: str, value: t.Any) -> dict[str, str]:
    """What gives itself away as secret; a reference to the environment is none."""
    found = secret_parts.by_path(value)
    return {f"{place}.{path}": text for path, text in found.items() if not secret_parts.is_reference(text)}


def forms(secret: str) -> list[bytes]:
    """As it is, as in a URL, and as base64 has it within a longer text, wherever it begins there."""
    plain = secret.encode()
    quoted = urllib.parse.quote(secret, safe="").encode()
    inner = [base64.b64encode(b"x" * shift + plain)[4 if shift else 0 :].rstrip(b"=")[:-1] for shift in range(3)]
    return sorted({plain, quoted, *inner})


def as_sent(secrets: t.Mapping[str, str]) -> dict[str, list[str]]:
    return {name: [base64.b64encode(form).decode() for form in forms(value)] for name, value in secrets.items()}


def in_texts(secrets: t.Mapping[str, str], texts: t.Mapping[str, bytes]) -> list[str]:
    """Which secret is in which of the texts."""
    looked = on_host.Search({name: forms(value) for name, value in secrets.items()})
    for place, content in texts.items():
        looked.text("given", place, content)
    return [f"{secret} in {place}" for _kind, place, secret in sorted(looked.hits)]


def at_host(secrets: t.Mapping[str, str], ssh: Ssh, task: t.Mapping[str, t.Any] | None = None) -> list[str]:
    """What is wrong there: secrets that were found, and places where nothing was to be searched. *task*: TASK."""
    task = task or TASK
    program = base64.b64encode(Path(on_host.__file__).read_bytes()).decode()
    # The program is no secret; what it looks for goes by standard input, since in an argument it would be the leak.
    command = f"python3 -c \"import base64; exec(base64.b64decode('{program}'))\""
    answer = ssh(command, json.dumps({**task, "forms": as_sent(secrets)}))
    try:
        found = json.loads(answer)
    except ValueError:
        return [f"the host did not search: {answer[-500:]}"]
    kinds = ["arguments", *task["commands"], "world-readable files"]
    unsearched = [f"{kind}: nothing was there to be searched" for kind in kinds if not found["searched"].get(kind)]
    return unsearched + [f"{hit['secret']} in {hit['kind']}: {hit['place']}" for hit in found["hits"]]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Searches for the declared secrets of an inventory where none may be.")
    parser.add_argument("-i", "--inventory", required=True)
    parser.add_argument("--hosts", default="", help="names as ssh knows them, with commas; the user is root")
    parser.add_argument("--ssh-config", default="")
    parser.add_argument("--vault-password-file", type=Path)
    parser.add_argument("outputs", nargs="*", type=Path, help="files, such as what ansible-playbook -vvv --diff said")
    return parser.parse_args()


def _over_ssh(host: str, config: str) -> Ssh:
    def run(command: str, text: str) -> str:
        line = ["ssh", *(["-F", config] if config else []), host, command]
        done = subprocess.run(line, input=text, check=False, capture_output=True, text=True)
        return done.stdout or done.stderr

    return run


def main() -> int:
    said, loader = _arguments(), DataLoader()
    if said.vault_password_file:
        password = said.vault_password_file.read_bytes().strip()
        loader.set_vault_secrets([("default", VaultSecret(password))])
    secrets = declared(said.inventory, loader)
    wrong = in_texts(secrets, {str(path): path.read_bytes() for path in said.outputs})
    for host in re.findall(r"[^,\s]+", said.hosts):
        wrong += [f"{host}: {line}" for line in at_host(secrets, _over_ssh(host, said.ssh_config))]
    print("\n".join([*wrong, f"{len(secrets)} secrets were searched for, {len(wrong)} findings"]))
    return 1 if wrong or not secrets else 0


if __name__ == "__main__":
    sys.exit(main())
