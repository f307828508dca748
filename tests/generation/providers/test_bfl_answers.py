"""What BFL's results say of their end and cost, its rate limits, and its webhooks, signed or not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import pytest

from generation.providers import bfl, bfl_answers
from generation.providers.protocol import (
    ErrorClass,
    JobState,
    ProviderError,
    Status,
    Submitted,
    WebhookRejected,
)
from tests.emulators.inbox import Inbox
from tests.emulators.server import Running
from tests.generation.providers.kit import Kit
from tests.generation.providers.kits import bfl as bfl_kit
from tests.generation.providers.test_contract_webhooks import delivered


@pytest.fixture
def kit(emulator: Running) -> Kit:
    return bfl_kit.make(emulator)


def told(submitted: float | None = 3, **result: Any) -> Status:
    return bfl_answers.status(result, states=bfl.sheet.document["states"], cost=submitted)


@pytest.mark.parametrize(
    ("own", "submitted", "charge"), [(4.5, 3, "0.045"), (None, 3, "0.03"), (0, 3, "0"), (None, None, None)]
)
def test_a_success_is_charged_by_its_own_word_and_else_by_the_submit_s(
    own: float | None, submitted: float | None, charge: str | None
) -> None:
    status = told(submitted, status="Ready", cost=own, result={"sample": "https://x.bfl.ai/1.png"})
    assert status.charge == (charge and Decimal(charge))


@pytest.mark.parametrize(("cost", "charged"), [(3, True), (0, False), (None, None)])
def test_what_was_moderated_is_charged_only_where_the_result_says_so(
    cost: float | None, charged: bool | None
) -> None:
    status = told(status="Request Moderated", cost=cost, details={"Moderation Reasons": ["faces"]})
    assert status.error is not None
    assert (status.state, status.error.charged) == (JobState.BLOCKED, charged)
    assert "faces" in status.error.detail


def test_a_state_that_nobody_knows_is_never_a_success() -> None:
    with pytest.raises(ProviderError, match="Archived"):
        told(status="Archived", result={"sample": "https://x.bfl.ai/1.png"})


@pytest.mark.parametrize(("progress", "share"), [(0.5, "0.5"), (50, "0.5"), (None, None), ("half", None)])
def test_progress_is_a_share_whichever_way_it_is_counted(progress: Any, share: str | None) -> None:
    assert told(status="Pending", progress=progress).progress == (share and Decimal(share))


def test_a_rate_limit_is_waited_out_by_header_or_body() -> None:
    def wait(headers: dict[str, str], **body: Any) -> float | None:
        return bfl_answers.error(httpx.Response(429, headers=headers, json=body)).retry_after_seconds

    assert wait({"retry-after": "9"}, retry_after=4) == 9
    assert wait({}, retry_after=4) == 4
    assert wait({}) is None


def test_a_refused_body_names_the_parameter() -> None:
    body = {"detail": [{"loc": ["body", "width"], "msg": "too small", "type": "value_error"}]}
    error = bfl_answers.error(httpx.Response(422, json=body))
    assert (error.error_class, error.detail) == (ErrorClass.BAD_REQUEST, "BFL answered 422: width: too small")


# -- webhooks -------------------------------------------------------------------------------------


def test_a_signature_that_comes_is_checked_with_the_job_s_own_secret(kit: Kit, inbox: Inbox) -> None:
    submitted, (letter,) = delivered(kit, inbox)
    assert letter.headers["X-BFL-Signature"].startswith("sha256=")
    assert kit.receive(letter).job_id == submitted.job_id
    with pytest.raises(WebhookRejected):
        kit.receive(letter, token="run-2")
    with pytest.raises(WebhookRejected):
        kit.receive(letter, body=letter.body + b" ")


def test_a_forged_signature_is_rejected(kit: Kit, inbox: Inbox) -> None:
    _, (letter,) = delivered(kit, inbox, "[[webhook:forged]]")
    with pytest.raises(WebhookRejected):
        kit.receive(letter)


def test_a_message_without_a_signature_is_a_reason_to_poll_and_no_more(kit: Kit, inbox: Inbox) -> None:
    submitted, (letter,) = delivered(kit, inbox, "[[webhook:unsigned]]")
    event = kit.receive(letter)
    assert (event.job_id, event.status) == (submitted.job_id, None)


def test_an_id_is_part_of_a_query_and_never_of_an_address(kit: Kit) -> None:
    assert kit.poll(Submitted("../credits", {})).state is JobState.LOST
