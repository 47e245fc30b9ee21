# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deployment as people make them, which the tests change in one place each."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.translate import Translation, translate

FOLDER = "/srv/llm"
MASTER = "sk-" + "m" * 40
SALT = "s" * 32
PASSWORD = "database-password-1"
ENV = f"""\
# Made by hand
LITELLM_MASTER_KEY={MASTER}
LITELLM_SALT_KEY="{SALT}"
POSTGRES_PASSWORD='{PASSWORD}'
UI_USERNAME=boss
UI_PASSWORD=correct-horse-1
HF_TOKEN=hf_abcdefghij
OPENAI_API_KEY=sk-proj-abcdefghijkl
MODELS=/data/models
"""
COMPOSE = """\
services:
  vllm-chat:
    image: vllm/vllm-openai:v0.10.1
    command: >
      --model Qwen/Qwen2.5-7B-Instruct
      --served-model-name chat
      --tensor-parallel-size 2 --gpu-memory-utilization 0.85 --max-model-len 16384
      --enable-prefix-caching --tool-call-parser hermes --enable-auto-tool-choice
    environment:
      - HUGGING_FACE_HUB_TOKEN=${HF_TOKEN}
    volumes:
      - ${MODELS:-./models}:/root/.cache/huggingface
    ports: ["127.0.0.1:8000:8000"]
    ipc: host
    deploy:
      resources:
        reservations:
          devices: [{driver: nvidia, device_ids: ["0", "1"], capabilities: [gpu]}]
    restart: unless-stopped
  litellm:
    image: ghcr.io/berriai/litellm:main-v1.70.0
    command: ["--config", "/app/config.yaml", "--port", "4000"]
    ports: ["4000:4000"]
    environment:
      DATABASE_URL: postgresql://litellm:${POSTGRES_PASSWORD}@db:5432/litellm
      LITELLM_MASTER_KEY: ${LITELLM_MASTER_KEY:?set it}
      LITELLM_SALT_KEY: ${LITELLM_SALT_KEY}
      UI_USERNAME: ${UI_USERNAME}
      UI_PASSWORD: ${UI_PASSWORD}
      OPENAI_API_KEY: ${OPENAI_API_KEY}
    volumes: ["./config.yaml:/app/config.yaml:ro"]
    depends_on: [db]
  db:
    image: postgres:15
    environment:
      POSTGRES_USER: litellm
      POSTGRES_DB: litellm
      POSTGRES_PASSWORD: ${POSTGRES_PASSWORD}
    volumes: ["./pgdata:/var/lib/postgresql/data"]
"""
CONFIG = """\
model_list:
  - model_name: qwen
    litellm_params:
      model: openai/chat
      api_base: http://vllm-chat:8000/v1
      api_key: none
  - model_name: gpt-4o
    litellm_params:
      model: openai/gpt-4o
      api_key: os.environ/OPENAI_API_KEY
  - model_name: claude
    litellm_params:
      model: anthropic/claude-sonnet-4
      api_key: sk-ant-abcdefghijklmnop
litellm_settings:
  drop_params: true
  num_retries: 3
  request_timeout: 300
router_settings:
  routing_strategy: least-busy
  fallbacks: [{qwen: [gpt-4o]}]
general_settings:
  master_key: os.environ/LITELLM_MASTER_KEY
  database_url: os.environ/DATABASE_URL
"""

Files = dict[str, str | None]


class Deployment:
    """Its files, and what the server says beside."""

    def __init__(self) -> None:
        self.files: Files = {".env": ENV, "docker-compose.yml": COMPOSE, "config.yaml": CONFIG}
        self.facts: dict[str, t.Any] = {"gpus": 2}

    def replace(self, file: str, before: str, after: str) -> Deployment:
        text = self.files[file] or ""
        assert before in text, before
        self.files[file] = text.replace(before, after)
        return self

    def add(self, file: str, text: str) -> Deployment:
        self.files[file] = (self.files.get(file) or "") + text
        return self

    def translated(self, **options: t.Any) -> Translation:
        """As the action does it: further files are fetched until none is wanted."""
        known: Files = {}
        for _round in range(9):
            found = translate(FOLDER, known, self.facts, **options)
            if not found.wanted:
                return found
            for path in found.wanted:
                short = path.removeprefix(f"{FOLDER}/")
                known[path] = self.files.get(short)
        raise AssertionError("always something is wanted")
