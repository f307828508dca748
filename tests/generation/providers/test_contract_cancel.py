"""Cancel in every state that a job can be in: what came of it, and what was charged."""

from __future__ import annotations

import asyncio
import contextlib

import httpx
import pytest

from generation.providers.protocol import CancelOutcome, JobState, ProviderError
from tests.generation.providers import cases
from tests.generation.providers.cases import Case
from tests.generation.providers.declared import Cancelling
from tests.generation.providers.kit import LONG_ENOUGH, Kit

HOW_FAR = {"queued": 0, "running": 50, "finished": LONG_ENOUGH, "gone": 0}
"""Seconds of the provider's clock until a job is in the state that the case's first word names."""


@cases.of(cases.cancels)
def test_a_cancel_comes_to_what_the_state_allows_and_is_charged_as_said(kit: Kit, case: Case) -> None:
    expected: Cancelling = case.given
    submitted = kit.submit(kit.job(expected.directive))
    kit.emulator.advance(HOW_FAR[case.row.partition(",")[0]])
    assert kit.cancel(submitted) is expected.outcome
    if expected.state not in (JobState.QUEUED, JobState.RUNNING):
        kit.emulator.advance(LONG_ENOUGH if expected.outcome is not CancelOutcome.CANCELLED else 0)
    status = kit.poll(submitted)
    assert status.state is expected.state
    if expected.units is not None:
        assert status.billed_units == expected.units
    (entry,) = kit.log()
    assert entry["charged"] is expected.charged


@cases.of(cases.garbled)
def test_an_answer_that_cannot_be_read_is_not_taken_for_a_stop(kit: Kit, case: Case) -> None:
    submitted = kit.submit(kit.job("[[stop:garbage*1]]"))
    with contextlib.suppress(ProviderError):  # some say that they cannot read it
        assert kit.cancel(submitted) is CancelOutcome.REQUESTED
    assert kit.finished(submitted).state is JobState.SUCCEEDED
    (entry,) = kit.log()
    assert entry["charged"]


@cases.of(cases.when(lambda subject: not subject.abilities.cancel, "any", "not possible"))
def test_a_provider_that_cannot_cancel_says_so_and_does_nothing(kit: Kit, case: Case) -> None:
    submitted = kit.submit(kit.job())
    before = kit.log()
    assert kit.cancel(submitted) is CancelOutcome.UNSUPPORTED
    assert kit.log() == before


@cases.of(cases.hang_ups)
def test_a_blocking_call_that_is_ended_by_us_is_noted_by_the_provider_as_not_answered(
    kit: Kit, case: Case
) -> None:
    async def hang_up(client: httpx.AsyncClient) -> None:
        asked = asyncio.ensure_future(kit.provider.submit(client, account=kit.account, job=kit.job()))
        while not kit.served.jobs:
            await asyncio.sleep(0.02)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await asyncio.sleep(0.2)

    kit.run(hang_up)
    kit.emulator.advance(LONG_ENOUGH)
    (entry,) = kit.log()
    assert (entry["hung_up"], entry["answered"]) == (True, False)
    if kit.provider.abilities.hang_up_charged is not None:
        assert entry["charged"] is kit.provider.abilities.hang_up_charged
