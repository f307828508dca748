"""The Idempotency-Key: what spends happens once, whoever asks again and whatever died in between."""

from __future__ import annotations

import datetime
import io
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from PIL import Image

from billing import budgets
from billing.models import Entry, Hold
from generation.api import idempotency
from projects.models import IdempotencyRecord, Round, Take
from tests import factories
from tests.billing import races
from tests.cast import Cast, make_cast
from tests.generation.api.conftest import Call, Caller, caller, furnished, problem
from tests.generation.api.rows import everything

TAKES = "deliverables/acme/autumn/opening/takes/"


def png(colour: str = "red") -> io.BytesIO:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(file, "PNG")
    file.seek(0)
    file.name = "retouch.png"
    return file


def test_the_same_key_and_body_give_the_same_answer_and_one_round(as_: Call) -> None:
    first = as_("producer").post(TAKES, {"count": 2}, key="k")
    again = as_("producer").post(TAKES, {"count": 2}, key="k")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again["Idempotency-Replayed"] == "true"
    assert (Round.objects.count(), Take.objects.count()) == (1, 2)


def test_the_order_of_names_in_the_body_makes_no_difference(as_: Call) -> None:
    first = as_("producer").post(TAKES, {"count": 1, "seed": 7}, key="k")
    assert as_("producer").post(TAKES, {"seed": 7, "count": 1}, key="k").content == first.content


@pytest.mark.parametrize(
    ("path", "body"),
    [(TAKES, {"count": 1}), ("batches/", {"deliverables": ["acme/autumn/opening"], "count": 2})],
)
def test_the_same_key_with_another_body_or_address_is_409(as_: Call, path: str, body: dict[str, Any]) -> None:
    as_("producer").post(TAKES, {"count": 2}, key="k")
    refused = as_("producer").post(path, body, key="k")
    assert "another body" in problem(refused, 409)["detail"]
    assert 29 * 86400 < int(refused["Retry-After"]) <= 30 * 86400
    assert Take.objects.count() == 2


def test_the_same_body_to_another_address_is_another_request(studio: Cast, as_: Call) -> None:
    other = factories.deliverable(studio.campaign, "second", category=studio.brand_film, format=studio.format)
    as_("producer").post(TAKES, {"count": 1}, key="k")
    path = "deliverables/acme/autumn/second/takes/"
    problem(as_("producer").post(path, {"count": 1}, key="k"), 409)
    assert Take.objects.filter(deliverable=other).count() == 0
    assert as_("producer").post(path, {"count": 1}, key="another").status_code == 201


@pytest.mark.parametrize("path", [TAKES, "batches/"])
def test_a_post_that_spends_without_a_key_is_400_and_spends_nothing(as_: Call, path: str) -> None:
    body = {"deliverables": ["acme/autumn/opening"], "count": 1}
    found = problem(as_("producer").post(path, body, key=None), 400)
    assert found["title"] == "An Idempotency-Key is needed"
    assert (Take.objects.count(), IdempotencyRecord.objects.count()) == (0, 0)


@pytest.mark.parametrize("key", ["x" * 256, "tab\there", "  "])
def test_a_key_that_is_none_is_400(as_: Call, key: str) -> None:
    problem(as_("producer").post(TAKES, {}, key=key), 400)
    assert Take.objects.count() == 0


def test_an_approval_needs_a_key_and_a_decline_does_not(studio: Cast, as_: Call) -> None:
    hero = everything(studio).hero
    path = f"hero-requests/{hero.pk}/decisions/"
    problem(as_("manager").post(path, {"decision": "approve"}, key=None), 400)
    declined = as_("manager").post(path, {"decision": "decline", "note": "Warmer light"}, key=None)
    assert (declined.status_code, declined.json()["state"]) == (200, "declined")


def test_an_upload_is_told_apart_by_the_bytes_of_its_file(as_: Call) -> None:
    path, said = f"{TAKES}upload/", {"phase": "draft", "made_with": "Retouch", "amount": "5"}
    first = as_("producer").send(path, {**said, "file": png()}, key="k")
    again = as_("producer").send(path, {**said, "file": png()}, key="k")
    assert (first.status_code, again.content) == (201, first.content)
    problem(as_("producer").send(path, {**said, "file": png("blue")}, key="k"), 409)
    assert [entry.amount for entry in Entry.objects.all()] == [Decimal(5)]


def test_a_refusal_is_not_stored_and_its_key_may_be_used_again(studio: Cast, as_: Call) -> None:
    tight = budgets.set_budget(scope="workspace", limit=Decimal("0.01"), window="month", by=studio.finance)
    assert as_("producer").post(TAKES, {"count": 1}, key="k").status_code == 402
    assert IdempotencyRecord.objects.count() == 0
    budgets.change_limit(budget=tight, limit=Decimal(10), by=studio.finance)
    assert as_("producer").post(TAKES, {"count": 2}, key="k").status_code == 201


