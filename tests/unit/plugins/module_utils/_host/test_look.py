# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""host_info: what is read of a host, from files as Linux has them, real sockets and commands that stand in."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args
from ansible_collections.llmfleet.gateway.plugins.module_utils import _docker_daemon
from ansible_collections.llmfleet.gateway.plugins.module_utils._host import (
    disks,
    driver,
    engine,
    look,
    packages,
    ports,
    read,
    run,
    services,
    system,
    toolkit,
)
from ansible_collections.llmfleet.gateway.plugins.module_utils._host.run import Done
from ansible_collections.llmfleet.gateway.plugins.modules import host_info


def test_the_system_names_itself(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text(
        'PRETTY_NAME="Rocky Linux 9.6 (Blue Onyx)"\nID="rocky"\nVERSION_ID="9.6"\n'
    )
    assert system.os_release(str(tmp_path)) == {
        "id": "rocky",
        "version": "9.6",
        "name": "Rocky Linux 9.6 (Blue Onyx)",
        "like": "",
    }


def test_secure_boot_is_the_variables_last_byte(tmp_path: Path) -> None:
    assert system.secure_boot(str(tmp_path)) is False
    variable = tmp_path / system.SECURE_BOOT
    variable.parent.mkdir(parents=True)
    for value in (0, 1):
        variable.write_bytes(bytes([6, 0, 0, 0, value]))
        assert system.secure_boot(str(tmp_path)) is bool(value)


def test_headers_and_nouveau(tmp_path: Path) -> None:
    bare = system.kernel(str(tmp_path))
    assert (bare["headers"], bare["nouveau"]) == (False, False)
    build = tmp_path / "lib/modules" / bare["release"] / "build"
    build.mkdir(parents=True)
    (build / "Makefile").touch()
    (tmp_path / "sys/module/nouveau").mkdir(parents=True)
    found = system.kernel(str(tmp_path))
    assert (found["headers"], found["nouveau"]) == (True, True)


def test_room_where_a_folder_would_be_made(tmp_path: Path) -> None:
    found = disks.room(str(tmp_path / "not" / "there"))
    assert found["device"] == os.stat(tmp_path).st_dev
    assert found["free_bytes"] > 0


def test_a_models_files_are_counted_once(tmp_path: Path) -> None:
    folder = tmp_path / "hub/models--Qwen--Qwen2.5-0.5B-Instruct"
    (folder / "blobs").mkdir(parents=True)
    (folder / "blobs/abc").write_bytes(b"x" * 1000)
    (folder / "snapshots/1").mkdir(parents=True)
    (folder / "snapshots/1/model.safetensors").symlink_to("../../blobs/abc")
    assert disks.model_bytes(str(tmp_path), "Qwen/Qwen2.5-0.5B-Instruct") == 1000
    assert disks.model_bytes(str(tmp_path), "Qwen/absent") == 0


def test_a_listening_process_is_found() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        (found,) = ports.listeners([port])
    assert (found["port"], found["pid"]) == (port, os.getpid())
    assert ports.listeners([port]) == []


def test_the_container_of_a_process(tmp_path: Path) -> None:
    (tmp_path / "proc/7").mkdir(parents=True)
    (tmp_path / "proc/7/cgroup").write_text(f"0::/system.slice/docker-{'ab' * 32}.scope\n")
    assert ports.container_of(7, str(tmp_path)) == "ab" * 32
    assert ports.container_of(8, str(tmp_path)) is None


def answers(rc: int, out: str, err: str = "") -> Any:
    return lambda argv, **options: Done(rc, out, err)


def test_containers_and_their_ports() -> None:
    published = "127.0.0.1:8001->8000/tcp, 10.0.0.2:8001->8000/tcp, 9/tcp"
    box = {"id": "c1", "name": "vllm-q", "ports": published, "project": "vllm", "own": "llmfleet-vllm-q"}
    out = "\n".join([json.dumps(box), "{ broken", "[]", json.dumps({"id": "c2"})])
    assert engine.containers(answers(0, out), "docker") == [{**box, "ports": [8001], "own": True}]
    assert engine.containers(answers(1, "no engine"), "docker") == []
    assert engine.containers(answers(0, out), None) == []


INFO = {
    "ServerVersion": "29.8.2",
    "DockerRootDir": "/data/docker",
    "CDISpecDirs": ["/etc/cdi"],
    "ClientInfo": {"Plugins": [{"Name": "compose", "Version": "v5.6.0"}]},
}


def test_the_engine_in_short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(engine, "DAEMON", str(tmp_path / "daemon.json"))
    found = engine.engine(engine.answer(answers(0, json.dumps(INFO)), "docker"))
    assert (found["error"], found["version"], found["compose_version"]) == ("", "29.8.2", "5.6.0")
    assert (found["root"], found["cdi_directories"], found["daemon"]) == ("/data/docker", ["/etc/cdi"], {})
    for done in (answers(1, "", "Cannot connect"), answers(0, "nonsense"), answers(0, '"text"'), answers(0, "{}")):
        silent = engine.engine(engine.answer(done, "docker"))
        assert silent["error"] and silent["root"] == "/var/lib/docker" and silent["version"] == ""
    refused = json.dumps({"ServerErrors": ["Cannot connect to the Docker daemon"]})
    assert "Cannot connect" in engine.answer(answers(1, refused), "docker")["error"]
    assert "not installed" in engine.answer(answers(0, ""), None)["error"]


def test_secrets_of_daemon_json_do_not_leave_the_host(tmp_path: Path) -> None:
    path = tmp_path / "daemon.json"
    text = {"proxies": {"https-proxy": "http://u:hunter2@proxy"}, "log-opts": {"splunk-token": "hunter2", "tag": "t"}}
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(text).encode())
    path.chmod(0o600)
    found = engine.daemon(str(path))
    assert "hunter2" not in json.dumps(found) and found["daemon"]["log-opts"]["tag"] == "t"
    assert found["daemon_mode"] == "0600" and found["daemon_error"] == ""
    path.write_text("{ broken")
    assert "not valid JSON" in engine.daemon(str(path))["daemon_error"]


