"""What Runway's tasks say: how far they are, how they ended, what they cost; and their addresses."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any

import httpx
import pytest

from generation.providers import runway, runway_answers
from generation.providers.protocol import (
    ErrorClass,
    JobState,
    ProviderError,
    Status,
)
from tests.emulators.server import Running
from tests.generation.providers.kit import Kit
from tests.generation.providers.kits import runway as runway_kit


@pytest.fixture
def kit(emulator: Running) -> Kit:
    return runway_kit.make(emulator)


def told(**task: Any) -> Status:
    document = runway.sheet.document
    return runway_answers.status(task, failures=document["failures"], costly=document["failures_that_cost"])


@pytest.mark.parametrize(
    ("progress", "share"), [(0.25, "0.25"), (25, "0.25"), (1, "1"), (140, "1"), (-1, "0"), (None, None)]
)
def test_progress_is_a_share_whichever_way_it_is_counted(progress: Any, share: str | None) -> None:
    assert told(status="RUNNING", progress=progress).progress == (share and Decimal(share))


def test_both_spellings_of_cancelled_are_read_with_what_was_spent() -> None:
    assert told(status="CANCELED", cost={"credits": 12}) == told(status="CANCELLED", cost={"credits": 12})
    assert told(status="CANCELED", cost={"credits": 12}).charge == Decimal("0.12")


def test_a_state_that_nobody_knows_is_never_a_success() -> None:
    with pytest.raises(ProviderError, match="ARCHIVED"):
        told(status="ARCHIVED", output=["https://x.example/1.mp4"])


@pytest.mark.parametrize(
    ("code", "charged"), [("SAFETY.INPUT.IMAGE", True), ("SAFETY.OUTPUT.VIDEO", False), ("INTERNAL", False)]
)
def test_without_a_cost_the_code_says_whether_a_failure_was_charged(code: str, charged: bool) -> None:
    error = told(status="FAILED", failureCode=code).error
    assert error is not None
    assert error.charged is charged


def test_a_code_that_nobody_knows_is_of_no_known_class() -> None:
    error = told(status="FAILED", failureCode="NEW.THING", cost={"credits": 0}).error
    assert error is not None
    assert (error.error_class, error.charged) == (ErrorClass.UNKNOWN, False)


def test_the_daily_limit_is_left_alone_for_long_unless_a_time_is_named() -> None:
    assert runway_answers.error(httpx.Response(429)).retry_after_seconds == 900
    named = runway_answers.error(httpx.Response(429, headers={"retry-after": "30"}))
    assert named.retry_after_seconds == 30


def test_a_task_that_waits_for_a_free_place_is_queued(kit: Kit) -> None:
    submitted = kit.submit(kit.job("[[concurrency:1]]"))
    assert kit.poll(submitted).state is JobState.QUEUED


def test_an_address_that_has_expired_is_made_anew_by_the_next_poll(kit: Kit) -> None:
    submitted = kit.submit(kit.job())
    (old,) = kit.finished(submitted).outputs
    kit.emulator.advance(25 * 3600)
    assert httpx.get(old.url, trust_env=False, timeout=30).status_code == 403
    (new,) = kit.poll(submitted).outputs
    assert httpx.get(new.url, trust_env=False, timeout=30).status_code == 200


def test_an_id_that_would_be_another_address_is_asked_nowhere(kit: Kit) -> None:
    with pytest.raises(ProviderError, match="is no task"):
        kit.cancel(dataclasses.replace(kit.submit(kit.job()), job_id="../organization"))