def test_a_void_that_an_approval_finds_is_kept_although_the_approval_is_refused(
    studio: Cast, as_: Call
) -> None:
    hero = everything(studio).hero
    studio.campaign.palette = ["#ff0000"]
    studio.campaign.save(update_fields=["palette"])
    refused = as_("manager").post(f"hero-requests/{hero.pk}/decisions/", {"decision": "approve"})
    assert "has changed" in problem(refused, 409)["detail"]
    hero.refresh_from_db()
    assert hero.state == "void"
    assert Take.objects.filter(phase="hero").count() == 0


def test_a_request_that_died_midway_leaves_nothing_and_may_be_sent_again(as_: Call) -> None:
    """What stays of a process that died: the key's row, without an answer and without a lock."""
    IdempotencyRecord.objects.create(membership=as_("producer").membership, key="k", fingerprint="")
    assert as_("producer").post(TAKES, {"count": 1}, key="k").status_code == 201
    assert as_("producer").post(TAKES, {"count": 1}, key="k")["Idempotency-Replayed"] == "true"


def test_work_that_broke_its_transaction_is_told_as_it_broke(as_: Call) -> None:
    """Nothing can be written in a transaction that is lost: the key's row stays as it was, and is free."""
    record = IdempotencyRecord.objects.create(membership=as_("producer").membership, key="k", fingerprint="")

    def breaks() -> Any:
        transaction.set_rollback(True)
        raise ValueError("lost")

    with pytest.raises(ValueError, match="lost"):
        idempotency._carried_out(record, "mark", breaks)
    record.refresh_from_db()
    assert (record.status, record.fingerprint) == (None, "")


def test_after_thirty_days_a_key_is_fresh(as_: Call) -> None:
    as_("producer").post(TAKES, {"count": 1}, key="k")
    old = timezone.now() - datetime.timedelta(days=30, minutes=1)
    IdempotencyRecord.objects.update(started_at=old)
    assert as_("producer").post(TAKES, {"count": 2}, key="k").json()["round"] == 2


def test_what_was_carried_out_anew_is_kept_for_thirty_days_of_its_own(as_: Call) -> None:
    as_("producer").post(TAKES, {"count": 1}, key="k")
    old = timezone.now() - datetime.timedelta(days=30, minutes=1)
    IdempotencyRecord.objects.update(started_at=old)
    anew = as_("producer").post(TAKES, {"count": 1}, key="k")
    again = as_("producer").post(TAKES, {"count": 1}, key="k")
    assert (again.content, again["Idempotency-Replayed"]) == (anew.content, "true")
    assert Take.objects.count() == 2


def test_answers_older_than_thirty_days_are_forgotten(as_: Call) -> None:
    for key in ("old", "new"):
        as_("producer").post(TAKES, {"count": 1}, key=key)
    now = timezone.now()
    IdempotencyRecord.objects.filter(key="old").update(started_at=now - datetime.timedelta(days=31))
    assert idempotency.forget_old(now=now) == 1
    assert IdempotencyRecord.objects.get().key == "new"


def test_keys_are_each_member_s_own(as_: Call) -> None:
    as_("producer").post(TAKES, {"count": 1}, key="k")
    assert "Idempotency-Replayed" not in as_("reviewer").post(TAKES, {"count": 1}, key="k")
    assert Take.objects.count() == 2


@pytest.fixture
def committed_caller(committed: None) -> Caller:
    return caller(furnished(make_cast()).producer)


def test_of_twelve_processes_with_one_key_one_makes_takes(committed_caller: Caller) -> None:
    def ask(_: int) -> tuple[int, bytes]:
        response = committed_caller.post(TAKES, {"count": 1}, key="one")
        return response.status_code, response.content

    answers = races.in_processes(ask, range(12))
    statuses = {status for status, _ in answers}
    assert statuses <= {201, 409}
    assert len({content for status, content in answers if status == 201}) == 1
    assert (Take.objects.count(), IdempotencyRecord.objects.count()) == (1, 1)
    assert Hold.objects.count() == 2


def test_while_the_first_is_carried_out_the_second_is_409_and_told_when_to_come_back(
    committed_caller: Caller,
) -> None:
    def lock_the_key() -> None:
        IdempotencyRecord.objects.create(membership=committed_caller.membership, key="k", fingerprint="")

    lock_the_key()
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT FROM projects_idempotencyrecord FOR UPDATE")
        second = races.Background(lambda: committed_caller.post(TAKES, {"count": 1}, key="k")).result()
        cursor.execute("ROLLBACK")
    assert problem(second, 409)["detail"] == "The first request with this key is still being carried out."
    assert second["Retry-After"] == "1"
    assert Take.objects.count() == 0
    assert committed_caller.post(TAKES, {"count": 1}, key="k").status_code == 201
