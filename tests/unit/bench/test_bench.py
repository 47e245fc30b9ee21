# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the test bench that need no engine."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import urllib.error
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from llmbench import cli, engine, hosts, images, loading, machine, shell

DEB822 = """\
# the first mirror
Types: deb
URIs: http://mirror.example/debian/
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
  contrib

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: trixie

Types: deb-src
URIs: http://source.example/debian
Suites: sid
"""
ONE_LINE = """\
# deb http://commented.example/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib
deb-src http://mirror.example/debian bookworm main
deb http://mirror.example/debian-security/ bookworm-security main
"""
MIRRORS = ("http://mirror.example/debian", "http://mirror.example/debian-security")


def test_deb822_sources() -> None:
    entries = machine.parse_deb822(DEB822)
    assert [entry.suites for entry in entries] == [["bookworm", "bookworm-updates"], ["bookworm-security"]]
    assert machine.find_mirrors(entries, "bookworm") == MIRRORS


def test_one_line_sources() -> None:
    assert machine.find_mirrors(machine.parse_one_line(ONE_LINE), "bookworm") == MIRRORS


def test_sources_of_both_forms_are_read(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text(ONE_LINE.splitlines()[1])
    (tmp_path / "sources.list.d" / "security.sources").write_text(DEB822)
    (tmp_path / "sources.list.d" / "readme.txt").write_text("deb http://wrong.example x main")
    assert machine.find_mirrors(machine.machine_apt_entries(tmp_path), "bookworm") == MIRRORS


def test_a_machine_that_serves_another_release_has_no_mirror() -> None:
    assert machine.find_mirrors(machine.parse_one_line(ONE_LINE), "noble") is None


def test_a_mirror_without_security() -> None:
    assert machine.find_mirrors([machine.AptEntry(["http://m/debian"], ["sid"])], "sid") == ("http://m/debian", None)
    assert machine.sources_list(("http://m/debian", None), "trixie") == (
        "deb http://m/debian trixie main\ndeb http://m/debian trixie-updates main\n"
    )
    assert "deb http://s trixie-security main\n" in machine.sources_list(("http://m", "http://s"), "trixie")


def test_pip_environment_beats_files() -> None:
    config = machine.parse_pip_config(
        ":env:.find-links='/wheels'\nglobal.find-links='/old'\nglobal.extra-index-url='\\nfile:///a/simple\\nhttps://i'\n"
        "user.cert='/ca.pem'\nnot a setting\n"
    )
    assert config == {"find-links": "/wheels", "extra-index-url": "file:///a/simple\nhttps://i".replace("\n", " "),
                      "cert": "/ca.pem"}  # fmt: skip


def test_pip_folders_are_mounted_and_renamed() -> None:
    access = machine.pip_access(
        {"find-links": "/wheels", "extra-index-url": "file:///data/pypi/simple https://index.example/simple"}, "/in"
    )
    assert access.mounts == {"/wheels": "/in/wheels", "/data/pypi": "/in/data/pypi"}
    assert access.env["PIP_FIND_LINKS"] == access.env["UV_FIND_LINKS"] == "/in/wheels"
    assert access.env["UV_INDEX"] == "file:///in/data/pypi/simple https://index.example/simple"
    assert "PIP_INDEX_URL" not in access.env


def test_pip_without_settings_needs_nothing() -> None:
    assert machine.pip_access({}) == machine.PipAccess()


def test_ca_bundle_comes_from_the_environment_first(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("")
    assert machine.machine_ca_bundle({"SSL_CERT_FILE": "/nowhere.pem", "PIP_CERT": str(bundle)}) == bundle


def test_certificates_of_a_bundle() -> None:
    pem = "-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----"
    assert machine.pem_certificates(f"# a\n{pem}\n\n# b\n{pem}\n") == [pem, pem]


def recipe_folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "install.sh").write_text("true\n")
    (tmp_path / "sub" / "file").write_text("a")
    return tmp_path


def test_the_hash_is_stable_and_ignores_bytecode(tmp_path: Path) -> None:
    folder = recipe_folder(tmp_path)
    before = images.content_hash(folder, "1")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").write_text("x")
    assert images.content_hash(folder, "1") == before
    assert len(before) == 12


@pytest.mark.parametrize("change", ["content", "name", "extra"])
def test_the_hash_changes_with_every_input(tmp_path: Path, change: str) -> None:
    folder = recipe_folder(tmp_path)
    before = images.content_hash(folder, "1")
    if change == "content":
        (folder / "sub" / "file").write_text("b")
    if change == "name":
        (folder / "sub" / "file").rename(folder / "sub" / "other")
    assert images.content_hash(folder, "2" if change == "extra" else "1") != before


def test_tags_of_host_flavours_differ() -> None:
    tags = {images.recipe("host", distro, bare).tag for distro in ("trixie", "bookworm") for bare in (True, False)}
    assert len(tags) == 4
    assert images.recipe("host").tag == images.recipe("host", "trixie").tag


def test_only_hosts_have_flavours() -> None:
    assert images.recipe("postgres", "bookworm", True).tag == images.recipe("postgres").tag


def test_an_unknown_recipe_is_named() -> None:
    with pytest.raises(shell.BenchError, match=r"no recipe for 'mysql'.*postgres"):
        images.recipe("mysql")


def test_a_recipe_like_another_has_its_settings_and_its_files_with_its_own_on_top() -> None:
    old, new = images.recipe("litellm-1.90"), images.recipe("litellm")
    assert old.settings["changes"] == new.settings["changes"]
    assert old.tag != new.tag
    assert next(iter(old.mounts("/r").items())) == (str(new.folder), "/r:ro")
    assert old.mounts("/r")[str(old.folder / "requirements.lock")] == "/r/requirements.lock:ro"
    assert "litellm-1.90" not in images.usual_image_names()
    assert "litellm" in images.usual_image_names()


def answer(code: int) -> Any:
    def opener(url: str, timeout: float) -> None:
        assert timeout == 5
        if code == 0:
            raise urllib.error.URLError("unreachable")
        if code != 200:
            raise urllib.error.HTTPError(url, code, "", Message(), None)

    return opener


@pytest.mark.parametrize(("code", "expected"), [(200, True), (401, True), (403, False), (503, False), (0, False)])
def test_reachable(code: int, expected: bool) -> None:
    assert images.reachable("https://registry.example/v2/", answer(code)) is expected


def test_source_needs_every_registry() -> None:
    assert images.image_source({}, lambda url: True) == "official"
    assert images.image_source({"LLMFLEET_IMAGES": "auto"}, lambda url: url != images.REGISTRIES[1]) == "built"


@pytest.mark.parametrize("wanted", ["official", "built"])
def test_source_can_be_said(wanted: str) -> None:
    def probe(url: str) -> bool:
        raise AssertionError("asked the network")

    assert images.image_source({"LLMFLEET_IMAGES": wanted}, probe) == wanted


def test_a_wrong_source_is_refused() -> None:
    with pytest.raises(shell.BenchError, match="official, built or auto"):
        images.image_source({"LLMFLEET_IMAGES": "cached"})


def test_build_variables_are_quoted_and_hold_no_machine_path() -> None:
    access = machine.PipAccess(env={"PIP_PROXY": "http://u:p'w@proxy.example"})
    text = images.build_env(images.recipe("vllm"), access, Path("/secret/place/ca.pem"))
    assert "/secret/place" not in text
    shown = subprocess.run(
        ["sh", "-c", text + 'printf %s "$PIP_PROXY $SSL_CERT_FILE $DISTRO"'], capture_output=True, check=True
    )
    assert shown.stdout == b"http://u:p'w@proxy.example /run/bench/ca.crt bookworm"


def test_a_bench_is_found_again(tmp_path: Path) -> None:
    hosts.Bench(tmp_path, "p", ["a", "b"]).save()
    bench = hosts.Bench.load(tmp_path)
    assert bench.container("b") == "p-b"
    with pytest.raises(shell.BenchError, match="no host 'c'; it has: a, b"):
        bench.container("c")


def test_a_folder_without_a_bench(tmp_path: Path) -> None:
    with pytest.raises(shell.BenchError, match="holds no bench"):
        hosts.Bench.load(tmp_path)


def test_another_bench_in_the_folder_is_left_alone(tmp_path: Path) -> None:
    hosts.Bench(tmp_path, "mine", ["a"]).save()
    with pytest.raises(shell.BenchError, match="another bench"):
        hosts.bring_up(hosts.Bench(tmp_path, "yours", ["a"]), "image")
    assert hosts.Bench.load(tmp_path).prefix == "mine"


def test_files_are_left_alone_when_equal(tmp_path: Path) -> None:
    path = tmp_path / "ssh_config"
    hosts.write_if_new(path, "a")
    os.utime(path, (1, 1))
    hosts.write_if_new(path, "a")
    assert path.stat().st_mtime == 1
    hosts.write_if_new(path, "b")
    assert path.read_text() == "b"


@pytest.mark.parametrize("wrong", ["a,,b", "A", "-a", "a;b", ""])
def test_wrong_names_of_hosts_are_refused(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.parser().parse_args(["up", "--dir", "d", "--name", "n", f"--hosts={wrong}"])
    assert "is not a name" in capsys.readouterr().err


def test_errors_end_in_one_line_and_a_status(capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.setenv("LLMFLEET_IMAGES", "nonsense")
    assert cli.main(["source"]) == 1
    assert capsys.readouterr().err.startswith("bench: LLMFLEET_IMAGES is 'nonsense'")


def test_only_the_engine_started_from_here_is_stopped(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(engine, "engine_state", lambda: tmp_path)
    other = subprocess.Popen(["sleep", "60"])
    try:
        (tmp_path / "dockerd.json").write_text(f'{{"pid": {other.pid}, "started": "0"}}')
        engine.stop_engine()
        assert other.poll() is None
        (tmp_path / "dockerd.json").write_text(f'{{"pid": {other.pid}, "started": "{engine.start_time(other.pid)}"}}')
        monkeypatch.setattr(engine, "wait_for", lambda *args: other.wait(10))
        engine.stop_engine()
        assert other.returncode == -15
    finally:
        other.kill()


def chain_id(*diff_ids: str) -> str:
    chain = diff_ids[0]
    for diff_id in diff_ids[1:]:
        chain = "sha256:" + hashlib.sha256(f"{chain} {diff_id}".encode()).hexdigest()
    return chain


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def engine_with_image(root: Path, name: str, *diff_ids: str) -> str:
    """The data folder of an engine, as overlay2 lays it out, with an image of the layers; returns its digest."""
    for number, diff_id in enumerate(diff_ids):
        cache_id = f"{name}-{number}"
        record = root / "image/overlay2/layerdb/sha256" / chain_id(*diff_ids[: number + 1]).partition(":")[2]
        write(record / "cache-id", cache_id)
        write(root / "overlay2" / cache_id / "diff" / f"file{number}", diff_id)
        write(root / "overlay2" / cache_id / "link", f"L{cache_id}")
        if number:
            write(root / "overlay2" / cache_id / "lower", "whatever the source calls it")
    config = json.dumps({"rootfs": {"diff_ids": diff_ids}})
    digest = hashlib.sha256(config.encode()).hexdigest()
    write(root / "image/overlay2/imagedb/content/sha256" / digest, config)
    return f"sha256:{digest}"


def test_images_are_linked_into_a_new_engine(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    digest = engine_with_image(source, "a", "sha256:one", "sha256:two", "sha256:three")
    loading.ImageStore(source, target).add("bench/a:1", digest)
    assert (target / "overlay2/a-0/diff/file0").samefile(source / "overlay2/a-0/diff/file0")
    assert not (target / "overlay2/a-0/lower").exists()
    assert (target / "overlay2/a-2/lower").read_text() == "l/La-1:l/La-0"
    assert (target / "overlay2/l/La-2/file2").read_text() == "sha256:three"
    assert not (target / "overlay2/a-1/link").samefile(source / "overlay2/a-1/link")
    names = json.loads((target / "image/overlay2/repositories.json").read_text())["Repositories"]
    assert names == {"bench/a": {"bench/a:1": digest}}


def test_a_layer_that_is_there_keeps_its_name(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    engine_with_image(target, "old", "sha256:one")
    digest = engine_with_image(source, "a", "sha256:one", "sha256:two")
    loading.ImageStore(source, target).add("bench/a:1", digest)
    assert not (target / "overlay2/a-0").exists()
    assert (target / "overlay2/a-1/lower").read_text() == "l/Lold-0"


def test_linking_again_after_a_cut_mends(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    digest = engine_with_image(source, "a", "sha256:one", "sha256:two")
    write(target / "overlay2/a-1/diff/half", "")
    write(target / "image/overlay2/layerdb/tmp" / chain_id("sha256:one").partition(":")[2] / "cache-id", "half")
    loading.ImageStore(source, target).add("bench/a:1", digest)
    loading.ImageStore(source, target).add("bench/a:1", digest)
    assert sorted(path.name for path in (target / "overlay2/a-1/diff").iterdir()) == ["file1"]


@pytest.mark.parametrize(
    ("image", "arguments", "expected"),
    [
        ("gate", ["haproxy", "-f", "/x.cfg"], "haproxy -W -db -f /x.cfg"),
        ("gate", ["-c", "-f", "/x"], "haproxy -W -db -c -f /x"),
        ("gate", ["echo", "other"], "other"),
        ("redis", ["--save", ""], "redis-server --save "),
        ("redis", ["/etc/redis.conf"], "redis-server /etc/redis.conf"),
        ("redis", ["echo", "other"], "other"),
    ],
)
def test_entrypoints_read_their_arguments_as_the_official_ones(
    tmp_path: Path, image: str, arguments: list[str], expected: str
) -> None:
    for name in ("haproxy", "redis-server"):
        write(tmp_path / name, f'#!/bin/sh\necho {name} "$@"\n')
        (tmp_path / name).chmod(0o755)
    write(tmp_path / "id", "#!/bin/sh\necho 1234\n")
    (tmp_path / "id").chmod(0o755)
    entrypoint = shell.RECIPES / image / "docker-entrypoint.sh"
    done = subprocess.run(
        ["sh", str(entrypoint), *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )
    assert done.stdout.rstrip("\n") == expected


def test_an_image_starts_as_its_recipe_says_and_with_nothing_of_its_build(tmp_path: Path, monkeypatch: Any) -> None:
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(images, "CACHE", tmp_path)
    monkeypatch.setattr(images, "run_logged", lambda name, log, *command: ran.append(command))
    monkeypatch.setattr(images, "docker", lambda *command: ran.append(command))
    monkeypatch.setattr(images, "succeeds", lambda *command: True)
    monkeypatch.setattr(images, "machine_pip_config", dict)
    images.build(images.recipe("edge"), "base")
    run, commit = ran
    assert "--entrypoint" not in run
    assert run[-3:] == ("base", "/bin/sh", "/run/bench/build/build.sh")
    assert not [part for part in commit if part.startswith("ENTRYPOINT")]
    assert [part for part in commit if part.startswith("CMD")] == [
        'CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]'
    ]
