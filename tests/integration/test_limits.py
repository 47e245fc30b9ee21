# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Four LiteLLM instances as the roles make them: limits are exact, revocation is quick, and nothing stays broken."""

from __future__ import annotations

import typing as t

import pytest

from . import limits
from .several import Several, running

#: Small enough that a test can fill one instance.
MOST = 50
QUEUED = MOST // 5


@pytest.fixture(scope="module")
def four() -> t.Iterator[Several]:
    with running(4, litellm_max_in_flight=MOST) as several:
        yield several


def counts(answers: t.Sequence[limits.Answer]) -> dict[int, int]:
    """With the texts of the answers, so that a failure says what was wrong."""
    found = limits.statuses(answers)
    assert set(found) <= {200, 429, 503}, [answer.text for answer in answers if answer.status not in (200, 429)][:3]
    return found


def test_a_limit_of_requests_a_minute_is_exact(four: Several) -> None:
    answers = limits.rpm(four, limit=5, count=40)
    assert counts(answers) == {200: 5, 429: 35}
    assert all("retry-after" in answer.headers for answer in answers if answer.status == 429)


def test_a_limit_of_requests_at_once_is_exact(four: Several) -> None:
    assert counts(limits.parallel(four, limit=5, count=40)) == {200: 5, 429: 35}


def test_a_budget_ends_at_its_amount(four: Several) -> None:
    """To the request, once what the one before cost is written."""
    assert limits.budget(four, worth=5) == 5


@pytest.mark.parametrize("how", ["delete", "block", "absent", "rotate"])
def test_a_key_that_was_taken_back_is_refused_everywhere_within_two_seconds(four: Several, how: str) -> None:
    assert max(limits.revoked(four, how)) < 2


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_a_client_that_leaves_frees_its_place_within_a_second(four: Several, stream: bool) -> None:
    assert limits.left(four, stream) < 1


def test_too_many_at_once_get_503_with_retry_after_and_no_one_else(four: Several) -> None:
    answers, again = limits.overload(four, MOST + QUEUED + 40)
    found = counts(answers)
    assert MOST <= found[200] <= MOST + QUEUED and found[503] >= 40
    assert all(answer.headers.get("retry-after") for answer in answers if answer.status == 503)
    assert again < 2


@pytest.mark.parametrize("status", [500, 503])
def test_errors_of_a_models_only_deployment_close_it_for_no_one(four: Several, status: int) -> None:
    _bad, first = limits.after_errors(four, status)
    assert first.status == 200, first.text


def test_short_pauses_break_no_connection(four: Several) -> None:
    """vLLM and uvicorn close idle connections after 5 s."""
    for pause, answers in limits.idles(four, [4, 4.95, 5, 5.05, 6]).items():
        assert counts(answers) == {200: len(answers)}, pause


def test_redis_away_fails_no_request_and_is_found_again(four: Several) -> None:
    found = limits.redis_away(four, ("stop", "start"), 10)
    assert counts(found.answers) == {200: len(found.answers)}
    assert found.limits_again < 90 and found.revocation_again < 90


@pytest.mark.long
def test_a_redis_that_hangs_fails_no_request_and_is_found_again(four: Several) -> None:
    found = limits.redis_away(four, ("pause", "unpause"), 60)
    assert counts(found.answers) == {200: len(found.answers)}
    assert found.limits_again < 90 and found.revocation_again < 90


@pytest.mark.long
def test_long_pauses_break_no_connection(four: Several) -> None:
    for pause, answers in limits.idles(four, limits.PAUSES).items():
        assert counts(answers) == {200: len(answers)}, pause
