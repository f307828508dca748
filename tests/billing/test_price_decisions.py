"""Approving prices: by whom, what is in force until then, and what is never undone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import ProgrammingError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing import price_decisions, prices
from billing.models import PriceDecision, PriceRow
from projects.access import MissingRight
from projects.models import Membership, Role
from projects.problems import Invalid
from tests import factories
from tests.cast import Cast
from tests.factories import utc

AT = utc("2026-03-01")


def propose(by: Membership, amount: str = "0.05", starts_at: str = "2026-01-01", **fields: Any) -> PriceRow:
    usual = {"model_key": "fal/flux", "unit": "image", "currency": "USD"}
    return prices.add_row(amount=Decimal(amount), starts_at=utc(starts_at), by=by, **{**usual, **fields})


def in_force(cast: Cast) -> PriceRow | None:
    return prices.in_force(cast.workspace, ["fal/flux"], AT).get("fal/flux")


@pytest.fixture
def colleague(cast: Cast) -> Membership:
    return factories.membership(cast.workspace, Role.FINANCE, person=factories.person("ledger@example.com"))


def signed_in(member: Membership) -> Client:
    client = Client()
    client.force_login(member.person)
    return client


def test_a_proposal_counts_only_where_nothing_is_approved(cast: Cast, colleague: Membership) -> None:
    first = propose(cast.finance)
    assert in_force(cast) == first
    price_decisions.approve(row=first, by=colleague)
    newer = propose(cast.finance, "0.06", "2026-02-01")
    assert in_force(cast) == first
    price_decisions.approve(row=newer, by=colleague)
    assert in_force(cast) == newer


def test_a_declined_price_prices_nothing(cast: Cast) -> None:
    row = propose(cast.finance)
    with pytest.raises(Invalid):
        price_decisions.decline(row=row, by=cast.finance, note=" ")
    price_decisions.decline(row=row, by=cast.finance, note="The page says 0.04.")
    assert in_force(cast) is None


def test_ones_own_proposal_needs_another_person_where_there_is_one(cast: Cast, colleague: Membership) -> None:
    row = propose(cast.finance)
    with pytest.raises(price_decisions.OwnProposal, match="another person of finance"):
        price_decisions.approve(row=row, by=cast.finance)
    assert PriceDecision.objects.count() == 0
    assert price_decisions.approve_all(rows=[row], by=cast.finance) == 0
    assert price_decisions.approve_all(rows=[row], by=colleague) == 1
    made = PriceDecision.objects.get()
    assert (made.decision, made.decided_by) == ("approved", colleague.person)


def test_a_workspace_with_one_person_of_finance_approves_alone(cast: Cast) -> None:
    row = propose(cast.finance)
    assert price_decisions.approve(row=row, by=cast.finance).decided_by == cast.finance.person


@pytest.mark.parametrize("role", ["producer", "reviewer", "manager", "admin", "viewer"])
def test_only_finance_approves(cast: Cast, role: str) -> None:
    row = propose(cast.finance)
    for work in (price_decisions.approve, price_decisions.decline):
        with pytest.raises(MissingRight):
            work(row=row, by=cast.by_role[role], note="why")
    with pytest.raises(MissingRight):
        price_decisions.approve_all(rows=[row], by=cast.by_role[role])
    assert PriceDecision.objects.count() == 0


def test_a_decision_is_made_once_and_never_changed(cast: Cast) -> None:
    row = propose(cast.finance)
    made = price_decisions.approve(row=row, by=cast.finance)
    with pytest.raises(price_decisions.AlreadyDecided):
        price_decisions.decline(row=row, by=cast.finance, note="Too late.")
    with pytest.raises(ProgrammingError), transaction.atomic():
        PriceDecision.objects.filter(pk=made.pk).update(decision="declined", note="x")
    assert PriceDecision.objects.get().decision == "approved"


def test_the_catalogue_proposes_and_still_prices(cast: Cast) -> None:
    listed = [prices.CataloguePrice("fal/flux", "image", Decimal("0.05"), "USD")]
    prices.seed_from_catalogue(workspace=cast.workspace, rows=listed, at=utc("2026-01-01"))
    row = in_force(cast)
    assert row is not None
    assert prices.state_of(row) == "proposed"
    page = signed_in(cast.viewer).get("/w/studio/prices/").content.decode()
    assert "1 price waits for approval" in page
    assert "Not approved" in page
    assert "Approve all" not in page


def test_finance_approves_on_the_page_of_the_model_and_all_at_once(cast: Cast) -> None:
    row = propose(cast.finance)
    other = propose(cast.finance, model_key="runway/gen4", unit="second")
    client = signed_in(cast.finance)
    address = "/w/studio/prices/history/?model=fal/flux"
    assert "Not approved" in client.get(address).content.decode()
    answer = client.post(f"/w/studio/prices/{row.pk}/decide/", {"decision": "approve"})
    assert (answer.status_code, answer["Location"]) == (302, "/w/studio/prices/history/?model=fal%2Fflux")
    assert "Self-approved" in client.get(address).content.decode()
    assert client.post("/w/studio/prices/approve/", {"q": "no such"}).status_code == 302
    assert prices.state_of(PriceRow.objects.select_related("decision").get(pk=other.pk)) == "proposed"
    assert client.post("/w/studio/prices/approve/", {"q": "runway"}).status_code == 302
    assert PriceDecision.objects.count() == 2


def test_another_workspaces_price_is_not_there(cast: Cast) -> None:
    row = propose(cast.finance)
    client = signed_in(cast.stranger)
    body = {"decision": "decline", "note": "x"}
    assert client.post(f"/w/elsewhere/prices/{row.pk}/decide/", body).status_code == 404
    assert client.get("/w/elsewhere/prices/history/?model=fal/flux").status_code == 404
    assert PriceDecision.objects.count() == 0


def test_the_history_draws_the_steps_that_its_table_shows(cast: Cast) -> None:
    propose(cast.finance)
    propose(cast.finance, "0.06", "2026-02-01")
    client = signed_in(cast.viewer)
    page = client.get("/w/studio/prices/history/?model=fal/flux").content.decode()
    digest = page.split("prices/history/")[1].split(".svg")[0]
    drawn = client.get(f"/w/studio/prices/history/{digest}.svg?model=fal/flux")
    assert (drawn.status_code, drawn["Content-Type"]) == (200, "image/svg+xml")
    assert b"<svg" in drawn.content
    wrong = client.get(f"/w/studio/prices/history/{'0' * 16}.svg?model=fal/flux")
    assert wrong.status_code == 404


def test_twice_the_prices_cost_the_same_queries(cast: Cast) -> None:
    client = signed_in(cast.finance)
    counts = []
    for first in (2, 4):
        for number in range(first, first * 2):
            propose(cast.finance, f"0.0{number}", f"2026-01-0{number}")
            propose(cast.finance, model_key=f"fal/model-{number}")
        for address in ("prices/", "prices/history/?model=fal/flux"):
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert client.get(f"/w/studio/{address}").status_code == 200
            counts.append(len(queries))
    assert counts[:2] == counts[2:]
