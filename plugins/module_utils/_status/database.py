# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the database says of itself and of the use of the proxy, in one call of psql. Nothing in it can write.

Each question is answered by itself, so that a table which an older LiteLLM lacks, or which is too large to be summed up in time,
keeps no other from being told.
"""

from __future__ import annotations

import json
import typing as t

from .._host.run import Run

#: Milliseconds for each question.
LIMIT_MS = 8000
UTC = "now() at time zone 'utc'"
DAYS, RECENT_DAYS, HOURS = 30, 7, 48
#: A part of a budget from which a team or user is told.
NEAR = 0.8

QUESTIONS: dict[str, str] = {
    "server": """select jsonb_build_object(
        'version', current_setting('server_version'),
        'bytes', pg_database_size(current_database()),
        'connections', (select count(*) from pg_stat_activity where backend_type = 'client backend'),
        'max_connections', current_setting('max_connections')::int,
        'started', pg_postmaster_start_time(),
        'longest_transaction_seconds', (select coalesce(max(extract(epoch from now() - xact_start)), 0)::bigint
            from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()))""",
    "tables": """select jsonb_agg(one) from (
        select s.relname as name, pg_total_relation_size(s.relid) as bytes,
            greatest(s.n_live_tup, c.reltuples::bigint, 0) as rows
        from pg_stat_user_tables s join pg_class c on c.oid = s.relid order by 2 desc limit 40) one""",
    "logs": f"""select jsonb_build_object(
        'rows', count(*), 'days', {RECENT_DAYS},
        'oldest_days', (select extract(epoch from {UTC} - min("startTime")) / 86400 from "LiteLLM_SpendLogs"))
        from "LiteLLM_SpendLogs" where "startTime" > {UTC} - interval '{RECENT_DAYS} days'""",
    "days": f"""select jsonb_agg(one) from (
        select date as day, coalesce(nullif(model_group, ''), nullif(model, ''), '') as model,
            sum(api_requests) as requests, sum(failed_requests) as failed,
            sum(prompt_tokens) as prompt_tokens, sum(completion_tokens) as completion_tokens, sum(spend) as spend
        from "LiteLLM_DailyUserSpend" where date > to_char({UTC} - interval '{DAYS} days', 'YYYY-MM-DD')
        group by 1, 2 order by 1, 2 limit 3000) one""",
    "hours": f"""select jsonb_agg(one) from (
        select to_char(date_trunc('hour', "startTime"), 'YYYY-MM-DD"T"HH24:00:00"Z"') as hour,
            count(*) as requests, count(*) filter (where status = 'failure') as failed,
            sum(prompt_tokens) as prompt_tokens, sum(completion_tokens) as completion_tokens,
            percentile_cont(0.5) within group (order by extract(epoch from "endTime" - "startTime")) as median_seconds,
            percentile_cont(0.95) within group (order by extract(epoch from "endTime" - "startTime")) as p95_seconds
        from "LiteLLM_SpendLogs" where "startTime" > {UTC} - interval '{HOURS} hours' group by 1 order by 1) one""",
    "users": f"""select jsonb_agg(one) from (
        select coalesce(nullif(k.key_alias, ''), k.key_name, 'deleted or internal key') as key,
            sum(d.prompt_tokens + d.completion_tokens) as tokens, sum(d.api_requests) as requests, sum(d.spend) as spend
        from "LiteLLM_DailyUserSpend" d left join "LiteLLM_VerificationToken" k on k.token = d.api_key
        where d.date > to_char({UTC} - interval '{RECENT_DAYS} days', 'YYYY-MM-DD')
        group by 1 order by 2 desc limit 10) one""",
    "budgets": f"""select jsonb_agg(one) from (
        select * from (
            select 'team' as kind, coalesce(nullif(team_alias, ''), team_id) as name, spend, max_budget
            from "LiteLLM_TeamTable" where max_budget > 0 and spend >= {NEAR} * max_budget
            union all select 'user', coalesce(user_alias, user_email, user_id), spend, max_budget
            from "LiteLLM_UserTable" where max_budget > 0 and spend >= {NEAR} * max_budget) found
        order by spend / max_budget desc limit 50) one""",
}


def command(container: str, user: str, database: str) -> list[str]:
    """As the server's own user over its socket, like the hook that makes roles; nothing secret is among the arguments."""
    options = f"-c default_transaction_read_only=on -c statement_timeout={LIMIT_MS} -c lock_timeout=2000"
    asked = [f"select jsonb_build_object('name', '{name}', 'value', ({query}))" for name, query in QUESTIONS.items()]
    psql = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--username", user, "--dbname", database]
    return [
        "docker",
        "exec",
        "--env",
        f"PGOPTIONS={options}",
        container,
        *psql,
        *(word for query in asked for word in ("--command", " ".join(query.split()))),
    ]


def read(run: Run, container: str, user: str, database: str) -> dict[str, t.Any]:
    """Answers by question, and why others have none."""
    done = run(command(container, user, database), timeout=len(QUESTIONS) * LIMIT_MS / 1000 + 10)
    answers = dict(_answer(line) for line in done.out.splitlines() if line.startswith("{"))
    missing = [name for name in QUESTIONS if name not in answers]
    words = " ".join(done.err.split())[:300] or f"psql ended with {done.rc}"
    return {
        **{name: answers.get(name) for name in QUESTIONS},
        "faults": dict.fromkeys(missing, words),
    }


def _answer(line: str) -> tuple[str, t.Any]:
    try:
        found = json.loads(line)
        return str(found["name"]), found["value"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return "", None
