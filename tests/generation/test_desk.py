"""The take desk: what changes in place, what a poll gets, notes, the one primary action, the ways out."""

from __future__ import annotations

import re
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone

from billing import budgets
from generation import heroes, reviews, strips, takes
from projects import notes
from projects.access import MissingRight
from projects.models import Asset, Deliverable, Event, Rendition, Take, TakeNote
from projects.models.takes import TakeState
from projects.problems import Invalid
from tests.cast import Cast
from tests.generation.pages import only, signed_in, statuses, text
from tests.studio import finished

PART = {"HX-Request": "true", "HX-Request-Type": "partial"}


def desk(cast: Cast) -> str:
    return f"/w/studio/deliverables/{cast.deliverable.pk}/"


def made(cast: Cast, count: int = 1) -> list[Take]:
    round_ = takes.make(deliverable=cast.deliverable, by=cast.producer, count=count)
    return list(round_.takes.order_by("number"))


def selected(cast: Cast) -> Take:
    take = finished(made(cast)[0])
    reviews.review(take=take, decision="select", by=cast.producer)
    take.refresh_from_db()
    return take


def part(client: Client, address: str, **headers: str) -> Any:
    answer = client.get(address, headers=PART | headers)
    assert answer.status_code == 200
    return answer


def primaries(page: str) -> list[str]:
    """Primary buttons outside of dialogs."""
    open_ = re.sub(r"<dialog.*?</dialog>", "", page, flags=re.DOTALL)
    return re.findall(r'<button class="[^"]*button--primary[^>]*>(.*?)</button>', open_, flags=re.DOTALL)


def test_a_poll_gets_the_strip_alone_until_more_than_progress_has_changed(studio: Cast) -> None:
    (take,) = made(studio)
    client = signed_in(studio.producer)
    seen = re.search(r"seen=(\w+)", text(client, desk(studio)))
    assert seen
    address = f"{desk(studio)}?seen={seen[1]}"
    Take.objects.filter(pk=take.pk).update(progress=Decimal("0.5"))
    same = part(client, address)
    assert "HX-Retarget" not in same.headers
    assert 'id="desk-strip"' in same.content.decode()
    assert 'class="desk__head"' not in same.content.decode()
    finished(take)
    changed = part(client, address)
    assert changed.headers["HX-Retarget"] == "#desk"
    assert 'class="desk__head"' in changed.content.decode()


def test_a_page_that_is_restored_from_history_is_whole(studio: Cast) -> None:
    client = signed_in(studio.producer)
    whole = client.get(desk(studio), headers=PART | {"HX-Request-Type": "full"})
    assert "<!doctype html>" in whole.content.decode().lower()


def test_the_newest_that_ended_is_shown_until_a_take_is_named(studio: Cast) -> None:
    first, second, third = made(studio, 3)
    finished(first)
    Take.objects.filter(pk=second.pk).update(state=TakeState.FAILED, failure="It was refused.")
    Take.objects.filter(pk=third.pk).update(state=TakeState.CANCELLED)
    shown = strips.chosen(studio.deliverable, None)
    assert shown
    assert shown.number == second.number
    named = strips.chosen(studio.deliverable, "1")
    assert named
    assert named.number == 1
    page = text(signed_in(studio.producer), desk(studio))
    assert "It was refused." in page
    assert "Nothing was charged." in page
    assert "Make it again" in page


def test_a_failed_take_is_made_again_by_one_press(studio: Cast) -> None:
    (take,) = made(studio)
    Take.objects.filter(pk=take.pk).update(state=TakeState.FAILED)
    answer = signed_in(studio.producer).post(f"/w/studio/takes/{take.pk}/retry/")
    assert answer["Location"] == f"{desk(studio)}?take=2"
    assert Take.objects.get(number=2).request_hash == take.request_hash


def test_who_follows_the_newest_goes_on_following(studio: Cast) -> None:
    take = finished(made(studio)[0])
    client, address = signed_in(studio.producer), f"/w/studio/takes/{take.pk}/star/"
    following = {"HX-Current-URL": f"http://testserver{desk(studio)}"}
    pinned = {"HX-Current-URL": f"http://testserver{desk(studio)}?take=1&with=2"}
    assert client.post(address, headers=PART | following)["Location"] == desk(studio)
    assert client.post(address, headers=PART | pinned)["Location"] == f"{desk(studio)}?take=1&with=2"
    assert client.post(address)["Location"] == f"{desk(studio)}?take=1"


