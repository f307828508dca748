"""A month's exceptions: each kind where it belongs, counted, narrowed, and told anew when others come."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from billing import exceptions, ledger, pots, price_decisions, prices, shared_costs
from billing.exceptions import Filters, Kind
from billing.invoices import imports, settle
from billing.models import CostShare, Difference
from projects.models import CapDecision, CapRequest, Decision, HeroRequest, Take
from projects.models.decisions import DecisionKind
from tests import factories
from tests.billing import invoicing
from tests.billing.booking import NOON, charge, spend
from tests.cast import Cast
from tests.factories import utc
from tests.generation.pages import signed_in, text

MONTH = "2026-09"
INSIDE = utc("2026-09-10T12:00:00")
FIRST, LAST = utc("2026-08-31T22:00:00"), utc("2026-09-30T21:59:59")  # of September in Berlin
OUTSIDE = (FIRST - datetime.timedelta(seconds=1), LAST + datetime.timedelta(seconds=1))
PAGE = f"/w/studio/month/{MONTH}/exceptions/"


def kinds(cast: Cast, **narrowed: Any) -> dict[str, int]:
    found = exceptions.counts(workspace=cast.workspace, month=MONTH, filters=Filters(**narrowed))
    return {kind.value: number for kind, number in found.items() if number}


def rows(cast: Cast, kind: str) -> list[exceptions.Exceptional]:
    return exceptions.listed(workspace=cast.workspace, month=MONTH, filters=Filters(kind=kind))


def granted(
    cast: Cast, *, at: datetime.datetime = INSIDE, asked_by: Any = None, more: int = 2
) -> CapDecision:
    asked = CapRequest.objects.create(
        workspace=cast.workspace,
        deliverable=cast.deliverable,
        more=more,
        reason="The light changed",
        at_most=Decimal("4"),
        state="approved",
        requested_by=(asked_by or cast.producer).person,
        requested_at=at,
        decided_at=at,
    )
    return CapDecision.objects.create(
        workspace=cast.workspace, cap_request=asked, decision="grant", by=cast.manager.person, at=at
    )


def accepted(cast: Cast, take: Take, at: datetime.datetime, **said: Any) -> Decision:
    return pots.decide(
        deliverable=take.deliverable, take=take, decision=DecisionKind.ACCEPT, by=cast.manager, at=at, **said
    )


def withdrawn(cast: Cast, take: Take, at: datetime.datetime) -> Decision:
    return pots.decide(
        deliverable=take.deliverable,
        take=take,
        decision=DecisionKind.REVERSE,
        by=cast.manager,
        at=at,
        note="The logo is wrong",
    )


def test_a_month_without_any_has_none(cast: Cast) -> None:
    assert kinds(cast) == {}
    assert exceptions.listed(workspace=cast.workspace, month=MONTH) == []
    assert "No exceptions" in text(signed_in(cast.viewer), PAGE)


def test_a_draft_taken_as_it_is_comes_with_the_money_saved(cast: Cast) -> None:
    take = factories.take(cast.deliverable)
    accepted(cast, take, INSIDE, as_is=True, note="Good enough", money_saved=Decimal(2))
    (row,) = rows(cast, Kind.AS_IS)
    assert (row.deliverable, row.take, row.by, row.note, row.amount) == (
        "Opening",
        1,
        str(cast.manager.person),
        "Good enough",
        Decimal(2),
    )
    assert kinds(cast) == {"as_is": 1}


@pytest.mark.parametrize(("at", "number"), [(FIRST, 1), (LAST, 1), (OUTSIDE[0], 0), (OUTSIDE[1], 0)])
def test_the_month_is_that_of_the_workspace(cast: Cast, at: datetime.datetime, number: int) -> None:
    granted(cast, at=at)
    assert kinds(cast).get("cap_raised", 0) == number


def test_a_cap_granted_by_who_asked_is_of_both_kinds(cast: Cast) -> None:
    granted(cast, more=1)
    granted(cast, asked_by=cast.manager)
    assert kinds(cast) == {"cap_raised": 2, "own_side": 1}
    assert {row.note for row in rows(cast, Kind.CAP_RAISED)} == {
        "1 more take: The light changed",
        "2 more takes: The light changed",
    }
    (own,) = rows(cast, Kind.OWN_SIDE)
    assert (own.note, own.amount) == ("more takes: The light changed", Decimal(4))


def test_an_overridden_route_costs_what_its_take_did(cast: Cast) -> None:
    take = factories.take(cast.deliverable, requested_at=INSIDE, instead_of="fal/flux")
    factories.take(cast.deliverable, requested_at=INSIDE)
    spend(take, "1.25", at=INSIDE)
    spend(take, "0.50", at=OUTSIDE[1])
    (row,) = rows(cast, Kind.ROUTE_OVERRIDDEN)
    assert (row.take, row.note, row.amount) == (1, "the route names fal/flux", Decimal("1.25"))
    assert kinds(cast) == {"route_overridden": 1}


def test_a_decision_taken_back_says_what_moved(cast: Cast) -> None:
    take = factories.take(cast.deliverable)
    spend(take, "1.50", at=INSIDE)
    accepted(cast, take, INSIDE + datetime.timedelta(hours=1))
    withdrawn(cast, take, INSIDE + datetime.timedelta(hours=2))
    dropped = factories.deliverable(cast.campaign, category=cast.brand_film)
    for decision in (DecisionKind.WRITE_OFF, DecisionKind.REOPEN):
        pots.decide(deliverable=dropped, take=None, decision=decision, by=cast.manager, at=INSIDE)
    assert [(row.amount, row.note) for row in rows(cast, Kind.REVERSED)] == [
        (None, ""),
        (Decimal("1.50"), "The logo is wrong"),
    ]
    assert kinds(cast) == {"reversed": 2}


def test_what_a_decision_moved_is_cash_and_no_share_of_the_campaigns_costs(cast: Cast) -> None:
    take = factories.take(cast.deliverable)
    spend(take, "1.50", at=INSIDE)
    shared_costs.book(
        campaign=cast.campaign,
        amount=Decimal("0.60"),
        currency="EUR",
        service_on=INSIDE.date(),
        reason="Plates",
        evidence="Bill 17",
        by=cast.finance,
        now=INSIDE,
    )
    accepted(cast, take, INSIDE + datetime.timedelta(hours=1))
    assert CostShare.objects.exists()
    withdrawn(cast, take, INSIDE + datetime.timedelta(hours=2))
    assert [row.amount for row in rows(cast, Kind.REVERSED)] == [Decimal("1.50")]


def test_a_hero_render_and_a_price_approved_by_who_asked(cast: Cast) -> None:
    take = factories.take(cast.deliverable)
    said: dict[str, Any] = {"request": {}, "routing_version": 1, "quote": {}, "at_most": 3}
    for alone in (True, False):
        HeroRequest.objects.create(
            workspace=cast.workspace,
            deliverable=cast.deliverable,
            take=take,
            state="approved",
            request_hash=f"{alone:064d}",
            shown_amount=Decimal("2.5"),
            requested_by=cast.manager.person,
            requested_at=INSIDE,
            decided_at=INSIDE,
            self_approved=alone,
            **said,
        )
    row = prices.add_row(
        by=cast.finance,
        model_key="fal/flux",
        unit="image",
        amount=Decimal("0.05"),
        currency="EUR",
        starts_at=INSIDE,
    )
    price_decisions.approve(row=row, by=cast.finance, now=INSIDE)
    found = rows(cast, Kind.OWN_SIDE)
    assert sorted((row.note, row.amount, row.place) for row in found) == [
        ("hero render", Decimal("2.5"), ""),
        ("price of fal/flux", None, "fal/flux"),
    ]


def test_a_charge_that_was_reported_otherwise_is_there_with_its_difference(cast: Cast) -> None:
    take = factories.take(cast.deliverable)
    for reported, computed in (("0.30", "0.25"), ("0.20", "0.20")):
        spend(take, reported, at=INSIDE, computed_amount=Decimal(computed))
    spend(take, "9", at=INSIDE)
    (row,) = rows(cast, Kind.DIFFERING)
    assert (row.amount, row.note, row.place) == (
        Decimal("0.05"),
        "fal/flux: computed 0.25, reported 0.3",
        "fal",
    )


def test_a_charge_is_disputed_until_its_difference_is_settled(cast: Cast) -> None:
    take = factories.take(cast.deliverable)
    entry = spend(take, "1.00", at=INSIDE, external_id="job-1")
    difference = Difference.objects.create(
        workspace=cast.workspace,
        provider="fal",
        month=MONTH,
        kind="missing_there",
        amount=Decimal(-1),
        ours=Decimal(1),
        entry=entry.id,
        take=take,
        service_at=INSIDE,
        why="no line bills it",
        found_at=INSIDE,
    )
    (row,) = rows(cast, Kind.DISPUTED)
    assert (row.amount, row.place, row.take, row.note) == (
        Decimal(-1),
        "fal",
        1,
        "missing_there: no line bills it",
    )
    before = exceptions.digest(workspace=cast.workspace, month=MONTH)
    page = text(signed_in(cast.viewer), PAGE, kind="disputed")
    assert f"/w/studio/invoices/fal/{MONTH}/?d={difference.pk}" in page
    settle.accept(difference=difference, by=cast.finance, reason="A new price")
    assert kinds(cast) == {}
    assert exceptions.digest(workspace=cast.workspace, month=MONTH) != before
    settle.undo(difference=difference, by=cast.finance, reason="Not so")
    assert kinds(cast) == {"disputed": 1}


def test_what_a_later_match_explains_is_disputed_no_more(cast: Cast) -> None:
    take = factories.take(cast.deliverable)
    invoicing.price_row(cast.finance)
    booked = [invoicing.entry(take, "job-1", NOON, "0.05")]
    invoicing.book(take, booked)
    october: dict[str, Any] = {"workspace": cast.workspace, "month": invoicing.MONTH}
    for job, number in (("job-2", 2), ("job-1", 1)):
        imports.bring_in(invoicing.bill(invoicing.file([invoicing.line(job)])), by=cast.finance)
        assert exceptions.counts(**october)[Kind.DISPUTED] == number


def test_filters_narrow_list_and_counts_alike(cast: Cast) -> None:
    granted(cast)
    other = factories.campaign(cast.project)
    take = factories.take(factories.deliverable(other, category=cast.brand_film))
    accepted(cast, take, INSIDE, as_is=True, note="As it is")
    factories.take(
        take.deliverable, requested_at=INSIDE, requested_by=cast.producer.person, instead_of="fal/x"
    )
    assert kinds(cast) == {"as_is": 1, "cap_raised": 1, "route_overridden": 1}
    assert kinds(cast, campaign=other.pk) == {"as_is": 1, "route_overridden": 1}
    assert kinds(cast, by=cast.producer.person_id) == {"route_overridden": 1}
    assert kinds(cast, by=cast.producer.person_id, campaign=cast.campaign.pk) == {}
    page = text(signed_in(cast.viewer), PAGE, kind="", campaign=str(other.pk))
    assert ("the route names fal/x" in page, "The light changed" in page) == (True, False)


def test_others_that_come_change_the_digest(cast: Cast) -> None:
    granted(cast)
    digests = {exceptions.digest(workspace=cast.workspace, month=MONTH) for _ in range(2)}
    granted(cast)
    assert len(digests | {exceptions.digest(workspace=cast.workspace, month=MONTH)}) == 2


def test_the_page_leads_to_each_and_the_file_has_them_all(cast: Cast) -> None:
    take = factories.take(cast.deliverable)
    accepted(cast, take, INSIDE, as_is=True, note="=2+2", money_saved=Decimal(2))
    entry = spend(factories.take(cast.deliverable), "0.30", at=INSIDE, computed_amount=Decimal("0.25"))
    client = signed_in(cast.viewer)
    page = text(client, PAGE)
    assert f"/w/studio/deliverables/{cast.deliverable.pk}/?take=1" in page
    assert entry.take is not None
    lines = client.get(PAGE, {"format": "csv", "kind": "as_is"}).content.decode().splitlines()
    assert len(lines) == 2
    assert "'=2+2,2.00000000" in lines[1]
    everything = client.get(f"/w/studio/month/{MONTH}/tables/exceptions.csv").content.decode().splitlines()
    assert len(everything) == 3
    assert text(client, PAGE, kind="no kind").count("Drafts signed off as is") > 1


def test_another_workspace_sees_none_of_them(cast: Cast) -> None:
    granted(cast)
    ledger.charge_without_hold(
        workspace=cast.workspace, charge=charge("1", at=INSIDE, computed_amount=Decimal(2)), now=INSIDE
    )
    elsewhere = cast.stranger.workspace
    assert exceptions.number(workspace=cast.workspace, month=MONTH) == 2
    assert exceptions.number(workspace=elsewhere, month=MONTH) == 0
