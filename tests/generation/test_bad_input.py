"""What no page sends, and what is sent twice: a clear answer each time, and nothing that was not meant."""

from __future__ import annotations

import errno
import io
import threading
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from PIL import Image

from billing.models import Entry
from generation import batches, caps, heroes, invitations, reviews, takes
from projects import notices
from projects.models import Batch, Deliverable, Event, HeroRequest, Round, Take
from projects.models.takes import TakeState
from projects.problems import Refused
from tests import factories
from tests.cast import Cast
from tests.generation.pages import signed_in
from tests.studio import finished

MANY_DIGITS = "9" * 5000
NUL = "a\x00b"


def picture(colour: str = "red") -> SimpleUploadedFile:
    data = io.BytesIO()
    Image.new("RGB", (64, 36), colour).save(data, "PNG")
    return SimpleUploadedFile("picture.png", data.getvalue(), "image/png")


@pytest.fixture
def page(studio: Cast) -> Client:
    client = signed_in(studio.manager)
    client.raise_request_exception = False
    return client


def desk(cast: Cast) -> str:
    return f"/w/studio/deliverables/{cast.deliverable.pk}/"


@pytest.mark.parametrize(
    "address",
    [
        "search/?q=%00",
        "month/2026-10/entries/?by=campaign&key=%00",
        "month/2026-10/deliverables/?by=category&key=%00",
        "settings/templates/publish/?from=%00",
        "projects/%00/x/",
    ],
)
def test_text_that_the_database_cannot_hold_is_a_bad_request(page: Client, address: str) -> None:
    assert page.get(f"/w/studio/{address}").status_code == 400


def test_the_same_in_what_a_form_sends_changes_nothing(page: Client, studio: Cast) -> None:
    assert page.post(f"{desk(studio)}drop/", {"reason": NUL}).status_code == 400
    assert Event.objects.filter(kind="deliverable.written_off").count() == 0
    studio.deliverable.refresh_from_db()
    assert studio.deliverable.state == "open"


@pytest.mark.parametrize(
    "address",
    [
        "activity/?before=",
        "month/2026-10/deliverables/?page=",
        "month/2026-10/entries/?page=",
        "routing/propose/?from=",
    ],
)
def test_a_number_with_thousands_of_digits_is_none(page: Client, address: str) -> None:
    assert page.get(f"/w/studio/{address}{MANY_DIGITS}").status_code == 200


@pytest.mark.parametrize("query", ["take=", "with=", "recall=all&take="])
def test_the_desk_shows_no_take_for_such_a_number(page: Client, studio: Cast, query: str) -> None:
    assert page.get(f"{desk(studio)}?{query}{MANY_DIGITS}").status_code == 200


@pytest.mark.parametrize("query", ["round_id=x", "recalled=-1", "recalled=77", f"at={MANY_DIGITS}"])
def test_a_price_is_answered_whatever_the_form_has(page: Client, studio: Cast, query: str) -> None:
    assert page.get(f"{desk(studio)}quote/?count=1&{query}").status_code == 200


def test_an_address_that_is_none_leads_back_to_the_take(page: Client, studio: Cast) -> None:
    take = finished(takes.make(deliverable=studio.deliverable, by=studio.manager).takes.get())
    answer = page.post(f"/w/studio/takes/{take.pk}/star/", headers={"HX-Current-URL": "http://["})
    assert (answer.status_code, answer["Location"]) == (302, f"{desk(studio)}?take=1")


@pytest.mark.parametrize("variables", ['{"a":' * 5000, '{"a": "\\u0000"}', '{"a": "\\ud800"}', "{9" * 9])
def test_variables_that_cannot_be_kept_are_refused(page: Client, studio: Cast, variables: str) -> None:
    body = {"name": "New", "brief": "Fog", "category": studio.deliverable.category_id, "variables": variables}
    answer = page.post("/w/studio/projects/acme/autumn/deliverables/new/", body)
    assert answer.status_code == 422
    assert not Deliverable.objects.filter(name="New").exists()


@pytest.mark.parametrize("document", ["[" * 100_000, '{"a":' + MANY_DIGITS + "}", '{"name": "\\ud800"}'])
def test_a_table_that_cannot_be_kept_is_refused(page: Client, document: str) -> None:
    answer = page.post("/w/studio/routing/propose/", {"document": document, "reason": "Try"})
    assert answer.status_code == 422


def test_a_reason_has_an_end(page: Client, studio: Cast) -> None:
    assert page.post(f"{desk(studio)}drop/", {"reason": "n" * 5000}).status_code == 422


