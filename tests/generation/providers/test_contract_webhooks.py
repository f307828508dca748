"""Webhooks: what vouches for them, and that they tell no more and no less than a poll."""

from __future__ import annotations

import pytest

from generation.providers import webhooks
from generation.providers.protocol import JobState, Submitted, WebhookRejected
from tests.emulators.inbox import Inbox, Letter
from tests.generation.providers import cases
from tests.generation.providers.cases import Case
from tests.generation.providers.declared import Failure
from tests.generation.providers.kit import Kit
from tests.generation.providers.test_contract_errors import directive


def delivered(
    kit: Kit, inbox: Inbox, directives: str = "", *, count: int = 1
) -> tuple[Submitted, list[Letter]]:
    submitted = kit.submit(kit.job(directives, webhook_url=f"{inbox.url}/hooks/run-1/"))
    kit.emulator.advance(200)
    return submitted, inbox.wait(count)


@cases.of(cases.vouched)
def test_a_webhook_names_its_job_at_the_address_that_we_gave(kit: Kit, inbox: Inbox, case: Case) -> None:
    submitted, (letter,) = delivered(kit, inbox)
    assert (letter.path, kit.receive(letter).job_id) == ("/hooks/run-1/", submitted.job_id)


@cases.of(cases.telling("tells", "what a poll tells"))
def test_a_webhook_tells_what_a_poll_would_have_told(kit: Kit, inbox: Inbox, case: Case) -> None:
    submitted, (letter,) = delivered(kit, inbox)
    event, polled = kit.receive(letter), kit.poll(submitted)
    assert event.status is not None
    assert (event.status.state, event.status.outputs, event.status.seed) == (
        polled.state,
        polled.outputs,
        polled.seed,
    )


@cases.of(cases.with_webhooks("before the answer to the submit"))
def test_a_webhook_that_comes_before_the_answer_to_the_submit_names_the_same_job(
    kit: Kit, inbox: Inbox, case: Case
) -> None:
    submitted = kit.submit(kit.job("[[webhook:before]]", webhook_url=f"{inbox.url}/early/"))
    (letter,) = inbox.letters  # it was there before submit returned
    event = kit.receive(letter)
    assert event.job_id == submitted.job_id
    if kit.declared.webhook_tells:
        assert event.status is not None
        assert event.status.state is JobState.SUCCEEDED


@cases.of(cases.with_webhooks("twice", "the same twice"))
def test_a_webhook_that_comes_twice_says_the_same_twice(kit: Kit, inbox: Inbox, case: Case) -> None:
    _, (first, second) = delivered(kit, inbox, "[[webhook:twice]]", count=2)
    assert kit.receive(first) == kit.receive(second)


@cases.of(cases.with_webhooks("late", "still valid"))
def test_a_late_webhook_is_still_valid(kit: Kit, inbox: Inbox, case: Case) -> None:
    submitted, _ = delivered(kit, inbox, "[[webhook_delay:900]]", count=0)
    assert kit.poll(submitted).state is JobState.SUCCEEDED
    assert inbox.letters == []
    kit.emulator.advance(900)
    (letter,) = inbox.wait(1)
    assert kit.receive(letter).job_id == submitted.job_id


@cases.of(cases.webhook_failures)
def test_a_webhook_of_a_failed_job_is_classed_like_its_poll(kit: Kit, inbox: Inbox, case: Case) -> None:
    failure: Failure = case.given
    submitted, (letter,) = delivered(kit, inbox, directive(failure.result))
    told, polled = kit.receive(letter).status, kit.poll(submitted)
    state = JobState.BLOCKED if failure.error_class == "moderated" else JobState.FAILED
    assert told is not None
    assert told.error is not None
    assert polled.error is not None
    assert (told.state, told.error.error_class) == (state, failure.error_class)
    assert (polled.state, polled.error.error_class) == (state, failure.error_class)


@cases.of(cases.when(lambda subject: subject.declared.webhook_cancelled, "of a cancelled job", "once"))
def test_a_cancelled_job_tells_of_it_once_and_at_its_new_end(kit: Kit, inbox: Inbox, case: Case) -> None:
    submitted = kit.submit(kit.job(webhook_url=f"{inbox.url}/hooks/run-1/"))
    kit.cancel(submitted)
    (letter,) = inbox.wait(1)
    event = kit.receive(letter)
    assert event.job_id == submitted.job_id
    if kit.declared.webhook_tells:
        assert event.status is not None
        assert event.status.state is JobState.CANCELLED
    kit.emulator.advance(200)
    assert len(inbox.letters) == 1


@cases.of(cases.when(lambda one: one.declared.webhook_unreadable, "without its payload", "a poll tells"))
def test_a_webhook_that_cannot_say_what_happened_leaves_it_to_a_poll(
    kit: Kit, inbox: Inbox, case: Case
) -> None:
    _, (letter,) = delivered(kit, inbox, "[[webhook:unserialised]]")
    assert kit.receive(letter).status is None


@cases.of(cases.when(lambda one: one.declared.webhook_other_name, "under another name", "carries ours too"))
def test_a_webhook_under_another_name_carries_ours_as_well(kit: Kit, inbox: Inbox, case: Case) -> None:
    submitted, (letter,) = delivered(kit, inbox, "[[webhook:gateway]]")
    assert kit.receive(letter).other_id == submitted.job_id


@cases.of(cases.forgeries)
def test_a_webhook_that_is_forged_stale_or_unsigned_is_rejected(kit: Kit, inbox: Inbox, case: Case) -> None:
    _, (letter,) = delivered(kit, inbox, f"[[webhook:{case.given}]]")
    with pytest.raises(WebhookRejected):
        kit.receive(letter)


@cases.of(cases.when(cases.sealed, "one byte changed", "rejected"))
def test_a_webhook_with_one_changed_byte_is_rejected(kit: Kit, inbox: Inbox, case: Case) -> None:
    _, (letter,) = delivered(kit, inbox)
    with pytest.raises(webhooks.SignatureMismatch):
        kit.receive(letter, body=letter.body + b" ")


@cases.of(cases.when(cases.signed, "after a change of keys or secret", "the old one until it ends"))
def test_what_the_provider_signs_anew_is_accepted_while_both_hold(kit: Kit, inbox: Inbox, case: Case) -> None:
    submitted, (letter,) = delivered(kit, inbox)
    assert kit.receive(letter).job_id == submitted.job_id
    kit.served.hooks.rotate(keep=True)
    kit.emulator.advance(61)
    again, letters = delivered(kit, inbox, count=2)
    assert kit.receive(letters[1]).job_id == again.job_id


@cases.of(cases.when(cases.unsigned, "tells", "that a poll is due"))
def test_an_unsigned_webhook_says_no_more_than_that_a_poll_is_due(kit: Kit, inbox: Inbox, case: Case) -> None:
    submitted, (letter,) = delivered(kit, inbox)
    event = kit.receive(letter)
    assert (event.job_id, event.status) == (submitted.job_id, None)


@cases.of(cases.with_webhooks("what cannot be read", "rejected"))
def test_a_message_that_cannot_be_read_is_rejected(kit: Kit, inbox: Inbox, case: Case) -> None:
    _, (letter,) = delivered(kit, inbox)
    with pytest.raises(WebhookRejected):
        kit.receive(letter, body=b"[]")