def test_a_refusal_is_said_in_its_place_and_changes_nothing(studio: Cast) -> None:
    take = selected(studio)
    reviews.review(take=take, decision="accept", by=studio.manager, as_is=True, note="Good as it is.")
    address = f"/w/studio/takes/{take.pk}/review/"
    answer = signed_in(studio.producer).post(
        address, {"decision": "reject", "reasons": "motion"}, headers=PART
    )
    assert (answer.status_code, answer.headers["HX-Retarget"]) == (409, "#desk-said")
    assert "Withdraw its sign-off" in answer.content.decode()
    take.refresh_from_db()
    assert take.mark == "accepted"


def test_make_and_run_next_puts_the_new_ones_before_ones_others(studio: Cast) -> None:
    (first,) = made(studio)
    body = {"prompt": "", "count": "2", "round_id": str(uuid.uuid4()), "next": "on"}
    signed_in(studio.producer).post(f"{desk(studio)}make/", body)
    order = Take.objects.order_by("position").values_list("number", flat=True)
    assert list(order) == [2, 3, first.number]


def test_the_price_comes_with_the_id_of_a_round_that_is_not_yet_made(studio: Cast) -> None:
    client, used = signed_in(studio.producer), str(uuid.uuid4())
    body = {"prompt": "", "count": "1", "round_id": used}
    fresh = text(client, f"{desk(studio)}quote/", **body)
    assert f'value="{used}"' in fresh
    client.post(f"{desk(studio)}make/", body)
    client.post(f"{desk(studio)}make/", body)
    assert Take.objects.count() == 1
    assert f'value="{used}"' not in text(client, f"{desk(studio)}quote/", **body)


def test_there_is_one_primary_button_whatever_comes_next(studio: Cast) -> None:
    client = signed_in(studio.producer)
    assert ["Make take" in one for one in primaries(text(client, desk(studio)))] == [True]
    selected(studio)
    assert ["Hero render" in one for one in primaries(text(client, desk(studio)))] == [True]
    quote = text(client, f"{desk(studio)}quote/", count="1", at="1")
    assert "button--primary" not in quote


def test_at_the_cap_there_are_two_ways_out_with_a_price(studio: Cast) -> None:
    Deliverable.objects.filter(pk=studio.deliverable.pk).update(cap=1)
    finished(made(studio)[0])
    client = signed_in(studio.producer)
    page = text(client, desk(studio))
    assert "1 of 1 takes are used" in page
    assert "limit--progress--full" in page
    assert len(primaries(page)) == 1
    assert "About €0.18" in text(client, f"{desk(studio)}quote/", more="3", reason="x")


def test_the_head_turns_amber_at_eighty_per_cent_of_a_budget(studio: Cast) -> None:
    finished(made(studio)[0])
    budgets.set_budget(
        scope="deliverable",
        target=studio.deliverable,
        window="none",
        limit=Decimal("0.07"),
        by=studio.manager,
    )
    assert "limit--progress--warn" in text(signed_in(studio.producer), desk(studio))