def test_a_full_disk_is_said_in_plain_words(
    page: Client, studio: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("generation.media.store.os.fsync", full)
    body = {"phase": "draft", "made_with": "Blender", "amount": "2", "file": picture()}
    answer = page.post(f"{desk(studio)}upload/", body)
    assert answer.status_code == 507
    assert "There is no room left for media; nothing was kept." in answer.content.decode()
    assert "Errno" not in answer.content.decode()
    assert (Take.objects.count(), Entry.objects.count()) == (0, 0)


# --- sent twice -----------------------------------------------------------------------------------


def test_making_it_again_twice_makes_one(page: Client, studio: Cast) -> None:
    take = takes.make(deliverable=studio.deliverable, by=studio.manager).takes.get()
    Take.objects.filter(pk=take.pk).update(state=TakeState.FAILED)
    shown = page.get(desk(studio)).context["retry_round"]
    said = [page.post(f"/w/studio/takes/{take.pk}/retry/", {"round_id": shown}) for _ in range(3)]
    assert {answer["Location"] for answer in said} == {f"{desk(studio)}?take=2"}
    assert Take.objects.count() == 2


def test_an_upload_sent_twice_is_kept_and_charged_once(page: Client, studio: Cast) -> None:
    given = uuid.uuid4()

    def send(colour: str) -> Any:
        body = {"phase": "draft", "made_with": "Blender", "amount": "2", "round_id": given}
        return page.post(f"{desk(studio)}upload/", {**body, "file": picture(colour)})

    assert {send("red")["Location"], send("red")["Location"]} == {f"{desk(studio)}?take=1"}
    assert (Take.objects.count(), Entry.objects.get().amount) == (1, Decimal(2))
    assert send("blue").status_code == 409, "another file with the form of the first is not lost in silence"
    assert Take.objects.count() == 1


def test_an_id_that_stands_for_another_round_or_batch_is_refused(studio: Cast) -> None:
    other = factories.deliverable(
        studio.campaign, "other", category=studio.concept_sketch, format=studio.format
    )
    given = takes.make(deliverable=studio.deliverable, by=studio.manager).pk
    with pytest.raises(Refused, match="sent already"):
        takes.make(deliverable=other, by=studio.manager, round_id=given)
    batch = batches.make(deliverables=[other], count=1, by=studio.manager)
    elsewhere = factories.workspace()
    Round.objects.filter(batch=batch).update(batch=None)
    Batch.objects.filter(pk=batch.pk).update(workspace=elsewhere)
    with pytest.raises(Refused, match="sent already"):
        batches.make(deliverables=[other], count=1, by=studio.manager, batch_id=batch.pk)
    assert Take.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_many_clicks_at_once_make_one_batch(studio: Cast) -> None:
    rows = [studio.deliverable]
    given, gate = uuid.uuid4(), threading.Barrier(4)
    found: list[Any] = []

    def click() -> None:
        gate.wait()
        try:
            found.append(batches.make(deliverables=rows, count=1, by=studio.manager, batch_id=given).pk)
        except Exception as error:
            found.append(error)
        finally:
            connection.close()

    clicks = [threading.Thread(target=click) for _ in range(4)]
    for thread in clicks:
        thread.start()
    for thread in clicks:
        thread.join()
    assert found == [given] * 4
    assert Take.objects.count() == 1


# --- what others then get -------------------------------------------------------------------------


def test_a_name_of_several_lines_keeps_nobodys_mail_back(studio: Cast) -> None:
    Deliverable.objects.filter(pk=studio.deliverable.pk).update(name="Poster\r\nBcc: other@example.com")
    studio.deliverable.refresh_from_db()
    caps.request(deliverable=studio.deliverable, more=2, reason="More fog", by=studio.producer)
    assert notices.mail_waiting() >= 1
    assert "of Poster Bcc: other@example.com" in mail.outbox[0].subject
    assert all(len(one.recipients()) == 1 for one in mail.outbox)


def test_nor_does_a_name_of_several_lines_spoil_an_invitation(studio: Cast) -> None:
    studio.admin.person.name = "Ana\nBcc: other@example.com"
    invitations.invite(email="new@example.com", roles=["viewer"], by=studio.admin)
    assert mail.outbox[-1].subject.startswith("Ana Bcc: other@example.com invites you to")
    assert mail.outbox[-1].recipients() == ["new@example.com"]


def test_hero_requests_are_listed_although_no_quote_was_kept(studio: Cast) -> None:
    from tests.generation.api.conftest import caller

    take = finished(takes.make(deliverable=studio.deliverable, by=studio.producer).takes.get())
    reviews.review(take=take, decision="select", by=studio.producer)
    take.refresh_from_db()
    heroes.request(take=take, by=studio.producer)
    api = caller(studio.manager)
    assert api.get("hero-requests/").json()["results"][0]["quote"]["currency"]
    HeroRequest.objects.update(quote={})
    assert api.get("hero-requests/").json()["results"][0]["quote"] is None


def test_a_body_that_is_too_large_is_413(studio: Cast, settings: Any) -> None:
    from tests.generation.api.conftest import caller, problem

    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    problem(caller(studio.manager).post("quotes/", {"prompt": "x" * 2000}), 413)
