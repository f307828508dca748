"""Hero requests: what is written with each decision, who is told, and who may not."""

from __future__ import annotations

import datetime
import io
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from PIL import Image

from billing.models import Hold, HoldOutcome
from generation import caps, hero_voids, heroes, reviews, strips, sweep, takes
from generation.models import Run
from generation.models.runs import Lane, RunState
from projects.access import MissingRight
from projects.models import (
    Deliverable,
    Event,
    HeroDecision,
    HeroRequest,
    Membership,
    Notice,
    Take,
)
from projects.models.takes import TakeState
from projects.problems import Refused
from tests import factories
from tests.cast import Cast
from tests.generation.api.conftest import caller
from tests.generation.pages import signed_in, text
from tests.studio import finished


def rows() -> list[Any]:
    tables: tuple[Any, ...] = (HeroRequest, HeroDecision, Take, Run, Hold, HoldOutcome, Event, Notice)
    return [sorted(map(str, table.objects.values_list())) for table in tables]


def decided(hero_request: HeroRequest) -> list[tuple[Any, ...]]:
    found = HeroDecision.objects.filter(hero_request=hero_request).order_by("at", "pk")
    return [(row.decision, row.by, row.amount) for row in found]


def told(member: Membership) -> list[str]:
    found = Notice.objects.filter(membership=member, kind="request_decided").order_by("pk")
    return [row.title for row in found]


def test_an_approval_records_its_amount_its_approver_and_tells_who_asked(
    asked: HeroRequest, studio: Cast
) -> None:
    heroes.approve(hero_request=asked, by=studio.manager, note=" Good ")
    assert decided(asked) == [("approve", studio.manager.person, Decimal("1.41000000"))]
    assert HeroDecision.objects.get().note == "Good"
    assert told(studio.producer) == ["Your hero request for Opening was approved by Manager"]
    assert Event.objects.get(kind="hero.approved").person == studio.manager.person


def test_a_decline_records_its_note_and_tells_who_asked(asked: HeroRequest, studio: Cast) -> None:
    heroes.decline(hero_request=asked, by=studio.manager, note="Too blue")
    assert decided(asked) == [("decline", studio.manager.person, None)]
    assert told(studio.producer) == ["Your hero request for Opening was declined by Manager"]
    assert Event.objects.filter(kind="hero.declined").count() == 1
    studio.deliverable.refresh_from_db()
    assert studio.deliverable.board_column == "choosing"


def test_an_undo_is_a_decision_of_its_own_and_leaves_nothing_to_do(
    asked: HeroRequest, studio: Cast, settings: Any
) -> None:
    settings.HERO_UNDO_SECONDS = 60
    row = heroes.approve(hero_request=asked, by=studio.manager)
    take = row.hero_take
    heroes.undo(hero_request=row, by=studio.second_manager)
    assert [kind for kind, _, _ in decided(asked)] == ["approve", "undo"]
    assert decided(asked)[1][1] == studio.second_manager.person
    assert Event.objects.filter(kind="hero.undone").count() == 1
    told = Notice.objects.filter(kind="request_decided", membership=studio.producer)
    assert any("took the approval back" in title for title in told.values_list("title", flat=True))
    undone = strips.rows(asked.deliverable, current=None, beside=None, slug="studio")
    assert [row["undone"] for row in undone if row["phase"] == "hero"] == [True]
    assert set(Run.objects.filter(take=take).values_list("state", "lane", "due_at")) == {
        (RunState.CANCELLED, Lane.NONE, None)
    }
    assert set(HoldOutcome.objects.filter(hold__take=take).values_list("outcome", flat=True)) == {"voided"}
    assert Hold.objects.filter(take=take, outcome__isnull=True).count() == 0
    later = timezone.now() + datetime.timedelta(hours=1)
    assert (sweep.stranded(now=later), sweep.orphan_holds(now=later)) == (0, 0)
    heroes.approve(hero_request=row, by=studio.manager)
    assert [kind for kind, _, _ in decided(asked)] == ["approve", "undo", "approve"]


