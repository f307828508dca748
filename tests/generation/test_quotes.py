"""What is shown before a button is pressed is what the hold will say: a person's budgets, who raises them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from billing import budgets
from billing.budgets import BudgetRefused
from billing.models import Hold
from generation import batches, heroes, inbox_details, orders, quotes, reviews, takes
from generation.quotes import Quote
from projects.models import Membership, Take
from tests.cast import Cast
from tests.studio import finished

KEEPERS = "Finance or Manager or Second.Manager can raise it"


def limited(studio: Cast, limit: str, *, person: Membership | None = None) -> None:
    target = (person or studio.producer).person
    budgets.set_budget(scope="person", target=target, limit=Decimal(limit), window="month", by=studio.finance)


def quote(studio: Cast, by: Membership, *, count: int = 1) -> Quote:
    return quotes.quote(deliverable=studio.deliverable, phase="draft", count=count, person_id=by.person_id)


def test_a_budget_on_a_person_stands_in_that_persons_quotes_alone(studio: Cast) -> None:
    limited(studio, "5")
    (line,) = quote(studio, studio.producer).budgets
    assert line == {"scope": "person", "name": "Person Producer, each month", "left": "5.00000000"}
    assert quote(studio, studio.manager).budgets == []
    assert quotes.quote(deliverable=studio.deliverable, phase="draft").budgets == []


def test_a_quote_that_is_refused_says_who_can_raise_the_budget_as_the_hold_does(studio: Cast) -> None:
    limited(studio, "0.10")
    decision = quote(studio, studio.producer, count=2).decision
    assert decision.outcome == "budget"
    assert any(reason.endswith(KEEPERS) for reason in decision.reasons)
    assert decision.shortfalls[0].raised_by == "Finance or Manager or Second.Manager"
    with pytest.raises(BudgetRefused) as refused:
        takes.make(deliverable=studio.deliverable, by=studio.producer, count=2)
    assert refused.value.needed == decision.shortfalls[0].needed
    assert refused.value.left == decision.shortfalls[0].left == Decimal("0.10")
    assert refused.value.raised_by == ["Finance", "Manager", "Second.Manager"]
    assert Hold.objects.count() == 0
    assert quote(studio, studio.manager, count=2).decision.outcome == "go"


def test_a_recalled_request_is_priced_for_who_runs_it(studio: Cast) -> None:
    round_ = takes.make(deliverable=studio.deliverable, by=studio.manager, count=1)
    request = Take.objects.get(round=round_).recipe.request
    limited(studio, "0.01")
    order = orders.recalled(studio.deliverable, request, count=1, by=studio.producer, now=round_.requested_at)
    assert order.decision.outcome == "budget"
    order = orders.recalled(studio.deliverable, request, count=1, by=studio.manager, now=round_.requested_at)
    assert order.decision.outcome == "go"


def test_a_batch_is_refused_by_a_budget_on_the_person_who_asks(studio: Cast) -> None:
    limited(studio, "0.01")
    with pytest.raises(BudgetRefused):
        batches.make(deliverables=[studio.deliverable], count=1, by=studio.producer)
    assert Take.objects.count() == 0


def test_a_hero_render_is_seen_against_the_budget_of_who_asked_for_it(
    studio: Cast,
) -> None:
    draft = finished(takes.make(deliverable=studio.deliverable, by=studio.producer).takes.get())
    reviews.review(take=draft, decision="select", by=studio.producer)
    draft.refresh_from_db()
    limited(studio, "50")
    limited(studio, "60", person=studio.manager)
    hero_request = heroes.request(take=draft, by=studio.producer)
    assert [line["name"] for line in hero_request.quote["budgets"]] == ["Person Producer, each month"]
    details = inbox_details.hero(hero_request, now=hero_request.requested_at)
    names = [(line["name"], line["after"]) for line in details["budgets"]]
    assert names == [("Person Producer, each month", Decimal("48.53"))]  # 50 - the draft - 1.41
