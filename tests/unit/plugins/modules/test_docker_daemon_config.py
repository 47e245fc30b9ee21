# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docker_daemon_config: merging, judging and writing daemon.json."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args
from ansible_collections.llmfleet.gateway.plugins.module_utils import _docker_daemon as daemon
from ansible_collections.llmfleet.gateway.plugins.modules import docker_daemon_config as module


class Exited(Exception):
    """What the module said at its end."""

    def __init__(self, result: dict[str, Any]) -> None:
        super().__init__(result)
        self.result = result


class Host:
    """A host made of a directory: daemon.json, a running engine or none, a dockerd that judges or none."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.file = root / "docker" / "daemon.json"
        self.engine: str | None = None
        self.replaced = False
        self.dockerd: str | None = None
        self.objection: str | None = None
        self.judged: list[dict[str, Any]] = []
        monkeypatch.setattr(module, "PENDING", str(root / "pending"))
        monkeypatch.setattr(module, "engine_identity", lambda pidfile: self.engine)
        monkeypatch.setattr(module, "engine_replaced", lambda engine: self.replaced)
        monkeypatch.setattr(module, "check_with_dockerd", self.judge)
        monkeypatch.setattr(basic.AnsibleModule, "get_bin_path", lambda *args, **kwargs: self.dockerd)
        monkeypatch.setattr(basic.AnsibleModule, "exit_json", self.exit)
        monkeypatch.setattr(basic.AnsibleModule, "fail_json", self.fail)

    @staticmethod
    def exit(_module: basic.AnsibleModule, **result: Any) -> None:
        raise Exited(result)

    @staticmethod
    def fail(_module: basic.AnsibleModule, **result: Any) -> None:
        raise Exited({**result, "failed": True})

    def judge(self, _run_command: Any, _dockerd: str, path: str) -> str | None:
        self.judged.append(json.loads(Path(path).read_text()))
        return self.objection

    def has(self, text: str) -> None:
        self.file.parent.mkdir(exist_ok=True)
        self.file.write_text(text)
        self.file.chmod(0o644)

    def run(self, options: dict[str, Any], check: bool = False, **more: Any) -> dict[str, Any]:
        args = {"path": str(self.file), "options": options, "_ansible_check_mode": check, **more}
        with patch_module_args(args), pytest.raises(Exited) as exited:
            module.main()
        return exited.value.result

    def config(self) -> dict[str, Any]:
        return json.loads(self.file.read_text())


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("current", "patch", "merged"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}),
        ({"a": 1}, {"a": None, "b": None}, {}),
        ({"a": 1}, {"a": {"b": 1, "c": None}}, {"a": {"b": 1}}),
    ],
)
def test_merge_is_a_json_merge_patch(current: dict[str, Any], patch: dict[str, Any], merged: dict[str, Any]) -> None:
    before = json.dumps(current)
    assert daemon.merge(current, patch) == merged
    assert json.dumps(current) == before


@pytest.mark.parametrize(
    ("before", "after", "suffices"),
    [
        ({}, {"debug": True}, True),
        ({"labels": ["a"]}, {"labels": ["b"], "insecure-registries": ["10.0.0.0/8"]}, True),
        ({}, {"log-opts": {"max-size": "1m"}}, False),
        ({}, {"debug": True, "data-root": "/srv"}, False),
        ({"registry-mirrors": ["https://m"]}, {}, False),
        ({}, {"features": {"cdi": True}}, False),
    ],
)
def test_reload_suffices_for_what_dockerd_reloads(
    before: dict[str, Any], after: dict[str, Any], suffices: bool
) -> None:
    assert daemon.reload_suffices(before, after) is suffices


@pytest.mark.parametrize("text", ["{", "[]", '"text"', "{,}"])
def test_a_broken_file_is_refused_by_name(text: str) -> None:
    with pytest.raises(daemon.DaemonConfigError, match=r"/etc/docker/daemon\.json"):
        daemon.parse(text, "/etc/docker/daemon.json")


def test_false_and_zero_differ_from_absent() -> None:
    assert daemon.changed_keys({}, {"a": False}) == ["a"]
    assert daemon.changed_keys({"a": None}, {}) == ["a"]
    assert daemon.changed_keys({"b": 1, "a": 1}, {"b": 2, "a": 2}) == ["a", "b"]


@pytest.mark.parametrize(
    ("answer", "objection"),
    [
        ((0, "", "configuration OK"), None),
        ((125, "", "unknown flag: --validate\nSee 'dockerd --help'."), None),
        ((1, "", "unable to configure with file /tmp/x.json: foo"), "unable to configure with file daemon.json: foo"),
    ],
)
def test_dockerd_is_asked(answer: tuple[int, str, str], objection: str | None) -> None:
    asked: list[list[str]] = []

    def run(argv: list[str]) -> tuple[int, str, str]:
        asked.append(argv)
        return answer

    assert daemon.check_with_dockerd(run, "/usr/bin/dockerd", "/tmp/x.json") == objection
    assert asked == [["/usr/bin/dockerd", "--validate", "--config-file", "/tmp/x.json"]]


def proc_of(root: Path, comm: str) -> tuple[str, str]:
    """A process 42 that started at tick 4711."""
    process = root / "42"
    process.mkdir()
    (process / "comm").write_text(comm + "\n")
    fields = [str(number) for number in range(4, 22)]
    (process / "stat").write_text(f"42 (a ) b) S {' '.join(fields)} 4711 0\n")
    (root / "docker.pid").write_text("42")
    return str(root / "docker.pid"), str(root)


def test_the_engine_is_told_by_pid_and_start(tmp_path: Path) -> None:
    assert daemon.engine_identity(*proc_of(tmp_path, "dockerd")) == "42 4711"


def test_another_process_with_the_pid_is_no_engine(tmp_path: Path) -> None:
    assert daemon.engine_identity(*proc_of(tmp_path, "bash")) is None


def test_no_pidfile_no_engine(tmp_path: Path) -> None:
    assert daemon.engine_identity(str(tmp_path / "none")) is None


@pytest.mark.parametrize(("exe", "replaced"), [("/usr/bin/dockerd", False), ("/usr/bin/dockerd (deleted)", True)])
def test_a_replaced_program_is_noticed(tmp_path: Path, exe: str, replaced: bool) -> None:
    (tmp_path / "42").mkdir()
    os.symlink(exe, tmp_path / "42" / "exe")
    assert daemon.engine_replaced("42 4711", str(tmp_path)) is replaced
    assert daemon.engine_replaced("43 4711", str(tmp_path)) is False


def test_a_bare_host_gets_the_file(host: Host) -> None:
    result = host.run({"debug": True})
    assert result["changed"] and result["changed_keys"] == ["debug"]
    assert host.config() == {"debug": True}
    assert host.file.stat().st_mode & 0o777 == 0o644
    assert not result["restart_required"] and not result["reload_required"] and not result["validated"]


def test_a_second_run_changes_nothing(host: Host) -> None:
    host.run({"log-opts": {"max-size": "1m"}})
    result = host.run({"log-opts": {"max-size": "1m"}})
    assert not result["changed"] and "diff" not in result


def test_foreign_keys_and_formatting_stay(host: Host) -> None:
    text = '{"runtimes": {"x": {"path": "/x"}},\n\n"log-opts": {"tag": "t"}}'
    host.has(text)
    assert not host.run({"log-opts": {"tag": "t"}})["changed"]
    assert host.file.read_text() == text
    host.run({"log-opts": {"max-size": "1m"}})
    assert host.config() == {"runtimes": {"x": {"path": "/x"}}, "log-opts": {"tag": "t", "max-size": "1m"}}


def test_null_removes(host: Host) -> None:
    host.has('{"debug": true, "ipv6": true}')
    assert host.run({"debug": None})["changed_keys"] == ["debug"]
    assert host.config() == {"ipv6": True}


def test_check_mode_writes_nothing_and_shows_the_same(host: Host, tmp_path: Path) -> None:
    host.has('{"debug": true}')
    host.engine = "1 2"
    checked = host.run({"ipv6": True}, check=True)
    assert host.file.read_text() == '{"debug": true}'
    assert not (tmp_path / "pending").exists()
    assert checked == host.run({"ipv6": True})
    assert checked["diff"]["after"] == host.file.read_text()


def test_check_mode_on_a_bare_host_makes_no_directory(host: Host) -> None:
    assert host.run({"debug": True}, check=True)["changed"]
    assert not host.file.parent.exists()


@pytest.mark.parametrize("check", [True, False])
def test_what_dockerd_refuses_is_not_written(host: Host, check: bool) -> None:
    host.has('{"debug": true}')
    host.dockerd, host.objection = "/usr/bin/dockerd", "foo is no option"
    result = host.run({"foo": 1}, check=check)
    assert result["failed"] and "foo is no option" in result["msg"] and "nothing was written" in result["msg"]
    assert host.file.read_text() == '{"debug": true}'


def test_dockerd_judges_the_whole_file(host: Host) -> None:
    host.has('{"debug": true}')
    host.dockerd = "/usr/bin/dockerd"
    assert host.run({"ipv6": True})["validated"]
    assert host.judged == [{"debug": True, "ipv6": True}]


def test_a_broken_file_is_left_alone(host: Host) -> None:
    host.has("{not json")
    assert "not valid JSON" in host.run({"debug": True})["msg"]
    assert host.file.read_text() == "{not json"


def test_a_running_engine_is_reloaded_or_restarted(host: Host) -> None:
    host.engine = "1 2"
    result = host.run({"debug": True})
    assert result["reload_required"] and not result["restart_required"]
    result = host.run({"ipv6": True})
    assert result["restart_required"] and not result["reload_required"]


def test_a_restart_left_undone_is_remembered_until_it_happened(host: Host) -> None:
    host.engine = "1 2"
    host.run({"ipv6": True})
    again = host.run({"ipv6": True})
    assert again["restart_pending"] and again["restart_required"] and not again["changed"]
    host.engine = "3 4"
    after = host.run({"ipv6": True})
    assert not after["restart_pending"] and not after["restart_required"]


def test_an_upgraded_engine_is_restarted(host: Host) -> None:
    host.run({"debug": True})
    host.engine, host.replaced = "1 2", True
    result = host.run({"debug": True})
    assert result["restart_pending"] and result["restart_required"] and not result["changed"]


def test_the_mode_is_brought_back(host: Host) -> None:
    host.has('{"debug": true}')
    host.file.chmod(0o666)
    assert host.run({"debug": True}, check=True)["changed"]
    assert host.file.stat().st_mode & 0o777 == 0o666
    assert host.run({"debug": True}, mode="0600")["changed"]
    assert host.file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("old", "new", "between"), [(0o644, "0600", 0o600), (0o600, "0644", 0o600)])
def test_a_secret_is_never_readable_for_others(
    host: Host, monkeypatch: pytest.MonkeyPatch, old: int, new: str, between: int
) -> None:
    host.has('{"debug": true}')
    host.file.chmod(old)
    seen: list[int] = []
    move = basic.AnsibleModule.atomic_move

    def watched(this: basic.AnsibleModule, src: str, dest: str, *rest: Any) -> None:
        seen.append(os.stat(dest).st_mode & 0o777)
        move(this, src, dest, *rest)
        seen.append(os.stat(dest).st_mode & 0o777)

    monkeypatch.setattr(basic.AnsibleModule, "atomic_move", watched)
    host.run({"proxies": {"http-proxy": "http://u:p@proxy"}}, mode=new)
    assert seen == [between, between]
    assert host.file.stat().st_mode & 0o777 == int(new, 8)


def test_credentials_close_the_file_and_stay_out_of_the_diff(host: Host) -> None:
    host.has('{"proxies": {"http-proxy": "http://u:before@proxy:1"}}')
    result = host.run({"debug": True, "proxies": {"https-proxy": "http://u:after@proxy:1"}})
    assert "before" not in result["diff"]["before"] and "http://********@proxy:1" in result["diff"]["before"]
    assert "u:before" not in result["diff"]["after"] and "u:after" not in result["diff"]["after"]
    assert host.file.stat().st_mode & 0o777 == 0o600
    assert not host.run({"debug": True})["changed"]
    host.run({"proxies": None})
    assert host.file.stat().st_mode & 0o777 == 0o644


def test_a_link_stays_a_link(host: Host, tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text("{}")
    host.file.parent.mkdir()
    host.file.symlink_to(tmp_path / "real.json")
    host.run({"debug": True})
    assert host.file.is_symlink() and host.config() == {"debug": True}


def test_a_byte_order_mark_is_no_fault(host: Host) -> None:
    """Found on Windows-edited hosts; dockerd takes it since 23.0 (moby/moby#44777)."""
    host.has("")
    host.file.write_bytes(b"\xef\xbb\xbf" + b'{"debug": true}')
    result = host.run({"ipv6": True})
    assert result["changed"] is True and host.config() == {"debug": True, "ipv6": True}


def test_another_encoding_is_refused_as_dockerd_does(host: Host) -> None:
    host.has("")
    host.file.write_bytes('{"debug": true}'.encode("utf-16"))
    result = host.run({"ipv6": True})
    assert result["failed"] is True and "not UTF-8" in result["msg"]


# Case 29 of public reports (moby/moby#44777, #44905): what stands in the files of real hosts.
WILD = (
    '{"default-runtime": "nvidia", "runtimes": {"nvidia": {"path": "nvidia-container-runtime", "runtimeArgs": []}}}',
    '{"hosts": ["unix:///var/run/docker.sock", "tcp://127.0.0.1:2376"], "tls": true, "tlscacert": "/etc/ca.pem"}',
)


@pytest.mark.parametrize("text", WILD)
def test_29_what_others_declared_stays(host: Host, text: str) -> None:
    host.has(text)
    result = host.run({"live-restore": True})
    assert result["changed"] is True and host.config() == {**json.loads(text), "live-restore": True}


@pytest.mark.parametrize(
    "text", ['{\n// the proxy\n"debug": true}', '{"debug": true,}', '{"log-opts": {"max-size": "10m",}}']
)
def test_29_comments_and_trailing_commas_are_refused_as_dockerd_does(host: Host, text: str) -> None:
    host.has(text)
    result = host.run({"live-restore": True})
    assert result["failed"] is True and "not valid JSON" in result["msg"]
    assert host.file.read_text() == text


SECRET = "hunter2-of-the-vault"
SECRETS = [
    {"log-opts": {"splunk-token": SECRET}},
    {"proxies": {"https-proxy": f"http://u:{SECRET}@proxy:3128"}},
    {"registry-mirrors": [f"https://u:{SECRET}@mirror"]},
    {"log-opts": {"deep": {"credentials": {"anything": SECRET}}}},
    {"runtimes": {"a": {"options": {"API_KEY": [SECRET]}}}},
]


@pytest.mark.parametrize("options", SECRETS)
def test_credentials_are_in_no_diff_and_only_root_reads_them(host: Host, options: dict[str, Any]) -> None:
    host.has(json.dumps({"debug": True}))
    result = host.run(options)
    assert result["changed"] is True and SECRET in host.file.read_text()
    assert SECRET not in json.dumps(result) and "debug" in result["diff"]["after"]
    assert host.file.stat().st_mode & 0o777 == 0o600
    again = host.run({"debug": False})
    assert SECRET not in json.dumps(again)


@pytest.mark.parametrize("options", SECRETS)
def test_credentials_are_known_for_masking(options: dict[str, Any]) -> None:
    assert any(SECRET in value for value in daemon.secrets(options))
    assert daemon.secrets({"log-driver": "json-file", "data-root": "/srv", "mtu": 1500}) == set()