def test_a_note_knows_its_frame_and_is_never_edited(studio: Cast) -> None:
    take = finished(made(studio)[0])
    body = {"body": " The lamp is cold ", "frame": "37"}
    answer = signed_in(studio.producer).post(f"/w/studio/takes/{take.pk}/notes/", body)
    assert answer.status_code == 302
    note = TakeNote.objects.get()
    assert (note.body, note.frame, note.by) == ("The lamp is cold", 37, studio.producer.person)
    assert Event.objects.get(kind="take.noted").data == {"frame": 37}
    assert "1 s 13 f" in text(signed_in(studio.viewer), desk(studio))
    for change in (lambda: TakeNote.objects.update(body="warm"), lambda: TakeNote.objects.all().delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_who_may_write_notes_and_what_is_none(studio: Cast) -> None:
    take = finished(made(studio)[0])
    address = f"/w/studio/takes/{take.pk}/notes/"
    assert statuses(studio, address, method="post", body="x") == only(
        studio, "producer", "reviewer", "manager", status=302
    )
    assert TakeNote.objects.count() == 3
    with pytest.raises(MissingRight):
        notes.add(take=take, body="x", by=studio.viewer)
    for wrong in ({"body": " "}, {"body": "x" * 4001}, {"body": "x", "frame": -1}):
        with pytest.raises(Invalid):
            notes.add(take=take, by=studio.producer, **wrong)
    assert TakeNote.objects.count() == 3


def test_keys_of_the_strip_lead_where_they_say(studio: Cast) -> None:
    for take in made(studio, 3):
        finished(take)
    Take.objects.filter(number=1).update(mark="accepted")
    rows = strips.rows(studio.deliverable, current=2, beside=None, slug="studio")
    found = {move.key: move.href for move in strips.moves(rows, current=2, beside=None, base=desk(studio))}
    assert found == {
        "a": f"{desk(studio)}?take=1",
        "d": f"{desk(studio)}?take=3",
        "r": desk(studio),
        "e": f"{desk(studio)}?take=1",
        "h": "",
        "m": f"{desk(studio)}?take=2&with=1",
    }


def test_the_drawer_tells_of_others_who_and_tier_but_not_the_prompt(studio: Cast) -> None:
    takes.make(deliverable=studio.deliverable, by=studio.reviewer, prompt="A secret bicycle")
    headers = PART | {"HX-Target": "div#queue-drawer-body"}
    answer = signed_in(studio.producer).get("/w/studio/queue/?whose=all", headers=headers)
    page = answer.content.decode()
    assert "Reviewer" in page
    assert "A secret bicycle" not in page
    assert "<!doctype" not in page.lower()


def test_a_switch_of_model_says_its_price_and_asks_before_it_spends(studio: Cast) -> None:
    client = signed_in(studio.producer)
    Deliverable.objects.filter(pk=studio.deliverable.pk).update(cap=1)
    take = finished(made(studio)[0])
    reviews.review(take=take, decision="reject", reasons=["motion"], note="The fog jumps", by=studio.producer)
    page = text(client, desk(studio))
    button = re.search(r'<button[^>]*name="switch"[^>]*>.*?</button>', page, flags=re.DOTALL)
    assert button
    assert re.search(r"Switch to cinematic · about €\d+\.\d\d</button>", button[0])
    assert "data-confirm=" in button[0]
    assert "Motion: The fog jumps" in page
    criterion = re.search(r'name="switch" value="([\w-]+)"', button[0])
    assert criterion
    takes.make(deliverable=studio.deliverable, by=studio.producer, switch=criterion[1])
    assert re.search(r"takes 2 of 1, \d+ more allowed by the switch", text(client, desk(studio)))


def test_more_at_once_than_are_left_offers_what_is_left_with_its_price(studio: Cast) -> None:
    Deliverable.objects.filter(pk=studio.deliverable.pk).update(cap=2)
    page = text(signed_in(studio.producer), f"{desk(studio)}quote/", count="9")
    assert "2 of 2 takes are left" in page
    assert "Make 2 takes · about €0.12" in page
    assert "Ask for more takes" in page


def test_an_open_desk_asks_slowly_while_a_manager_decides(studio: Cast) -> None:
    take, client = selected(studio), signed_in(studio.producer)
    assert "every" not in re.findall(r'<section class="desk__strip"[^>]*>', text(client, desk(studio)))[0]
    row = heroes.request(take=take, by=studio.producer)
    page = text(client, desk(studio))
    seen = re.search(r'seen=(\w+)" hx-trigger="every 10s"', page)
    assert seen
    poll = f"{desk(studio)}?seen={seen[1]}"
    assert "HX-Retarget" not in part(client, poll).headers
    heroes.decline(hero_request=row, note="Slower", by=studio.manager)
    assert part(client, poll).headers["HX-Retarget"] == "#desk"


def test_the_desk_asks_again_until_the_still_of_a_film_is_drawn(studio: Cast) -> None:
    take, client = finished(made(studio)[0]), signed_in(studio.producer)
    film = Asset.objects.create(
        workspace=studio.workspace,
        kind="video",
        sha256="0" * 64,
        size_bytes=1,
        media_type="video/mp4",
        name="f",
    )
    Take.objects.filter(pk=take.pk).update(poster=film)
    page = text(client, desk(studio))
    assert "thumbnail/?early" in page
    seen = re.search(r'seen=(\w+)" hx-trigger="every 4s"', page)
    assert seen
    Rendition.objects.create(
        asset=film,
        kind="thumbnail",
        media_type="image/webp",
        width=8,
        height=8,
        size_bytes=1,
        name="x",
    )
    answer = part(client, f"{desk(studio)}?seen={seen[1]}")
    assert answer.headers["HX-Retarget"] == "#desk"
    assert "early" not in answer.content.decode()
    Rendition.objects.all().delete()
    Take.objects.update(ended_at=timezone.now() - strips.DRAWN_WITHIN)
    assert "every" not in re.findall(r'<section class="desk__strip"[^>]*>', text(client, desk(studio)))[0]
