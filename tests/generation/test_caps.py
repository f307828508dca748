"""Caps: what is used of them, and asking a manager for more takes."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from generation import caps, takes
from generation.caps import CapReached, Usage
from projects.access import MissingRight
from projects.models import CapDecision, CapRequest, Deliverable, Event, Membership, Notice, Take
from projects.models.takes import TakeState
from projects.problems import Invalid, Refused
from tests import factories
from tests.cast import Cast


def ask(studio: Cast, more: int = 2, reason: str = "The light changed", **said: Any) -> CapRequest:
    return caps.request(deliverable=studio.deliverable, more=more, reason=reason, by=studio.producer, **said)


def rows() -> list[Any]:
    tables: tuple[Any, ...] = (CapRequest, CapDecision, Deliverable, Event, Notice)
    return [sorted(map(str, table.objects.values_list())) for table in tables]


def test_used_are_counted_takes_those_in_flight_and_failures_that_were_charged_of_one_phase(
    cast: Cast,
) -> None:
    now = timezone.now()
    for state, more in [
        (TakeState.READY, {"counted_at": now}),
        (TakeState.QUEUED, {}),
        (TakeState.FAILED, {"failed_charged": True}),
        (TakeState.FAILED, {}),
        (TakeState.CANCELLED, {}),
    ]:
        factories.take(cast.deliverable, state=state, **more)
    factories.take(cast.deliverable, state=TakeState.QUEUED, phase="hero")
    row = cast.deliverable
    row.cap, row.hero_cap, row.extra_drafts, row.extra_heroes = 8, 2, 3, 1
    assert caps.usage(row, "draft") == Usage(used=3, own_cap=8, extra=3, in_flight=1)
    assert caps.usage(row, "hero") == Usage(used=1, own_cap=2, extra=1, in_flight=1)


def test_a_request_tells_every_manager_and_changes_no_cap(studio: Cast) -> None:
    row = ask(studio)
    assert (row.state, row.more, row.phase, row.requested_by) == (
        "waiting",
        2,
        "draft",
        studio.producer.person,
    )
    told = Notice.objects.filter(kind="approval_waiting").values_list("membership", flat=True)
    assert set(told) == {studio.manager.pk, studio.second_manager.pk}
    event = Event.objects.get(kind="cap.requested")
    assert (event.person, event.data["more"]) == (studio.producer.person, 2)
    studio.deliverable.refresh_from_db()
    assert (studio.deliverable.extra_drafts, studio.deliverable.extra_heroes) == (0, 0)


@pytest.mark.parametrize(
    ("more", "reason", "field"),
    [(0, "x", "more"), (101, "x", "more"), (-1, "x", "more"), (1, "  ", "reason")],
)
def test_a_request_that_does_not_fit_is_invalid(studio: Cast, more: int, reason: str, field: str) -> None:
    before = rows()
    with pytest.raises(Invalid) as raised:
        ask(studio, more, reason)
    assert list(raised.value.errors) == [field]
    assert rows() == before


@pytest.mark.parametrize("more", [1, 100])
def test_the_least_and_the_most_that_may_be_asked_for(studio: Cast, more: int) -> None:
    assert ask(studio, more).more == more


def test_one_request_a_phase_waits_at_a_time(studio: Cast) -> None:
    ask(studio)
    before = rows()
    with pytest.raises(Refused, match="waits already"):
        ask(studio)
    assert rows() == before
    assert ask(studio, phase="hero").phase == "hero"


@pytest.mark.parametrize("role", ["viewer", "finance", "admin"])
def test_only_who_makes_takes_asks(studio: Cast, role: str) -> None:
    with pytest.raises(MissingRight):
        caps.request(deliverable=studio.deliverable, more=1, reason="x", by=studio.by_role[role])
    assert CapRequest.objects.count() == 0


@pytest.mark.parametrize(("phase", "extras"), [("draft", (5, 1)), ("hero", (3, 3))])
def test_a_grant_adds_to_what_was_granted_before(studio: Cast, phase: str, extras: tuple[int, int]) -> None:
    Deliverable.objects.filter(pk=studio.deliverable.pk).update(extra_drafts=3, extra_heroes=1)
    row = caps.decide(cap_request=ask(studio, phase=phase), decision="grant", by=studio.manager, note="Once")
    studio.deliverable.refresh_from_db()
    assert (studio.deliverable.extra_drafts, studio.deliverable.extra_heroes) == extras
    decision = CapDecision.objects.get()
    assert (row.state, decision.decision, decision.note, decision.by) == (
        "approved",
        "grant",
        "Once",
        studio.manager.person,
    )
    notice = Notice.objects.get(kind="request_decided")
    assert (notice.membership, notice.title) == (studio.producer, "2 more takes of Opening: granted")
    assert Event.objects.filter(kind="cap.granted").count() == 1


def test_a_decline_gives_nothing_and_tells_who_asked(studio: Cast) -> None:
    row = caps.decide(cap_request=ask(studio), decision="decline", by=studio.manager, note="Enough")
    studio.deliverable.refresh_from_db()
    assert (row.state, studio.deliverable.extra_drafts) == ("declined", 0)
    notice = Notice.objects.get(kind="request_decided")
    assert (notice.title, notice.body) == ("2 more takes of Opening: declined", "Enough")
    assert Event.objects.filter(kind="cap.declined").count() == 1


@pytest.mark.parametrize("second", ["grant", "decline"])
def test_a_request_is_decided_once(studio: Cast, second: str) -> None:
    row = ask(studio)
    caps.decide(cap_request=row, decision="grant", by=studio.manager)
    before = rows()
    with pytest.raises(Refused, match="decided already"):
        caps.decide(cap_request=row, decision=second, by=studio.second_manager)
    assert rows() == before
    assert ask(studio).state == "waiting"


@pytest.mark.parametrize("role", ["producer", "reviewer", "finance", "admin", "viewer"])
def test_only_managers_decide(studio: Cast, role: str) -> None:
    row = ask(studio)
    before = rows()
    with pytest.raises(MissingRight):
        caps.decide(cap_request=row, decision="grant", by=studio.by_role[role])
    assert rows() == before


def test_a_word_that_decides_nothing_is_invalid(studio: Cast) -> None:
    row = ask(studio)
    with pytest.raises(Invalid):
        caps.decide(cap_request=row, decision="maybe", by=studio.manager)
    row.refresh_from_db()
    assert row.state == "waiting"


def make(studio: Cast, by: Membership, count: int = 1) -> None:
    takes.make(deliverable=studio.deliverable, by=by, count=count)


def test_what_was_granted_can_be_made_and_no_more(studio: Cast) -> None:
    Deliverable.objects.filter(pk=studio.deliverable.pk).update(cap=1)
    studio.deliverable.refresh_from_db()
    make(studio, studio.producer)
    with pytest.raises(CapReached) as reached:
        make(studio, studio.producer)
    assert (reached.value.extra["used"], reached.value.extra["cap"]) == (1, 1)
    caps.decide(cap_request=ask(studio), decision="grant", by=studio.manager)
    studio.deliverable.refresh_from_db()
    make(studio, studio.producer, 2)
    with pytest.raises(CapReached):
        make(studio, studio.producer)
    assert Take.objects.count() == 3
