# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role vllm writes for an instance, and what its container may do."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import vllm
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views.weights import downloads
from rendering import Rendered, make_fleet, make_host, make_instance, render, secret_values

TOKEN = "hf_0123456789"
NASTY = "a: {b}, #c '\"$HOME ${X} \\ ж😀 1e-05"


def view_of(given: dict[str, t.Any] | None = None, **said: t.Any) -> dict[str, t.Any]:
    host = make_host(**said)
    return vllm.view(make_fleet(host, make_instance(**(given or {}))), host)


def project(given: dict[str, t.Any] | None = None, **said: t.Any) -> dict[str, t.Any]:
    return view_of(given, **said)["projects"][0]


def rendered(given: dict[str, t.Any] | None = None, **said: t.Any) -> Rendered:
    return render("vllm", view_of(given, **said), **said)


def services(given: dict[str, t.Any] | None = None, **said: t.Any) -> dict[str, t.Any]:
    return rendered(given, **said).compose["services"]


def mounts(service: dict[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    return {mount["target"]: mount for mount in service["volumes"]}


# ---- one project an instance


def test_an_instance_is_a_project_of_its_own() -> None:
    host = make_host()
    view = vllm.view(
        make_fleet(host, make_instance(), make_instance(name="other"), make_instance(name="far", server="gpu2")), host
    )
    assert [one["name"] for one in view["projects"]] == ["llmfleet-vllm-tiny", "llmfleet-vllm-other"]
    assert view["projects"][0]["project_dir"] == "/opt/llmfleet/vllm/tiny"
    assert view["prune_prefix"] == "llmfleet-vllm-"
    found = render("vllm", view).compose
    assert found["name"] == "llmfleet-vllm-tiny"
    assert found["services"]["vllm"]["container_name"] == "llmfleet-vllm-tiny"
    assert {one["labels"]["io.llmfleet.project"] for one in found["services"].values()} == {"llmfleet-vllm-tiny"}


def test_the_container_of_the_layout_before_is_taken_over() -> None:
    old = {"project": "vllm", "project_dir": "/opt/llmfleet/vllm"}
    assert project()["replaces"] == [{**old, "service": "tiny"}, old]


def test_a_host_without_instances_lets_go_of_the_layout_before_and_still_prunes() -> None:
    host = make_host()
    view = vllm.view(make_fleet(host), host)
    (gone,) = view["projects"]
    assert (gone["state"], gone["project_dir"]) == ("absent", "/opt/llmfleet/vllm")
    assert gone["replaces"] == [{"project": "vllm", "project_dir": "/opt/llmfleet/vllm"}]
    assert view["prune_prefix"]


# ---- the proof


def test_a_changed_instance_has_to_answer_a_request() -> None:
    found = project({"model_name": "a/b", "health_url": "http://10.0.0.1:8001/health"})
    (hook,) = found["hooks"]
    assert project({"rank": 1})["hooks"] == []
    assert hook["command"] == hook["check_command"] == ["python3", "-", "http://10.0.0.1:8001/v1", "a/b"]
    (program,) = [entry for entry in found["files"] if entry["path"] == hook["stdin_file"]]
    assert "services" not in program  # a newer one starts no instance anew


# ---- quoting


def test_values_reach_the_container_as_they_are_written() -> None:
    model = "/srv/a model, with #1: {x}"
    found = services({"model": model, "environment": {"NASTY": NASTY, "PRICE": "1e-05", "YES": "yes"}})["vllm"]
    read = {name: value.replace("$$", "$") for name, value in found["environment"].items()}
    assert (read["NASTY"], read["PRICE"], read["YES"]) == (NASTY, "1e-05", "yes")
    assert "$" not in found["environment"]["NASTY"].replace("$$", "")
    assert mounts(found)[model]["source"] == model and mounts(found)[model]["read_only"]


def test_a_line_end_in_a_path_adds_nothing_to_the_container() -> None:
    found = services({"model": "/srv/x\n    privileged: true\n    y: z"})["vllm"]
    assert "privileged" not in found


@pytest.mark.parametrize("name", ["405", "null", "true", "1e5"])
def test_names_that_yaml_takes_for_something_else(name: str) -> None:
    given = {"name": name, "project": f"llmfleet-vllm-{name}", "options": {"served-model-name": [name]}}
    found = rendered(given)
    assert found.compose["name"] == f"llmfleet-vllm-{name}"
    assert found.yaml("instance.yaml")["served-model-name"] == [name]


def test_ipv6_addresses_have_brackets() -> None:
    found = services({"publish": ["127.0.0.1", "fd00::1"]})["vllm"]
    assert found["ports"] == ["127.0.0.1:8001:8000", "[fd00::1]:8001:8000"]


# ---- secrets


def test_secrets_are_in_private_files_only() -> None:
    secret = {"AWS_SECRET_ACCESS_KEY": "object-store-0123"}
    found = project(vllm_secret_environment=secret, vllm_hf_token=TOKEN)
    private = {entry["path"] for entry in found["files"] if entry.get("secret")}
    texts = rendered(vllm_secret_environment=secret, vllm_hf_token=TOKEN).texts
    for value in ("vllm-key-0123456789", "object-store-0123", TOKEN):
        assert {path for path, text in texts.items() if value in text} <= private
    assert {entry["mode"] for entry in found["files"] if entry.get("secret")} == {"0600"}
    masked = secret_values("vllm", view_of(), vllm_secret_environment=secret, vllm_hf_token=TOKEN)
    assert set(masked) == {"vllm-key-0123456789", "object-store-0123", TOKEN}
    assert not any(value in json.dumps(found) for value in ("vllm-key-0123456789", "object-store-0123", TOKEN))


def test_the_server_gets_its_key_and_no_token() -> None:
    said: dict[str, t.Any] = {"vllm_secret_environment": {"A": "$x'\""}, "vllm_hf_token": TOKEN}
    found = rendered(**said)
    assert found.yaml("secrets/serve/environment.json") == {"VLLM_API_KEY": "vllm-key-0123456789", "A": "$x'\""}
    assert found.yaml("secrets/download/environment.json") == {"HF_TOKEN": TOKEN, "A": "$x'\""}


def test_the_key_before_is_in_the_servers_secrets_alone_and_masked() -> None:
    before = "vllm-before-0123456789"
    found = rendered(vllm_previous_api_key=before)
    assert found.yaml("secrets/serve/environment.json")["VLLM_PREVIOUS_API_KEY"] == before
    assert [path for path, text in found.texts.items() if before in text] == ["secrets/serve/environment.json"]
    assert found.texts["secrets/api_key"] == "vllm-key-0123456789\n"
    assert before in secret_values("vllm", view_of(), vllm_previous_api_key=before)


def test_a_server_that_fetches_by_itself_has_the_token() -> None:
    found = rendered(vllm_hf_token=TOKEN, vllm_separate_download=False)
    assert found.yaml("secrets/serve/environment.json")["HF_TOKEN"] == TOKEN
    assert "secrets/download/environment.json" not in found.texts


def test_mounted_secrets_lie_below_a_folder_for_root_alone() -> None:
    found = {entry["path"]: entry for entry in project()["directories"]}
    assert (found["secrets"]["mode"], found["secrets"]["owner"]) == ("0700", "0")
    assert mounts(services()["vllm"])["/run/llmfleet/secrets"]["source"] == "./secrets/serve"
    owner = next(one for one in project()["files"] if one["path"] == "secrets/serve/environment.json")["owner"]
    assert owner == "60801"


# ---- what the container may do


def test_the_server_is_locked_down() -> None:
    found = services()["vllm"]
    assert found["cap_drop"] == ["ALL"] and "cap_add" not in found
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert found["user"] == "60801:60801"
    assert found["read_only"] is True and found["tmpfs"]
    assert found["pids_limit"] == 16384
    assert "mem_limit" not in found
    writable = {mount["target"] for mount in found["volumes"] if not mount["read_only"]}
    assert writable == {"/cache"}


def test_limits_that_are_asked_for() -> None:
    found = services(vllm_memory_limit="64g", vllm_cap_add=["IPC_LOCK"], vllm_ulimits={"memlock": -1})["vllm"]
    assert (found["mem_limit"], found["cap_add"], found["ulimits"]) == ("64g", ["IPC_LOCK"], {"memlock": -1})


def test_every_cache_is_the_instances_own() -> None:
    """The image's user has no entry for this number, so HOME and the user's name are said too."""
    found = services()["vllm"]
    assert mounts(found)["/cache"]["source"] == "/opt/llmfleet/vllm/tiny/cache"
    home = {name: value for name, value in found["environment"].items() if value.startswith("/cache")}
    assert set(home) >= {"HOME", "HF_HOME", "VLLM_CACHE_ROOT", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"}
    assert found["environment"]["USER"]
    folder = next(one for one in project()["directories"] if one["path"] == "cache")
    assert (folder["mode"], folder["owner"], folder["group"]) == ("0700", "60801", "60801")


def test_caches_elsewhere_are_still_one_an_instance() -> None:
    assert mounts(services(vllm_cache_dir="/fast disk")["vllm"])["/cache"]["source"] == "/fast disk/tiny"


def test_gpus_come_through_cdi() -> None:
    (device,) = services({"gpus": [0, 2]})["vllm"]["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "cdi", "device_ids": ["nvidia.com/gpu=0", "nvidia.com/gpu=2"], "capabilities": ["gpu"]}
    assert "deploy" not in services({"gpus": []})["vllm"]


def test_health_is_asked_without_a_proxy() -> None:
    test = services({"health_url": "http://[fd00::1]:8001/health"})["vllm"]["healthcheck"]["test"]
    assert "ProxyHandler({})" in test[3] and test[4] == "http://[fd00::1]:8001/health"


# ---- media, networks


def test_the_watch_can_ask_how_many_requests_are_open() -> None:
    assert rendered().yaml("instance.yaml")["enable-server-load-tracking"] is True


def test_no_request_makes_the_server_fetch_a_url() -> None:
    found = rendered()
    assert found.yaml("instance.yaml")["allowed-media-domains"] == ["nothing.invalid"]
    assert found.compose["services"]["vllm"]["environment"]["VLLM_MEDIA_URL_ALLOW_REDIRECTS"] == "0"


def test_media_of_named_hosts_or_of_all() -> None:
    named = rendered(vllm_allowed_media_domains=["images.example.com"]).yaml("instance.yaml")
    assert named["allowed-media-domains"] == ["images.example.com"]
    assert "allowed-media-domains" not in rendered(vllm_allowed_media_domains=["*"]).yaml("instance.yaml")


def test_each_instance_has_its_own_network() -> None:
    labels = {"io.llmfleet.project": "llmfleet-vllm-tiny"}
    assert rendered().compose["networks"] == {"default": {"name": "llmfleet-vllm-tiny", "labels": labels}}
    assert project()["networks"] == []


def test_offline_there_is_no_way_out() -> None:
    """Not internal: ports of such a network are not published. Under another name: a network in use can not change."""
    found = rendered(vllm_offline=True).compose
    assert found["networks"]["default"] == {
        "name": "llmfleet-vllm-tiny-offline",
        "labels": {"io.llmfleet.project": "llmfleet-vllm-tiny"},
        "driver_opts": {"com.docker.network.bridge.enable_ip_masquerade": "false"},
    }
    assert found["services"]["vllm"]["ports"] == ["127.0.0.1:8001:8000"]


def test_one_network_for_all_where_that_is_asked_for() -> None:
    assert rendered(vllm_network="shared").compose["networks"]["default"] == {"name": "shared", "external": True}
    assert project(vllm_network="shared")["networks"] == [{"name": "shared"}]


def test_on_the_hosts_network_workers_meet_at_the_private_address() -> None:
    found = rendered(
        {"gpus": [0, 1], "publish": ["127.0.0.1", "10.0.0.1"], "host_network": True}, vllm_host_network=True
    ).compose
    assert found["services"]["vllm"]["network_mode"] == "host"
    assert found["services"]["vllm"]["environment"]["VLLM_HOST_IP"] == "10.0.0.1"
    assert "networks" not in found and "ports" not in found["services"]["vllm"]
    assert (
        "VLLM_HOST_IP"
        not in services({"gpus": [0], "host_network": True}, vllm_host_network=True)["vllm"]["environment"]
    )


# ---- start order


def test_instances_on_one_gpu_know_whom_they_wait_for() -> None:
    given = {"gpus": [1, 0], "start_after": ["first"], "locked_gpus": [1, 0]}
    found = rendered(given, vllm_start_period="1h30m10s")
    assert json.loads(found.texts["turn.json"]) == {
        "name": "tiny",
        "gpus": [1, 0],
        "start_after": ["first"],
        "locked_gpus": [1, 0],
        "health_url": "http://127.0.0.1:8000/health",
        "limit": 5410,
        "patience": 60,
        "address": "",
        "rank": 0,
        "nodes": [],
        "unit_port": 0,
        "ray": "",
    }
    entrypoint = found.compose["services"]["vllm"]["entrypoint"]
    assert entrypoint == ["python3", "/etc/llmfleet/start.py", "/etc/llmfleet/turn.json", "vllm", "serve"]
    made = [one["path"] for one in project(given)["directories"] if one["path"].startswith("/opt/llmfleet/locks/")]
    assert [path.rsplit("/", 1)[1] for path in made] == ["gpu-0", "gpu-1", "ready-tiny", "ready-first"]
    assert mounts(services(given)["vllm"])["/run/llmfleet/locks"]["read_only"]


def test_a_neighbour_that_comes_starts_nobody_anew() -> None:
    alone, beside = (rendered({"gpus": [0], "start_after": names}) for names in ([], ["new"]))
    assert alone.texts["turn.json"] != beside.texts["turn.json"]
    assert alone.compose == beside.compose
    assert next(one for one in project({"gpus": [0]})["files"] if one["path"] == "turn.json").get("services") is None


def test_without_gpus_nobody_waits() -> None:
    found = services({"gpus": []})["vllm"]
    assert json.loads(rendered({"gpus": []}).texts["turn.json"])["gpus"] == []
    assert "/run/llmfleet/locks" not in mounts(found)


# ---- the download


def test_weights_are_fetched_before_and_read_only_after() -> None:
    found = services(vllm_hf_token=TOKEN)
    assert found["vllm"]["depends_on"] == {"download": {"condition": "service_completed_successfully"}}
    assert found["vllm"]["environment"]["HF_HUB_OFFLINE"] == "1"
    assert mounts(found["vllm"])["/models"]["read_only"]
    download = found["download"]
    assert mounts(download)["/models"]["read_only"] is False
    assert download["restart"] == "no" and "deploy" not in download and "ports" not in download
    assert download["cap_drop"] == ["ALL"] and download["read_only"] and download["user"] == "0:0"
    assert json.loads(download["command"][0]) == [{"repository": "Qwen/Qwen3-8B", "revision": None}]
    assert found["vllm"]["environment"]["HF_HUB_CACHE"] == download["environment"]["HF_HUB_CACHE"]


def test_a_download_as_the_owner_of_the_weights_has_no_capability() -> None:
    found = services(vllm_download_user="1000:2000")["download"]
    assert found["user"] == "1000:2000" and "cap_add" not in found


def test_what_the_download_needs_of_the_environment() -> None:
    given = {
        "environment": {"HTTPS_PROXY": "http://proxy:3128", "HF_XET_HIGH_PERFORMANCE": "1", "OMP_NUM_THREADS": "1"}
    }
    found = services(given)["download"]["environment"]
    assert found["HTTPS_PROXY"] == "http://proxy:3128" and found["HF_XET_HIGH_PERFORMANCE"] == "1"
    assert "OMP_NUM_THREADS" not in found


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": "/srv/models/tiny"}, {}),
        ({}, {"vllm_offline": True}),
        ({}, {"vllm_separate_download": False}),
        ({"model": "s3://bucket/model"}, {}),
        ({"model": "unsloth/Qwen3-GGUF:Q4_K_M"}, {}),
        ({"options": {"load-format": "runai_streamer"}}, {}),
    ],
    ids=["path", "offline", "switched-off", "object-store", "gguf", "own-loader"],
)
def test_nothing_is_fetched_apart(given: dict[str, t.Any], said: dict[str, t.Any]) -> None:
    found = services(given, **said)
    assert list(found) == ["vllm"] and "depends_on" not in found["vllm"]


def test_offline_the_hub_is_not_asked_and_weights_are_read_only() -> None:
    found = services(vllm_offline=True)["vllm"]
    assert found["environment"]["HF_HUB_OFFLINE"] == "1" and mounts(found)["/models"]["read_only"]


def test_a_server_that_fetches_may_write_and_ask() -> None:
    found = services(vllm_separate_download=False)["vllm"]
    assert "HF_HUB_OFFLINE" not in found["environment"] and mounts(found)["/models"]["read_only"] is False


def test_all_repositories_that_options_name_are_fetched() -> None:
    options = {
        "tokenizer": "org/tokenizer",
        "tokenizer-revision": "v1",
        "speculative-config": '{"model": "org/draft", "num_speculative_tokens": 3}',
        "lora-modules": ["sql=org/adapter", {"name": "x", "path": "/srv/adapter"}],
    }
    found = {one["repository"]: one["revision"] for one in downloads(make_instance(options=options, revision="abc"))}
    assert found == {"Qwen/Qwen3-8B": "abc", "org/tokenizer": "v1", "org/draft": None, "org/adapter": None}
    only = downloads(make_instance(model="/srv/m", options={"speculative-config": {"model": "org/draft"}}))
    assert [one["repository"] for one in only] == ["org/draft"]


def test_figures_are_read_from_the_instances_container() -> None:
    host = make_host()
    given = make_instance(options={"max-num-seqs": 4}, plan={"kv_cache_tokens": 5})
    assert vllm.view(make_fleet(host, given), host)["figures"] == [
        {"name": "tiny", "container": "llmfleet-vllm-tiny", "plan": {"kv_cache_tokens": 5}, "max_num_seqs": 4}
    ]


def test_the_hub_is_asked_before_for_what_it_may_refuse_and_never_came_up_here() -> None:
    gated = {"gated": True}
    assert view_of(gated)["closed_models"] == ["Qwen/Qwen3-8B"]
    assert view_of()["closed_models"] == [] and view_of(vllm_hf_token=TOKEN)["closed_models"] == ["Qwen/Qwen3-8B"]
    assert view_of(gated, vllm_offline=True)["closed_models"] == []
    assert view_of({"gated": True, "model": "/srv/m"})["closed_models"] == []
    host = make_host(facts={"figures": {"instances": {"tiny": {}}}})
    known = vllm.view(make_fleet(host, make_instance(**gated)), host)
    assert known["closed_models"] == [] and known["figures_differ"] is False
    assert view_of()["figures_differ"] is True


# ---- a replica on several servers


def test_nodes_are_in_their_hosts_networks_and_change_together() -> None:
    unit = [{"server": "gpu1", "name": "tiny"}, {"server": "gpu2", "name": "tiny"}]
    node = {"host_network": True, "unit": unit, "unit_digest": "d1", "unit_address": "10.0.0.1", "rank": 1, "gpus": []}
    node |= {"unit_nodes": [{"server": "gpu1", "address": "10.0.0.1"}], "unit_port": 28001, "check_port": 23001}
    host = make_host()
    found = render("vllm", {"projects": [vllm.project(make_instance(**node), "/opt/llmfleet", host)]})
    service = found.compose["services"]["vllm"]
    assert (service["network_mode"], service.get("ports")) == ("host", None)
    assert "networks" not in found.compose
    assert service["labels"]["io.llmfleet.unit"] == "d1"
    assert service["environment"]["VLLM_HOST_IP"] == "10.0.0.1"
    turn = json.loads(found.texts["turn.json"])
    assert (turn["address"], turn["rank"]) == ("10.0.0.1", 1)
    assert (turn["nodes"], turn["unit_port"]) == (node["unit_nodes"], 28001)
    assert "/etc/llmfleet/nodes.py" in mounts(service) and "as_one" in found.texts["nodes.py"]
    assert "/etc/llmfleet/nodes.py" not in mounts(services()["vllm"])
    # Only the head says what it holds.
    other = make_instance(**{**node, "server": "gpu2", "rank": 0})
    view = vllm.view(make_fleet(host, make_instance(**node), other), host)
    assert view["figures"] == []
    assert [one["servers"] for one in view["network_checks"]] == [["gpu1", "gpu2"]]


# ---- what images are asked


def test_each_instance_is_a_question_with_all_options_that_matter() -> None:
    own = make_instance(name="own", model="/srv/models/own", image="vllm:own", environment={"VLLM_X": 1, "PATH": "/p"})
    host = make_host()
    found = vllm.view(make_fleet(host, make_instance(name="a"), own), host)
    first, second = found["questions"]
    assert [one["name"] for one in (first, second)] == ["a", "own"]
    # The role's own default names a folder that only the fleet knows.
    assert found["models_dir"] == "/opt/llmfleet/models"
    assert second["image"] == "vllm:own" and second["model"] == "/srv/models/own"
    assert "allowed-media-domains" in second["options"] and second["environment"] == {"VLLM_X": "1"}