@pytest.mark.parametrize("role", ["producer", "reviewer", "finance", "admin", "viewer"])
def test_only_managers_decline_and_undo(asked: HeroRequest, studio: Cast, settings: Any, role: str) -> None:
    settings.HERO_UNDO_SECONDS = 60
    before = rows()
    with pytest.raises(MissingRight):
        heroes.decline(hero_request=asked, by=studio.by_role[role], note="No")
    assert rows() == before
    row = heroes.approve(hero_request=asked, by=studio.manager)
    before = rows()
    with pytest.raises(MissingRight):
        heroes.undo(hero_request=row, by=studio.by_role[role])
    assert rows() == before


@pytest.mark.parametrize(
    "columns",
    [
        {"state": RunState.SUBMITTING},
        {"state": RunState.RENDERING},
        {"attempts": 1},
        {"lease": "00000000-0000-0000-0000-000000000001", "leased_until": "2030-01-01T00:00Z"},
    ],
)
def test_nothing_is_undone_once_a_worker_has_a_run_in_hand(
    asked: HeroRequest, studio: Cast, settings: Any, columns: dict[str, Any]
) -> None:
    settings.HERO_UNDO_SECONDS = 60
    row = heroes.approve(hero_request=asked, by=studio.manager)
    assert row.hero_take is not None
    Run.objects.filter(take=row.hero_take, position=0).update(**columns)
    before = rows()
    with pytest.raises(heroes.HeroRefused, match="has begun"):
        heroes.undo(hero_request=row, by=studio.manager)
    assert rows() == before


def test_what_is_not_approved_is_not_undone(asked: HeroRequest, studio: Cast, settings: Any) -> None:
    settings.HERO_UNDO_SECONDS = 60
    before = rows()
    with pytest.raises(heroes.HeroRefused, match="not approved"):
        heroes.undo(hero_request=asked, by=studio.manager)
    assert rows() == before
    row = heroes.approve(hero_request=asked, by=studio.manager)
    heroes.undo(hero_request=row, by=studio.manager)
    HeroRequest.objects.filter(pk=row.pk).update(state="declined", decided_at=timezone.now())
    with pytest.raises(heroes.HeroRefused):
        heroes.undo(hero_request=row, by=studio.manager)


def changed(studio: Cast) -> None:
    """Another prompt of the draft is another request."""
    Take.objects.filter(deliverable=studio.deliverable).update(prompt="Something else")


def test_a_request_that_is_void_says_so_to_who_asked_and_in_the_events(
    asked: HeroRequest, studio: Cast
) -> None:
    changed(studio)
    assert hero_voids.void_changed(workspace=studio.workspace) == 1
    asked.refresh_from_db()
    assert (asked.state, asked.void_reason) == ("void", "What it asked for has changed since.")
    assert told(studio.producer) == [
        "Your hero request for Opening is void: what it asked for has changed since"
    ]
    assert Event.objects.filter(kind="hero.void", take=asked.take).count() == 1
    assert hero_voids.void_changed(workspace=studio.workspace) == 0
    assert Event.objects.filter(kind="hero.void").count() == 1
    assert Take.objects.filter(phase="hero").count() == 0


def test_a_hero_beyond_the_cap_is_neither_asked_for_nor_approved(draft: Take, studio: Cast) -> None:
    Deliverable.objects.filter(pk=studio.deliverable.pk).update(hero_cap=0)
    draft.refresh_from_db()
    before = rows()
    with pytest.raises(caps.CapReached):
        heroes.request(take=Take.objects.get(pk=draft.pk), by=studio.producer)
    assert rows() == before
    Deliverable.objects.filter(pk=studio.deliverable.pk).update(hero_cap=1)
    row = heroes.request(take=Take.objects.get(pk=draft.pk), by=studio.producer)
    Deliverable.objects.filter(pk=studio.deliverable.pk).update(hero_cap=0)
    before = rows()
    with pytest.raises(caps.CapReached):
        heroes.approve(hero_request=HeroRequest.objects.get(pk=row.pk), by=studio.manager)
    assert rows() == before


