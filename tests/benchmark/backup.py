# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Size and seconds of a backup, a restore beside the running database, the restore test and the rehearsal of an
upgrade, by rows of the spend log.

    PYTHONPATH=. .venv/bin/python -m tests.benchmark.backup 100000 1000000

Real PostgreSQL with the schema of an earlier LiteLLM in a container of this machine; the rows are like those of chat
completions without prompts. The program is the one that timers and playbooks run; what is rehearsed is the way to the
bench's present LiteLLM. With age installed, also encrypted, unless --plain is said.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import litellm_settings

CHECKOUT = Path(__file__).resolve().parents[2]
CONTAINER = "llmfleet-benchmark-backup"
BENCH = [sys.executable, str(CHECKOUT / "tests/bench/bench.py")]
PROGRAM = "import sys; sys.path.insert(0, sys.argv.pop(1)); from _backup.program import main; sys.exit(main())"
#: What its migrations do and what Prisma writes down of each, as LiteLLM leaves it.
SCHEMA = """cd $(python3 -c 'import os, litellm_proxy_extras as one; print(os.path.dirname(one.__file__))')/migrations
cat << END
CREATE TABLE _prisma_migrations (
  id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ,
  migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0);
END
for one in */; do
  cat "$one/migration.sql"
  echo ";"
  checksum=$(sha256sum < "$one/migration.sql" | cut -d' ' -f1)
  echo "INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, applied_steps_count)
    VALUES (gen_random_uuid()::text, '$checksum', now(), '${one%/}', 1);"
done
"""
#: Figures and names repeat, as they do; identifiers do not.
ROWS = """
INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, api_key, spend, total_tokens, prompt_tokens, completion_tokens,
  "startTime", "endTime", "completionStartTime", model, model_id, model_group, custom_llm_provider, api_base,
  "user",
  metadata, cache_hit, cache_key, request_tags, team_id, end_user, requester_ip_address, session_id, status,
  request_duration_ms)
SELECT 'chatcmpl-' || gen_random_uuid(), 'acompletion', encode(sha256((n % 200)::text::bytea), 'hex'), random() * 0.01,
  1200, 900, (random() * 600)::int, now() - n * interval '3 seconds', now(), now(), 'hosted_vllm/assistant',
  encode(sha256('assistant'), 'hex'), 'assistant', 'hosted_vllm', 'http://gate:8100/assistant/v1', 'user-' || n % 500,
  jsonb_build_object('user_api_key_alias', 'alias-' || n % 200, 'user_api_key_team_id', 'team-' || n % 20,
    'applied_guardrails', '[]'::jsonb, 'status', 'success', 'usage_object',
    jsonb_build_object('total_tokens', 1200, 'prompt_tokens', 900, 'completion_tokens', 300),
    'model_map_information', jsonb_build_object('model_map_key', 'assistant', 'model_map_value', null),
    'litellm_overhead_time_ms', random() * 20),
  'None', encode(sha256(n::text::bytea), 'hex'), '["User-Agent: openai-python"]'::jsonb, 'team-' || n % 20, '',
  '10.0.0.' || n % 250,
  gen_random_uuid()::text, 'success', (random() * 9000)::int
FROM generate_series({first}, {last}) n;
ANALYZE;
"""


def run(*argv: str, text: str = "") -> str:
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{argv[0]}: {done.stdout[-500:]}{done.stderr[-1500:]}")
    return done.stdout


def psql(text: str, database: str = "litellm") -> str:
    return run(
        "docker", "exec", "-i", CONTAINER, "psql", "-qtAX", "-U", "postgres", "-d", database, "-f", "-", text=text
    )


def bench_images() -> dict[str, str]:
    found: dict[str, str] = json.loads(
        run(*BENCH, "images", "--json", "postgres", "litellm", "litellm-1.90").splitlines()[-1]
    )
    return found


def start(folder: Path, images: t.Mapping[str, str]) -> None:
    """The server, with the schema of the earlier LiteLLM."""
    place = f"{folder}/data:/var/lib/postgresql/data"
    environment = ("-e", "POSTGRES_HOST_AUTH_METHOD=trust", "-e", "PGDATA=/var/lib/postgresql/data/pgdata")
    run("docker", "run", "-d", "--name", CONTAINER, "--network", "none", "-v", place, *environment, images["postgres"])
    ready = '[ "$(cat /proc/1/comm)" = postgres ] && pg_isready -q -U postgres'
    while subprocess.run(["docker", "exec", CONTAINER, "sh", "-c", ready], check=False).returncode != 0:
        time.sleep(1)
    psql("CREATE ROLE litellm LOGIN;\nCREATE DATABASE litellm OWNER litellm;\n", "postgres")
    schema = run(
        "docker", "run", "--rm", "--network", "none", "--entrypoint", "sh", images["litellm-1.90"], "-c", SCHEMA
    )
    psql(f"SET ROLE litellm;\n{schema}")