def test_a_restart_that_is_due(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pending = tmp_path / "pending"
    pending.write_text("7 100")
    monkeypatch.setattr(engine, "PENDING", str(pending))
    monkeypatch.setattr(engine, "engine_replaced", lambda running: False)
    due = {}
    for running in ("7 100", "8 200", None):
        monkeypatch.setattr(engine, "engine_identity", lambda pidfile, running=running: running)
        due[running] = engine.daemon(str(tmp_path / "none"))["restart_pending"]
    assert due == {"7 100": True, "8 200": False, None: False}


def test_images_that_are_there() -> None:
    assert engine.images_present(answers(0, "ok"), "docker", ["a"]) == ["a"]
    assert engine.images_present(answers(1, ""), "docker", ["a"]) == []


def test_what_does_not_answer_is_told() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        (answer,) = ports.reach_all([url], 2)
    assert answer["url"] == url
    assert "refused" in answer["error"]
    assert ports.reach_all([], 2) == []


@pytest.mark.parametrize(
    ("text", "family", "manager"),
    [
        ("ID=debian", "debian", "apt"),
        ("ID=linuxmint\nID_LIKE='ubuntu debian'", "debian", "apt"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"', "redhat", "dnf"),
        ("ID=nixos", "", ""),
        ("", "", ""),
    ],
)
def test_family_and_package_manager(tmp_path: Path, text: str, family: str, manager: str) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text(text)
    found = system.system(str(tmp_path))
    assert (found["family"], found["package_manager"]) == (family, manager)


def test_memory(tmp_path: Path) -> None:
    assert system.memory_mb(str(tmp_path)) == 0
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal:       65536000 kB\nMemFree: 1 kB\n")
    assert system.memory_mb(str(tmp_path)) == 64000


def test_addresses_leave_out_loopback_and_link_local() -> None:
    scopes = {"127.0.0.1": "host", "10.0.0.1": "global", "fd00::1": "global", "fe80::1": "link"}
    links = [{"addr_info": [{"local": local, "scope": scope} for local, scope in scopes.items()]}, {}]
    assert system.addresses(answers(0, json.dumps(links)))["all"] == ["10.0.0.1", "fd00::1"]
    for done in (answers(127, ""), answers(0, "broken"), answers(0, '["a"]'), answers(0, "7")):
        assert system.addresses(done)["all"] == []


DPKG = """\
docker-ce\t5:29.8.2-1~debian.13~trixie\thold\tinstalled
docker.io\t26.1.5\tdeinstall\tconfig-files
libnvidia-ml1\t550.163.01-2\tinstall\tinstalled
bash\t5.2\tinstall\tinstalled
broken line
"""


def test_packages_of_apt() -> None:
    asked = ["docker-ce", "docker.io", "*nvidia*"]
    assert packages.installed(answers(0, DPKG), "apt", asked) == [
        {"name": "docker-ce", "version": "5:29.8.2-1~debian.13~trixie", "held": True},
        {"name": "libnvidia-ml1", "version": "550.163.01-2", "held": False},
    ]
    assert packages.installed(answers(0, DPKG), "apt", []) == []
    assert packages.installed(answers(0, DPKG), "", asked) == []


RPM = "kernel-devel\t0\t5.14.0-570.el9\tx86_64\nnvidia-driver-cuda\t3\t580.95.05-1.el9\tx86_64\nbash\t0\t5\tx86_64\n"


def test_packages_of_dnf_with_their_locks(tmp_path: Path) -> None:
    lock = tmp_path / packages.LOCKS
    lock.parent.mkdir(parents=True)
    lock.write_text("# added by hand\nnvidia-driver-cuda-3:580.95.05-1.el9.*\n")
    assert packages.installed(answers(0, RPM), "dnf", ["kernel*", "*nvidia*"], str(tmp_path)) == [
        {"name": "kernel-devel", "version": "5.14.0-570.el9.x86_64", "held": False},
        {"name": "nvidia-driver-cuda", "version": "580.95.05-1.el9.x86_64", "held": True},
    ]


def test_what_apt_calls_its_sources() -> None:
    out = "http://m/debian/|trixie|main|Debian|/k.gpg\nhttp://m/debian/|trixie\n"
    (target,) = packages.apt_targets(answers(0, out))
    assert (target["uri"], target["suite"], target["signed_by"]) == ("http://m/debian/", "trixie", "/k.gpg")


def test_the_stream_of_a_dnf_module(tmp_path: Path) -> None:
    assert packages.module_stream("nvidia-driver", str(tmp_path)) == ""
    file = tmp_path / "etc/dnf/modules.d/nvidia-driver.module"
    file.parent.mkdir(parents=True)
    file.write_text("[nvidia-driver]\nname=nvidia-driver\nstream=580-open\nstate=enabled\n")
    assert packages.module_stream("nvidia-driver", str(tmp_path)) == "580-open"


def test_files_that_name_a_repository(tmp_path: Path) -> None:
    folder = tmp_path / "etc/apt/sources.list.d"
    folder.mkdir(parents=True)
    (folder / "docker.sources").write_text("URIs: https://mirror/linux/debian\n")
    (folder / "other.list").write_text("deb https://mirror/linux-kernel x y\n")
    (folder / "old.list.save").write_text("deb https://mirror/linux/debian x y\n")
    assert read.naming(["https://mirror/linux"], str(tmp_path)) == {
        "https://mirror/linux": [str(folder / "docker.sources")]
    }


def test_digests_and_modes(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("abc")
    path.chmod(0o640)
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert read.digests([str(path), str(tmp_path / "none"), str(tmp_path)]) == {
        str(path): {"sha256": digest, "mode": "0640"}
    }


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", "[" * 100000, "\x00\xff", "7"])
def test_a_damaged_reading_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "reading.json"
    path.write_text(text)
    assert disks.kept(str(path)) is None and disks.kept(str(tmp_path / "none")) is None
    path.write_text('{"gpus": 1}')
    assert disks.kept(str(path)) == {"gpus": 1}


SHOWN = """LoadState=loaded\nActiveState=active\nUnitFileState=enabled

LoadState=not-found\nActiveState=inactive\nUnitFileState=\n"""


def test_units() -> None:
    assert services.services(answers(0, SHOWN), ["docker", "nope"]) == {
        "docker": {"loaded": True, "active": True, "enabled": True},
        "nope": {"loaded": False, "active": False, "enabled": False},
    }
    assert services.services(answers(1, ""), ["docker"]) == {}
    assert services.services(answers(0, SHOWN), ["docker"]) == {}


def test_a_models_folder(tmp_path: Path) -> None:
    assert disks.model_folder(str(tmp_path))["error"] == "absent"
    (tmp_path / "config.json").write_text("{")
    assert disks.model_folder(str(tmp_path))["error"] == "damaged"
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    (tmp_path / "model-1.safetensors").write_bytes(b"x" * 10)
    (tmp_path / "consolidated.safetensors").write_bytes(b"x" * 10)
    assert disks.model_folder(str(tmp_path)) == {"config": {"model_type": "llama"}, "weight_bytes": 10, "error": ""}
    (tmp_path / disks.INDEX).write_text('{"metadata": {"total_size": 99}}')
    assert disks.model_folder(str(tmp_path))["weight_bytes"] == 99
    (tmp_path / disks.QUANTIZED).write_text('{"quantization": {"quant_algo": "FP8"}}')
    assert disks.model_folder(str(tmp_path))["config"]["quantization_config"] == {"quantization": {"quant_algo": "FP8"}}


def test_the_driver_for_a_kernel(tmp_path: Path) -> None:
    asked: list[Any] = []

    def modinfo(argv: Any, **_options: Any) -> Done:
        asked.append(argv)
        return Done(0, "550.163.01\n", "") if argv[-1] == "nvidia-current" else Done(1, "", "not found")

    found = driver.driver(modinfo, {"library_version": "550.163", "gpus": [1]}, "6.1-amd64", "6.2-amd64", str(tmp_path))
    assert (found["kernel"], found["module"], found["library"], found["seen"]) == (
        "6.2-amd64",
        "550.163.01",
        "550.163",
        1,
    )
    assert asked[0][2] == "6.2-amd64" and found["loaded"] == ""


def test_an_initramfs_older_than_the_blacklist(tmp_path: Path) -> None:
    image, blacklist = tmp_path / "boot/initrd.img-6.1", tmp_path / driver.BLACKLIST
    for path in (image, blacklist):
        path.parent.mkdir(parents=True)
        path.touch()
    os.utime(blacklist, (100, 100))
    assert driver.stale_initramfs("6.1", str(tmp_path)) == ""
    os.utime(image, (50, 50))
    assert driver.stale_initramfs("6.1", str(tmp_path)) == str(image)
    assert driver.stale_initramfs("6.9", str(tmp_path)) == ""


def test_drivers_that_specifications_are_of(tmp_path: Path) -> None:
    folder = tmp_path / "var/run/cdi"
    folder.mkdir(parents=True)
    (folder / "nvidia.yaml").write_text("- libcuda.so.580.159.04, libcuda.so.1\n- libcuda.so.580.159.04\n")
    found = toolkit.toolkit(answers(0, ""), str(tmp_path))
    assert found["specifications"] == {"/var/run/cdi/nvidia.yaml": ["580.159.04"]}


def test_a_command_that_hangs_is_ended_with_its_children() -> None:
    begun = time.monotonic()
    done = run.run(["sh", "-c", "sleep 60 & sleep 60"], timeout=0.3)
    assert done.rc == 124 and "no answer within" in done.err and time.monotonic() - begun < 10
    assert run.run(["/not/there"]).rc == 127
    assert run.run(["sh", "-c", "printf '\\377'; exit 3"]) == Done(3, "\ufffd", "")


def asked(**more: Any) -> dict[str, Any]:
    return {**{name: option.get("default") for name, option in host_info.ARGUMENTS.items()}, **more}


def test_a_part_that_fails_keeps_no_other_from_being_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: Any) -> Any:
        raise RuntimeError("odd")

    for module, name in ((engine, "containers"), (packages, "installed"), (look.gpus, "look")):
        monkeypatch.setattr(module, name, broken)
    found = look.look(answers(1, ""), asked())
    assert found["faults"] == dict.fromkeys(("docker", "packages", "gpus"), "RuntimeError: odd")
    assert found["packages"] == [] and found["gpu"] == {} and found["containers"] == []
    assert found["memory_mb"] > 0 and "docker" in found


def test_every_command_has_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look.shutil, "which", lambda name, path=None: f"/bin/{name}")
    seen: list[str] = []

    def command(argv: Any, timeout: float = run.TIMEOUT, environment: Any = None) -> Done:
        seen.append(argv[0])
        assert 0 < timeout <= 120
        return Done(0, "\x00 nonsense {", "")

    names = {"packages": ["*"], "units": ["docker"], "images": ["a"], "apt_targets": True}
    found = look.look(command, asked(**names))
    assert found["faults"] == {} and "/bin/docker" in seen
    json.dumps(found)


def test_the_module_gives_a_fact(monkeypatch: pytest.MonkeyPatch) -> None:
    class Exited(Exception):
        pass

    def leave(_module: Any, **result: Any) -> None:
        raise Exited(result)

    monkeypatch.setattr(basic.AnsibleModule, "exit_json", leave)
    monkeypatch.setattr(host_info, "run", answers(1, ""))
    with patch_module_args({"gpus": False}), pytest.raises(Exited) as left:
        host_info.main()
    result = left.value.args[0]
    assert result["changed"] is False
    found = result["ansible_facts"]["llm_host"]
    assert found["gpu"] == {} and found["driver"] == {} and found["faults"] == {}
    assert _docker_daemon.PENDING == engine.PENDING


def test_all_that_the_module_promises_is_there() -> None:
    told = yaml.safe_load(host_info.RETURN)["ansible_facts"]["contains"]["llm_host"]["contains"]
    assert set(look.look(answers(1, ""), asked())) == set(told)
    assert {name for name, option in yaml.safe_load(host_info.DOCUMENTATION)["options"].items()} == set(
        host_info.ARGUMENTS
    )
