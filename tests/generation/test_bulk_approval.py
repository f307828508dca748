"""Approving many small hero renders at once: for the sum that was shown, or not at all."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing import budgets
from billing.models import Hold
from generation import bulk_approval, heroes, reviews, takes
from projects.access import MissingRight
from projects.models import Deliverable, HeroDecision, HeroRequest, Take
from tests import factories
from tests.cast import Cast
from tests.generation.pages import only, signed_in, statuses, text
from tests.studio import finished

BULK = "/w/studio/approvals/bulk/"
PRICE = Decimal("1.41")


def asked(cast: Cast, deliverable: Deliverable, by: Any = None) -> HeroRequest:
    by = by or cast.producer
    take = finished(takes.make(deliverable=deliverable, by=by).takes.get())
    reviews.review(take=take, decision="select", by=by)
    take.refresh_from_db()
    return heroes.request(take=take, by=by)


@pytest.fixture
def three(studio: Cast) -> list[HeroRequest]:
    """Three requests of €1.41 each, for three deliverables."""
    more = [
        factories.deliverable(
            studio.campaign, f"film-{n}", category=studio.brand_film, format=studio.format, brief="Fog"
        )
        for n in range(2)
    ]
    return [asked(studio, row) for row in (studio.deliverable, *more)]


def untouched(rows: list[HeroRequest]) -> bool:
    states = set(HeroRequest.objects.filter(pk__in=[row.pk for row in rows]).values_list("state", flat=True))
    heroes_made = Take.objects.filter(phase="hero").count() + Hold.objects.filter(take__phase="hero").count()
    return states == {"waiting"} and heroes_made == 0 and HeroDecision.objects.count() == 0


def test_all_are_approved_for_exactly_the_sum_that_was_shown(studio: Cast, three: list[HeroRequest]) -> None:
    done = bulk_approval.approve(requests=three, limit=Decimal(2), total=Decimal("4.23"), by=studio.manager)
    assert ([row.pk for row in done.approved], done.refused) == ([row.pk for row in three], [])
    assert done.total == Decimal("4.23")
    held = Hold.objects.filter(take__phase="hero")
    assert sum(hold.amount for hold in held) == Decimal("4.23")


@pytest.mark.parametrize("total", ["4.22", "4.24", "1.41", "0"])
def test_another_sum_than_was_shown_approves_nothing(
    studio: Cast, three: list[HeroRequest], total: str
) -> None:
    with pytest.raises(bulk_approval.BulkRefused, match=r"Together they cost at most 4\.23 now"):
        bulk_approval.approve(requests=three, limit=Decimal(2), total=Decimal(total), by=studio.manager)
    assert untouched(three)


def test_one_above_the_limit_approves_nothing(studio: Cast, three: list[HeroRequest]) -> None:
    HeroRequest.objects.filter(pk=three[0].pk).update(at_most=Decimal("1.42"))
    three[0].refresh_from_db()
    with pytest.raises(bulk_approval.BulkRefused, match="Opening costs more than that"):
        bulk_approval.approve(requests=three, limit=PRICE, total=Decimal("4.24"), by=studio.manager)
    assert untouched(three)


def test_ones_own_request_is_left_out_and_never_approved_so(studio: Cast) -> None:
    own = asked(studio, studio.deliverable, by=studio.manager)
    choice = bulk_approval.choose(requests=[own], limit=Decimal(2), by=studio.manager)
    assert (choice.rows, choice.left_out) == ([], [(own, "was asked for by you")])
    with pytest.raises(bulk_approval.BulkRefused, match="was asked for by you"):
        bulk_approval.approve(requests=[own], limit=Decimal(2), total=PRICE, by=studio.manager)
    assert untouched([own])


def test_what_a_budget_refuses_stays_waiting_and_is_named(studio: Cast, three: list[HeroRequest]) -> None:
    budgets.set_budget(scope="workspace", window="month", limit=Decimal("3.10"), by=studio.manager)
    done = bulk_approval.approve(requests=three, limit=Decimal(2), total=Decimal("4.23"), by=studio.manager)
    assert [row.pk for row in done.approved] == [three[0].pk, three[1].pk]
    assert [row.pk for row, _ in done.refused] == [three[2].pk]
    assert "has 0.10 EUR left" in done.refused[0][1]
    three[2].refresh_from_db()
    assert three[2].state == "waiting"


@pytest.mark.parametrize("role", ["producer", "reviewer", "finance", "admin", "viewer"])
def test_only_managers_may(studio: Cast, three: list[HeroRequest], role: str) -> None:
    with pytest.raises(MissingRight):
        bulk_approval.approve(
            requests=three, limit=Decimal(2), total=Decimal("4.23"), by=studio.by_role[role]
        )
    assert untouched(three)


def test_the_page_shows_the_sum_then_approves_it_and_takes_it_back(
    studio: Cast, three: list[HeroRequest], settings: Any
) -> None:
    settings.HERO_UNDO_SECONDS = 60
    client = signed_in(studio.manager)
    page = text(client, BULK, limit="2")
    assert "Approve 3 together?" in page
    assert "€4.23" in page
    body = {"request": [row.pk for row in three], "limit": "2", "total": "4.23000000"}
    assert client.post(BULK, {**body, "total": "4.00"}).status_code == 409
    assert untouched(three)
    assert client.post(BULK, body).status_code == 302
    assert Take.objects.filter(phase="hero").count() == 3
    undo = {"request": [row.pk for row in three]}
    assert client.post("/w/studio/approvals/undo/", undo).status_code == 302
    assert HeroRequest.objects.filter(state="waiting").count() == 3
    assert Hold.objects.filter(take__phase="hero", outcome=None).count() == 0


def test_the_page_is_the_managers_and_knows_only_its_own_workspace(
    studio: Cast, three: list[HeroRequest]
) -> None:
    body = {"request": [row.pk for row in three], "limit": "2", "total": "4.23"}
    assert statuses(studio, BULK, limit="2") == only(studio, "manager")
    for member in (studio.producer, studio.finance, studio.viewer):
        assert signed_in(member).post(BULK, body).status_code == 403
    assert signed_in(studio.stranger).post("/w/elsewhere/approvals/bulk/", body).status_code == 422
    assert untouched(three)
