"""What the engine relies on, asked of every adapter over real HTTP against its emulated provider."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
from decimal import Decimal
from typing import Any

import httpx
import pytest

from generation.providers import clients, webhooks
from generation.providers.protocol import (
    CancelOutcome,
    ErrorClass,
    JobState,
    ProviderError,
    Submitted,
    WebhookEvent,
    WebhookRejected,
)
from tests.emulators.inbox import Inbox, Letter
from tests.generation.providers.conftest import Kit

# -- states and outputs ---------------------------------------------------------------------------


def test_a_job_is_queued_then_running_then_succeeded(kit: Kit) -> None:
    submitted = kit.submit(kit.job())
    assert kit.poll(submitted).state is JobState.QUEUED
    kit.emulator.advance(50)
    assert kit.poll(submitted).state is JobState.RUNNING
    kit.emulator.advance(50)
    assert kit.poll(submitted).state is JobState.SUCCEEDED


def test_the_queue_position_counts_down(kit: Kit) -> None:
    submitted = kit.submit(kit.job())
    assert kit.poll(submitted).queue_position == 1
    kit.emulator.advance(15)
    assert kit.poll(submitted).queue_position == 0


def test_a_picture_that_succeeded_has_an_address_a_type_a_seed_and_its_billed_units(kit: Kit) -> None:
    status = kit.finished(kit.submit(kit.job()))
    (output,) = status.outputs
    assert (output.media_type, status.seed, status.billed_units) == ("image/jpeg", 7, Decimal(2))
    assert len(httpx.get(output.url, trust_env=False).content) == 100_000
    assert (status.charge, status.charge_currency, status.error) == (None, "", None)


def test_a_film_that_succeeded_has_an_address_and_its_seconds_as_billed_units(kit: Kit) -> None:
    status = kit.finished(kit.submit(kit.film_job()))
    assert [output.media_type for output in status.outputs] == ["video/mp4"]
    assert (status.billed_units, status.seed) == (Decimal(5), None)


def test_our_token_and_the_key_travel_with_the_job(kit: Kit) -> None:
    kit.submit(kit.job())
    (entry,) = kit.emulator.log()
    assert (entry["token"], entry["key"], entry["unknown_parameters"]) == ("run-1", "id:secret", [])


@pytest.mark.parametrize(
    ("output", "media_type"),
    [("truncated_mp4", "video/mp4"), ("html", "image/png"), ("huge", "image/jpeg")],
)
def test_a_spoilt_output_is_named_as_the_provider_names_it_and_left_to_the_collector(
    kit: Kit, output: str, media_type: str
) -> None:
    status = kit.finished(kit.submit(kit.job(f"[[output:{output}]]")))
    assert status.state is JobState.SUCCEEDED
    assert [one.media_type for one in status.outputs] == [media_type]


# -- refusals of a submit -------------------------------------------------------------------------

REFUSALS = [
    ("401", ErrorClass.AUTH, False),
    ("403", ErrorClass.AUTH, False),
    ("402", ErrorClass.INSUFFICIENT_CREDIT, False),
    ("credit", ErrorClass.INSUFFICIENT_CREDIT, False),
    ("retired", ErrorClass.RETIRED, False),
    ("422", ErrorClass.BAD_REQUEST, False),
    ("policy", ErrorClass.MODERATED, False),
    ("429", ErrorClass.RATE_LIMITED, False),
    ("500", ErrorClass.UNAVAILABLE, False),
    ("502", ErrorClass.UNAVAILABLE, False),
    ("503", ErrorClass.UNAVAILABLE, False),
    ("504", ErrorClass.TIMEOUT, True),
    ("garbage", ErrorClass.UNKNOWN, True),
    ("empty", ErrorClass.UNKNOWN, True),
    ("drop", ErrorClass.UNKNOWN, True),
]


@pytest.mark.parametrize(("fail", "error_class", "ambiguous"), REFUSALS)
def test_a_refused_submit_is_classed_and_says_whether_it_may_have_been_accepted(
    kit: Kit, fail: str, error_class: ErrorClass, ambiguous: bool
) -> None:
    with pytest.raises(ProviderError) as caught:
        kit.submit(kit.job(f"[[fail:{fail}]]"))
    error = caught.value
    assert (error.error_class, error.ambiguous) == (error_class, ambiguous)
    assert error.charged is (None if ambiguous else False)
    assert kit.emulator.log() == []


def test_a_rate_limit_says_how_long_to_wait(kit: Kit) -> None:
    with pytest.raises(ProviderError) as caught:
        kit.submit(kit.job("[[fail:429]][[retry_after:7]]"))
    assert caught.value.retry_after_seconds == 7.0


def test_an_answer_that_is_lost_after_accepting_is_ambiguous_and_the_job_exists(kit: Kit) -> None:
    with pytest.raises(ProviderError) as caught:
        kit.submit(kit.job("[[fail:lost]]"))
    assert (caught.value.error_class, caught.value.ambiguous) == (ErrorClass.UNKNOWN, True)
    assert [entry["answered"] for entry in kit.emulator.log()] == [False]


def test_an_error_under_the_requests_own_name_is_ambiguous_and_the_job_exists(kit: Kit) -> None:
    with pytest.raises(ProviderError) as caught:
        kit.submit(kit.job("[[fail:crash]]"))
    error = caught.value
    assert (error.error_class, error.ambiguous, error.charged) == (ErrorClass.UNAVAILABLE, True, None)
    assert len(kit.emulator.log()) == 1


def test_an_answer_that_comes_too_late_is_an_ambiguous_timeout_and_the_job_exists(kit: Kit) -> None:
    with pytest.raises(ProviderError) as caught:
        kit.submit(kit.job("[[stall:2]]"), read_seconds=0.2)
    assert (caught.value.error_class, caught.value.ambiguous) == (ErrorClass.TIMEOUT, True)
    assert len(kit.emulator.log()) == 1


def test_a_refused_connection_is_not_ambiguous(kit: Kit) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        kit.account = dataclasses.replace(kit.account, base_url=f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(ProviderError) as caught:
            kit.submit(kit.job())
    error = caught.value
    assert (error.error_class, error.ambiguous, error.charged) == (ErrorClass.UNAVAILABLE, False, False)


# -- jobs that fail -------------------------------------------------------------------------------

RESULTS = [
    ("400", ErrorClass.UNAVAILABLE, False),
    ("422", ErrorClass.BAD_REQUEST, False),
    ("no_media", ErrorClass.BAD_REQUEST, False),
    ("500", ErrorClass.UNAVAILABLE, False),
    ("502", ErrorClass.UNAVAILABLE, False),
    ("503", ErrorClass.UNAVAILABLE, False),
    ("504", ErrorClass.TIMEOUT, False),
    ("timeout", ErrorClass.TIMEOUT, False),
    ("garbage", ErrorClass.MALFORMED_OUTPUT, True),
    ("empty", ErrorClass.MALFORMED_OUTPUT, True),
    ("no_output", ErrorClass.MALFORMED_OUTPUT, True),
]


@pytest.mark.parametrize(("result", "error_class", "charged"), RESULTS)
def test_a_job_that_failed_is_classed_and_says_whether_it_was_charged(
    kit: Kit, result: str, error_class: ErrorClass, charged: bool
) -> None:
    status = kit.finished(kit.submit(kit.job(f"[[result:{result}]]")))
    assert status.error is not None
    assert (status.state, status.outputs) == (JobState.FAILED, ())
    assert (status.error.error_class, status.error.charged) == (error_class, charged)


@pytest.mark.parametrize(("form", "units"), [("policy", Decimal(0)), ("black", Decimal(2))])
def test_moderation_is_blocked_in_each_of_its_forms_and_yields_no_output(
    kit: Kit, form: str, units: Decimal
) -> None:
    status = kit.finished(kit.submit(kit.job(f"[[result:{form}]]")))
    assert status.error is not None
    assert (status.state, status.outputs) == (JobState.BLOCKED, ())
    assert status.error.error_class is ErrorClass.MODERATED
    assert (status.billed_units, status.error.charged) == (units, units > 0)


def test_a_moderated_job_that_used_the_machine_is_charged_and_says_so(kit: Kit) -> None:
    status = kit.finished(kit.submit(kit.job("[[result:policy]][[charge_refused:1]]")))
    assert status.error is not None
    assert (status.billed_units, status.error.charged) == (Decimal(2), True)


@pytest.mark.parametrize(
    ("poll", "error_class"),
    [
        ("401", ErrorClass.AUTH),
        ("429", ErrorClass.RATE_LIMITED),
        ("500", ErrorClass.UNAVAILABLE),
        ("502", ErrorClass.UNAVAILABLE),
        ("garbage", ErrorClass.UNAVAILABLE),
        ("empty", ErrorClass.UNAVAILABLE),
    ],
)
def test_a_poll_that_failed_says_nothing_about_the_job_and_the_next_one_may_succeed(
    kit: Kit, poll: str, error_class: ErrorClass
) -> None:
    submitted = kit.submit(kit.job(f"[[poll:{poll}*1]]"))
    with pytest.raises(ProviderError) as caught:
        kit.poll(submitted)
    assert (caught.value.error_class, caught.value.ambiguous) == (error_class, False)
    assert kit.finished(submitted).state is JobState.SUCCEEDED


@pytest.mark.parametrize(
    ("fetch", "error_class"),
    [
        ("401*1", ErrorClass.AUTH),
        ("429*1", ErrorClass.RATE_LIMITED),
        ("502*1", ErrorClass.UNAVAILABLE),
        ("504*1", ErrorClass.TIMEOUT),
        ("drop*2", ErrorClass.UNAVAILABLE),  # the transport tries a GET once more by itself
    ],
)
def test_a_result_that_could_not_be_fetched_is_not_a_failure_of_the_job(
    kit: Kit, fetch: str, error_class: ErrorClass
) -> None:
    submitted = kit.submit(kit.job(f"[[fetch:{fetch}]]"))
    with pytest.raises(ProviderError) as caught:
        kit.finished(submitted)
    assert (caught.value.error_class, caught.value.ambiguous) == (error_class, False)
    assert kit.poll(submitted).state is JobState.SUCCEEDED


def test_a_job_that_the_provider_does_not_know_is_lost(kit: Kit) -> None:
    submitted = kit.submit(kit.job())
    unknown = Submitted("00000000-0000-0000-0000-000000000000", {"endpoint": kit.picture.endpoint})
    assert kit.poll(unknown).state is JobState.LOST
    assert kit.poll(submitted).state is JobState.QUEUED


def test_a_job_is_found_again_by_its_id_and_endpoint_alone(kit: Kit) -> None:
    submitted = kit.submit(kit.job())
    bare = Submitted(submitted.job_id, {"endpoint": kit.picture.endpoint})
    assert kit.finished(bare).state is JobState.SUCCEEDED


# -- cancel ---------------------------------------------------------------------------------------


def test_a_queued_job_is_cancelled_and_costs_nothing(kit: Kit) -> None:
    submitted = kit.submit(kit.job())
    assert kit.cancel(submitted) is CancelOutcome.CANCELLED
    assert kit.poll(submitted).state is JobState.CANCELLED
    (entry,) = kit.emulator.log()
    assert (entry["state"], entry["charged"]) == ("cancelled", False)


@pytest.mark.parametrize(
    ("cancel", "state", "charged"),
    [("honour", JobState.CANCELLED, True), ("ignore", JobState.SUCCEEDED, True)],
)
def test_a_running_job_is_asked_to_stop_and_polling_tells_what_came_of_it(
    kit: Kit, cancel: str, state: JobState, charged: bool
) -> None:
    submitted = kit.submit(kit.job(f"[[cancel:{cancel}]]"))
    kit.emulator.advance(50)
    assert kit.cancel(submitted) is CancelOutcome.REQUESTED
    status = kit.finished(submitted)
    assert (status.state, status.billed_units) == (state, Decimal(2))
    assert [entry["charged"] for entry in kit.emulator.log()] == [charged]


def test_a_finished_job_cannot_be_cancelled_and_stays_as_it_is(kit: Kit) -> None:
    submitted = kit.submit(kit.job())
    assert kit.finished(submitted).state is JobState.SUCCEEDED
    assert kit.cancel(submitted) is CancelOutcome.TOO_LATE
    assert kit.poll(submitted).state is JobState.SUCCEEDED


def test_a_cancel_of_a_job_that_is_gone_leaves_the_answer_to_the_poll(kit: Kit) -> None:
    submitted = kit.submit(kit.job("[[cancel:gone]]"))
    assert kit.cancel(submitted) is CancelOutcome.REQUESTED
    assert kit.poll(submitted).state is JobState.QUEUED


# -- webhooks -------------------------------------------------------------------------------------


def receive(
    kit: Kit, letter: Letter, *, key_sets: webhooks.KeySets | None = None, **changes: Any
) -> WebhookEvent:
    async def ask() -> WebhookEvent:
        async with clients.opened() as client:
            return await webhooks.receive(
                client,
                provider=kit.provider,
                address=kit.key_set,
                headers=letter.headers,
                body=changes.get("body", letter.body),
                now=changes.get("now", kit.now()),
                key_sets=key_sets or webhooks.KeySets(),
            )

    return asyncio.run(ask())


def delivered(
    kit: Kit, inbox: Inbox, directive: str = "", *, count: int = 1
) -> tuple[Submitted, list[Letter]]:
    submitted = kit.submit(kit.job(directive, webhook_url=f"{inbox.url}/hooks/run-1/"))
    kit.emulator.advance(200)
    return submitted, inbox.wait(count)


def test_a_webhook_tells_what_a_poll_would_have_told(kit: Kit, inbox: Inbox) -> None:
    submitted, (letter,) = delivered(kit, inbox)
    event = receive(kit, letter)
    polled = kit.poll(submitted)
    assert (letter.path, event.job_id) == ("/hooks/run-1/", submitted.job_id)
    assert event.status is not None
    assert (event.status.state, event.status.outputs, event.status.seed) == (
        polled.state,
        polled.outputs,
        polled.seed,
    )


def test_a_webhook_that_comes_before_the_answer_to_the_submit_names_the_same_job(
    kit: Kit, inbox: Inbox
) -> None:
    submitted = kit.submit(kit.job("[[webhook:before]]", webhook_url=f"{inbox.url}/early/"))
    (letter,) = inbox.letters  # it was there before submit returned
    event = receive(kit, letter)
    assert event.job_id == submitted.job_id
    assert event.status is not None
    assert event.status.state is JobState.SUCCEEDED


def test_a_webhook_that_comes_twice_says_the_same_twice(kit: Kit, inbox: Inbox) -> None:
    _, (first, second) = delivered(kit, inbox, "[[webhook:twice]]", count=2)
    assert receive(kit, first) == receive(kit, second)


def test_a_late_webhook_is_still_valid(kit: Kit, inbox: Inbox) -> None:
    submitted, _ = delivered(kit, inbox, "[[webhook_delay:900]]", count=0)
    assert kit.poll(submitted).state is JobState.SUCCEEDED
    assert inbox.letters == []
    kit.emulator.advance(900)
    (letter,) = inbox.wait(1)
    assert receive(kit, letter).job_id == submitted.job_id


@pytest.mark.parametrize(
    ("directive", "state", "error_class"),
    [
        ("[[result:policy]]", JobState.BLOCKED, ErrorClass.MODERATED),
        ("[[result:black]]", JobState.BLOCKED, ErrorClass.MODERATED),
        ("[[result:503]]", JobState.FAILED, ErrorClass.UNAVAILABLE),
        ("[[result:no_output]]", JobState.FAILED, ErrorClass.MALFORMED_OUTPUT),
    ],
)
def test_a_webhook_of_a_failed_job_is_classed_like_its_poll(
    kit: Kit, inbox: Inbox, directive: str, state: JobState, error_class: ErrorClass
) -> None:
    submitted, (letter,) = delivered(kit, inbox, directive)
    told, polled = receive(kit, letter).status, kit.poll(submitted)
    assert told is not None
    assert told.error is not None
    assert polled.error is not None
    assert (told.state, told.error.error_class) == (state, error_class)
    assert (polled.state, polled.error.error_class) == (state, error_class)


def test_a_cancelled_job_tells_of_it_once_and_at_its_new_end(kit: Kit, inbox: Inbox) -> None:
    submitted = kit.submit(kit.job(webhook_url=f"{inbox.url}/hooks/run-1/"))
    kit.cancel(submitted)
    (letter,) = inbox.wait(1)
    event = receive(kit, letter)
    assert event.status is not None
    assert event.status.state is JobState.CANCELLED
    kit.emulator.advance(200)
    assert len(inbox.letters) == 1


def test_a_webhook_that_cannot_say_what_happened_leaves_it_to_a_poll(kit: Kit, inbox: Inbox) -> None:
    _, (letter,) = delivered(kit, inbox, "[[webhook:unserialised]]")
    assert receive(kit, letter).status is None


def test_a_webhook_under_another_name_carries_ours_as_well(kit: Kit, inbox: Inbox) -> None:
    submitted, (letter,) = delivered(kit, inbox, "[[webhook:gateway]]")
    assert receive(kit, letter).other_id == submitted.job_id


@pytest.mark.parametrize("kind", ["forged", "stale", "unsigned"])
def test_a_webhook_that_is_forged_stale_or_unsigned_is_rejected(kit: Kit, inbox: Inbox, kind: str) -> None:
    _, (letter,) = delivered(kit, inbox, f"[[webhook:{kind}]]")
    with pytest.raises(WebhookRejected):
        receive(kit, letter)


def test_a_webhook_with_one_changed_byte_is_rejected(kit: Kit, inbox: Inbox) -> None:
    _, (letter,) = delivered(kit, inbox)
    with pytest.raises(webhooks.SignatureMismatch):
        receive(kit, letter, body=letter.body + b" ")