def configured(folder: Path, name: str, recipients: list[str]) -> Path:
    """The settings of the program."""
    (folder / "environment").write_text(
        "LITELLM_SALT_KEY=benchmark-salt-key\nLITELLM_MASTER_KEY=sk-benchmark-master-key\n"
    )
    said = {"directory": str(folder / name), "container": CONTAINER, "database": "litellm", "user": "litellm"}
    more = {"uid": 999, "gid": 999, "environment": str(folder / "environment"), "certificates": [], "declaration": ""}
    rest = {"remote": "", "rclone_config": "", "versions": {}, "keep": 1, "keep_days": 0, "min_free_mib": 0}
    path = folder / f"{name}.json"
    path.write_text(json.dumps({**said, **more, **rest, "recipients": recipients}))
    return path


def program(config: Path, *args: str, text: str = "") -> tuple[dict[str, t.Any], float]:
    began = time.monotonic()
    library = str(CHECKOUT / "plugins/plugin_utils")
    said = run(sys.executable, "-c", PROGRAM, library, "--config", str(config), *args, text=text)
    return json.loads(said), time.monotonic() - began


def measure(folder: Path, rows: int, kind: str, identity: str) -> str:
    """A line of the table."""
    recipients = [line.split(": ")[1] for line in identity.splitlines() if line.startswith("# public key")]
    config = configured(folder, kind, recipients)
    made, backup = program(config, "create")
    loaded, load = program(config, "load", *(["--identity"] if identity else []), text=identity)
    assert loaded["rows"] == made["rows"]
    switched, switch = program(config, "switch", loaded["database"])
    _said, trial = program(config, "trial")
    program(config, "drop", switched["kept"])
    size = f"{made['database_bytes'] / 1e6:,.0f} | {made['bytes'] / 1e6:,.0f}"
    return f"| {rows:,} | {kind} | {size} | {backup:.0f} | {load:.0f} | {switch:.1f} | {trial:.0f} |"


def rehearse(config: Path, images: t.Mapping[str, str]) -> str:
    """The cells of the upgrade that is tried on a copy."""
    model = {"model": "hosted_vllm/assistant", "api_base": "http://gate:8100/assistant/v1", "mock_response": "Yes."}
    wanted = {
        "postgres_image": images["postgres"],
        "before": images["litellm-1.90"],
        "after": images["litellm"],
        "user": "60802:60802",
        "folder": str(CHECKOUT / "roles/litellm/files"),
        "config": {
            "model_list": [{"model_name": "assistant", "litellm_params": model}],
            "general_settings": {"proxy_batch_write_at": 1},
        },
        "environment": litellm_settings.environment({"litellm_log_level": "ERROR", "llm_domain": ""}, True),
        "seconds": 900,
    }
    said, seconds = program(config, "rehearse", text=json.dumps(wanted))
    assert said["side_by_side"]["works"], said
    migration = said["migration"]
    return f"{said['copy']['seconds']:.0f} | {migration['applied']}: {migration['seconds']:.1f} | {seconds:.0f} |"


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="llmfleet-benchmark-"))
    identity = run("age-keygen") if shutil.which("age-keygen") and "--plain" not in sys.argv else ""
    print(
        "| rows | archive | database, MB | backup, MB | backup, s | load, s | change places, s | restore test, s"
        " | copy for a rehearsal, s | its migrations, s | rehearsal, s |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    images = bench_images()
    try:
        start(folder, images)
        there = 0
        for rows in sorted(int(text) for text in sys.argv[1:] if text.isdigit()) or (100_000, 1_000_000):
            psql(ROWS.format(first=there + 1, last=rows))
            there = rows
            for kind in ("plain", "encrypted") if identity else ("plain",):
                print(measure(folder, rows, kind, identity if kind == "encrypted" else ""), end=" ", flush=True)
                rehearsed = rehearse(folder / "plain.json", images) if kind == "plain" else "| | |"
                print(rehearsed, f"load average {os.getloadavg()[0]:.1f}", flush=True)
    finally:
        subprocess.run(["docker", "rm", "-f", "-v", CONTAINER], capture_output=True, check=False)
        with contextlib.suppress(OSError):
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
