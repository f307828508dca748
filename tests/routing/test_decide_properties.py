"""What holds of every decision, whatever the table and the facts."""

from __future__ import annotations

import dataclasses
import datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from routing.brief import Breaker, BudgetLeft, Facts, Health, History, Model, Price
from routing.decide import decide
from routing.decision import Decision, as_document
from routing.document import Table
from tests.routing.tables import NOW, draft, draft_route, facts, image_route, model, table

KEYS = ("builtin/a", "builtin/b", "fal/c", "fal/d", "replicate/e")
keys = st.sampled_from(KEYS)
amounts = st.decimals(0, 20, places=4)


@st.composite
def models(draw: st.DrawFn, key: str) -> Model:
    until = draw(st.none() | st.dates(datetime.date(2026, 11, 19), datetime.date(2026, 11, 23)))
    price = Price(
        unit=draw(st.sampled_from(["image", "second", "megapixel", "request", "token", "credit"])),
        amount=draw(amounts),
        currency=draw(st.sampled_from(["EUR", "USD", "JPY"])),
        first_amount=draw(st.none() | amounts),
    )
    health = Health(
        breaker=draw(st.sampled_from(list(Breaker))),
        retry_at=NOW + datetime.timedelta(minutes=draw(st.integers(0, 9))),
        probe_money_left=draw(amounts),
    )
    return model(
        key,
        kinds=draw(st.sampled_from([("image",), ("video",)])),
        price=draw(st.none() | st.just(price)),
        health=health,
        available_until=until,
        retired=draw(st.booleans()),
    )


@st.composite
def circumstances(draw: st.DrawFn) -> Facts:
    budgets = draw(st.lists(amounts, max_size=2))
    return facts(
        *(draw(models(key)) for key in draw(st.sets(keys))),
        accounts=frozenset(draw(st.sets(st.sampled_from(["fal", "replicate"])))),
        builtin_only=draw(st.booleans()),
        rates=draw(st.sampled_from([{}, {"USD": Decimal("0.91")}])),
        unknown_price=draw(st.none() | st.just(Decimal(3))),
        history=History(used=draw(st.integers(0, 6))),
        budgets=tuple(
            BudgetLeft(key=str(n), scope="project", name="n", left=left) for n, left in enumerate(budgets)
        ),
    )


@st.composite
def tables(draw: st.DrawFn) -> Table:
    choices = draw(st.lists(keys, min_size=1, max_size=4))
    rule = {"key": "k", "measure": "takes_used", "at_least": 2, "step": "image", "more_takes": 1}
    rule["choices"] = [{"model": draw(keys)}]
    rule["automatic"] = draw(st.booleans())
    route = image_route(*choices, fallbacks=tuple(draw(st.lists(keys, max_size=3))))
    return table(draft_route(cap=4, criteria=[rule]), route)


@given(tables(), circumstances(), st.integers(1, 4))
def test_the_same_question_gets_the_same_answer(found: Table, known: Facts, count: int) -> None:
    brief = draft(count=count)
    assert decide(brief, found, known) == decide(brief, found, known)
    copied = dataclasses.replace(known, models=dict(reversed(known.models.items())))
    assert as_document(decide(brief, found, copied)) == as_document(decide(brief, found, known))


@given(tables(), circumstances(), st.integers(1, 4))
def test_only_eligible_models_are_chosen_and_only_whole_decisions_go(
    found: Table, known: Facts, count: int
) -> None:
    decision = decide(draft(count=count), found, known)
    plan = decision.steps[0]
    used = [plan.chosen, *plan.fallbacks] if plan.chosen else list(plan.fallbacks)
    assert all(choice is not None and choice.eligible for choice in used)
    assert used == [choice for choice in plan.choices if choice.eligible]
    assert all(choice.why for choice in plan.choices if not choice.eligible)
    assert (decision.outcome == "go") == (
        plan.chosen is not None
        and 4 + _more_takes(decision) - known.history.used >= count
        and not decision.shortfalls
    )
    for choice in used:
        assert choice is not None
        may_be_used(known.models[choice.model], known)


def may_be_used(chosen: Model, known: Facts) -> None:
    """Written apart from the code under test: what no chosen model may lack."""
    assert not chosen.retired
    assert chosen.available_until is None or chosen.available_until >= NOW.date()
    assert "image" in chosen.capabilities["kinds"]
    assert chosen.health.breaker != Breaker.OPEN
    if chosen.provider != "builtin":
        assert chosen.provider in known.accounts
        assert not known.builtin_only
    if chosen.price is None:
        assert known.unknown_price is not None
    else:
        assert chosen.price.currency == "EUR" or chosen.price.currency in known.rates


def _more_takes(decision: Decision) -> int:
    return sum(criterion.more_takes for criterion in decision.criteria if criterion.applied)


@given(tables(), circumstances(), st.sets(keys))
def test_an_approval_lets_no_other_model_through(found: Table, known: Facts, approved: set[str]) -> None:
    brief = draft(only={"image": tuple(sorted(approved))})
    plan = decide(brief, found, known).steps[0]
    assert {choice.model for choice in plan.choices if choice.eligible} <= approved


@given(tables(), circumstances())
def test_what_is_held_is_never_less_than_any_model_that_may_be_used(found: Table, known: Facts) -> None:
    plan = decide(draft(), found, known).steps[0]
    for choice in plan.choices:
        if choice.eligible:
            assert choice.expected is not None
            assert choice.at_most is not None
            assert choice.expected <= choice.at_most <= plan.at_most