def test_for_what_is_dropped_no_hero_is_asked(draft: Take, studio: Cast) -> None:
    reviews.write_off(deliverable=studio.deliverable, reason="Dropped", by=studio.manager)
    with pytest.raises(takes.NotOpen):
        heroes.request(take=Take.objects.get(pk=draft.pk), by=studio.producer)
    assert HeroRequest.objects.count() == 0


def test_a_write_off_voids_what_waits_and_it_cannot_be_approved(asked: HeroRequest, studio: Cast) -> None:
    reviews.write_off(deliverable=studio.deliverable, reason="Dropped", by=studio.manager)
    asked.refresh_from_db()
    assert asked.state == "void"
    with pytest.raises(Refused):
        heroes.approve(hero_request=asked, by=studio.manager)
    assert Hold.objects.filter(take__phase="hero").count() == 0


def test_whoever_left_is_no_other_approver(draft: Take, studio: Cast) -> None:
    row = heroes.request(take=draft, by=studio.manager)
    with pytest.raises(heroes.NeedsAnotherApprover):
        heroes.approve(hero_request=row, by=studio.manager)
    others = Membership.objects.filter(workspace=studio.workspace).exclude(pk=studio.manager.pk)
    others.update(ended_at=timezone.now())
    approved = heroes.approve(hero_request=row, by=studio.manager)
    assert (approved.state, approved.self_approved) == ("approved", True)
    assert approved.hero_take is not None
    assert approved.hero_take.state == TakeState.QUEUED


@pytest.mark.parametrize("what", ["template", "reference"])
def test_what_the_api_publishes_or_adds_voids_the_requests_that_it_changes(
    asked: HeroRequest, studio: Cast, what: str
) -> None:
    changed(studio)
    by = caller(studio.manager)
    if what == "template":
        body = {"slug": "still", "name": "Still", "body": "A lighthouse, {{ light }}"}
        made = by.post("prompt-templates/", body)
        event = Event.objects.get(kind="template.published")
        assert event.data["template"].startswith("still@")
    else:
        picture = io.BytesIO()
        Image.new("RGB", (64, 64), "red").save(picture, "PNG")
        picture.seek(0)
        picture.name = "anchor.png"
        made = by.send("campaigns/acme/autumn/references/", {"file": picture, "label": "The pouch"})
    assert made.status_code == 201
    asked.refresh_from_db()
    assert asked.state == "void"


def notice_of(member: Membership) -> tuple[str, str]:
    row = Notice.objects.get(membership=member, kind="request_decided")
    return row.title, row.body


def test_who_asked_is_told_that_the_deliverable_was_signed_off_meanwhile(
    asked: HeroRequest, studio: Cast
) -> None:
    hero = finished(factories.take(studio.deliverable, phase="hero", number=2))
    reviews.review(take=hero, decision="accept", by=studio.manager, note="The other one is better")
    asked.refresh_from_db()
    assert (asked.state, asked.void_reason) == ("void", "It was signed off.")
    title = "Your hero request for Opening is void: it was signed off"
    assert notice_of(studio.producer) == (title, "The other one is better")
    client = signed_in(studio.producer)
    assert title in text(client, "/w/studio/notices/")
    assert Event.objects.filter(kind="hero.void", take=asked.take).count() == 1


def test_who_asked_is_told_that_the_deliverable_was_dropped(asked: HeroRequest, studio: Cast) -> None:
    reviews.write_off(deliverable=studio.deliverable, reason="The client has left", by=studio.manager)
    title = "Your hero request for Opening is void: the deliverable was dropped"
    assert notice_of(studio.producer) == (title, "The client has left")


def test_who_asked_is_told_that_the_draft_was_rejected(asked: HeroRequest, studio: Cast) -> None:
    other = finished(factories.take(studio.deliverable, number=2))
    reviews.review(take=other, decision="reject", reasons=["motion"], by=studio.manager)
    assert told(studio.producer) == []
    reviews.review(take=asked.take, decision="reject", reasons=["motion"], by=studio.manager)
    assert told(studio.producer) == ["Your hero request for Opening is void: its draft was rejected"]
