"""Requests to raise a budget: asked for with a reason, decided once and by another person."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from billing import budget_raises, budgets, ledger
from billing.models import Budget, BudgetRaise, BudgetWindow
from projects.access import MissingRight
from projects.models import Event, Membership, Notice
from projects.problems import Invalid, Refused
from tests import factories
from tests.billing import races
from tests.billing.booking import NOON, charge, hold
from tests.billing.test_money_pages import signed_in
from tests.cast import Cast, make_cast


def budget(cast: Cast, limit: str = "10") -> Budget:
    return budgets.set_budget(
        scope="workspace", limit=Decimal(limit), window="month", by=cast.finance, now=NOON
    )


def ask(cast: Cast, of: Budget, more: str = "5", by: Membership | None = None) -> BudgetRaise:
    return budget_raises.ask(
        budget=of, more=Decimal(more), reason=" Snow scenes ", by=by or cast.producer, now=NOON
    )


def limits() -> list[tuple[Decimal, Decimal]]:
    return list(BudgetWindow.objects.values_list("limit", "budget__limit"))


def test_a_granted_request_raises_the_limit_at_once_and_tells_who_asked(cast: Cast) -> None:
    own = budget(cast)
    hold(factories.take(cast.deliverable), "9")
    row = ask(cast, own)
    assert limits() == [(Decimal(10), Decimal(10))]
    told = set(Notice.objects.filter(kind="approval_waiting").values_list("membership", flat=True))
    assert told == {cast.manager.pk, cast.second_manager.pk, cast.finance.pk}
    done = budget_raises.grant(request=row, by=cast.manager, note="fine", now=NOON)
    assert (done.state, done.decided_by, done.limit_before) == ("granted", cast.manager.person, Decimal(10))
    assert limits() == [(Decimal(15), Decimal(15))]
    hold(factories.take(cast.deliverable), "6")
    said = Notice.objects.get(kind="request_decided")
    assert said.membership == cast.producer
    assert (
        said.title
        == "Your request for 5.00 EUR more was granted by Manager: Everything in Studio, each month"
    )
    kinds = list(Event.objects.filter(data__budget=str(own.pk)).order_by("id").values_list("kind", flat=True))
    assert kinds == [
        *("budget.set", "budget.reached", "budget.raise_asked"),
        *("budget.changed", "budget.raise_granted", "budget.reached"),
    ]


def test_it_is_decided_once_and_never_by_who_asked(cast: Cast) -> None:
    own = budget(cast)
    row = ask(cast, own, by=cast.manager)
    for attempt in (budget_raises.grant, budget_raises.decline):
        with pytest.raises(budget_raises.NeedsAnother):
            attempt(request=row, by=cast.manager, note="me", now=NOON)
    budget_raises.decline(request=row, by=cast.finance, note="not now", now=NOON)
    for attempt in (budget_raises.grant, budget_raises.decline):
        with pytest.raises(budget_raises.RaiseRefused, match="is declined"):
            attempt(request=row, by=cast.second_manager, note="again", now=NOON)
    assert limits() == [(Decimal(10), Decimal(10))]
    for change in (
        "state = 'granted', limit_before = 10, decided_by_id = requested_by_id",
        "state = 'granted', limit_before = 10, decided_by_id = NULL",
        "state = 'granted'",
        "state = 'waiting'",
        "more = 0",
    ):
        refused = pytest.raises(DatabaseError, match="budget_raise")
        with refused, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE billing_budgetraise SET {change}")


def test_a_request_needs_an_amount_a_reason_and_waits_once_a_person(cast: Cast) -> None:
    own = budget(cast)
    with pytest.raises(Invalid) as invalid:
        budget_raises.ask(budget=own, more=Decimal(0), reason=" ", by=cast.producer, now=NOON)
    assert set(invalid.value.errors) == {"more", "reason"}
    row = ask(cast, own)
    with pytest.raises(budget_raises.RaiseRefused, match="already"):
        ask(cast, own)
    ask(cast, own, by=cast.reviewer)
    budget_raises.withdraw(request=row, by=cast.producer, now=NOON)
    ask(cast, own)
    assert sorted(BudgetRaise.objects.values_list("state", flat=True)) == ["waiting", "waiting", "withdrawn"]
    with pytest.raises(budget_raises.RaiseRefused, match="withdrawn"):
        budget_raises.grant(request=row, by=cast.manager, now=NOON)


def test_it_ends_by_itself_when_nobody_decides(cast: Cast) -> None:
    row = ask(cast, budget(cast))
    late = NOON + datetime.timedelta(days=14)
    assert budget_raises.expire_due(now=late - datetime.timedelta(seconds=1)) == 0
    with pytest.raises(budget_raises.RaiseRefused, match="expired"):
        budget_raises.grant(request=row, by=cast.manager, now=late)
    assert budget_raises.expire_due(now=late) == 1
    row.refresh_from_db()
    assert (row.state, row.decided_by) == ("expired", None)
    assert Notice.objects.filter(kind="request_decided", membership=cast.producer).count() == 1
    assert budget_raises.expire_due(now=late) == 0


def test_a_raise_that_does_not_cover_what_is_overshot_is_refused_whole(cast: Cast) -> None:
    own = budget(cast, "2")
    row = ask(cast, own, "1")
    ledger.post(hold=hold(factories.take(cast.deliverable), "2"), charge=charge("5"), now=NOON)
    with pytest.raises(budgets.LimitBelowUse):
        budget_raises.grant(request=row, by=cast.manager, now=NOON)
    row.refresh_from_db()
    assert (row.state, limits()) == ("waiting", [(Decimal(2), Decimal(2))])


@pytest.mark.parametrize("role", ["producer", "reviewer", "admin", "viewer"])
def test_only_who_sets_budgets_decides(cast: Cast, role: str) -> None:
    row = ask(cast, budget(cast), by=cast.second_manager)
    for attempt in (budget_raises.grant, budget_raises.decline):
        with pytest.raises(MissingRight):
            attempt(request=row, by=cast.by_role[role], note="x", now=NOON)
    with pytest.raises(Refused) as refused:
        budget_raises.grant(request=row, by=cast.stranger, now=NOON)
    assert refused.value.status == 404
    assert limits() == [(Decimal(10), Decimal(10))]


def test_the_refused_page_the_request_and_the_decision(cast: Cast) -> None:
    own = budgets.set_budget(scope="workspace", limit=Decimal(10), window="month", by=cast.finance)
    producer, manager = signed_in(cast.producer), signed_in(cast.manager)
    place = f"/w/studio/budgets/{own.pk}/"
    form = producer.get(f"{place}raise/?more=3.50").content.decode()
    assert 'value="3.50"' in form
    assert producer.post(f"{place}raise/", {"more": "3.5", "reason": ""}).status_code == 422
    sent = producer.post(f"{place}raise/", {"more": "3.5", "reason": "Snow"})
    assert (sent.status_code, sent["Location"]) == (302, place)
    row = BudgetRaise.objects.get()
    for page in ("/w/studio/budgets/", place):
        assert "Raise by €3.50" in manager.get(page).content.decode()
        assert "Withdraw" in producer.get(page).content.decode()
    decide = f"/w/studio/budgets/raises/{row.pk}/"
    manager.post(decide, {"decision": "decline", "note": ""})
    assert BudgetRaise.objects.get().state == "waiting"
    manager.post(decide, {"decision": "grant"})
    assert Budget.objects.get().limit == Decimal("13.5")
    assert "granted €" not in manager.get(place).content.decode()
    assert "granted 3.50 EUR more" in manager.get(place).content.decode()


def grant(asked: tuple[BudgetRaise, Membership]) -> str:
    row, by = asked
    try:
        return budget_raises.grant(request=row, by=by, now=NOON).state
    except budget_raises.RaiseRefused:
        return "refused"


@pytest.fixture
def players(committed: None) -> Cast:
    return make_cast()


def test_of_several_who_grant_at_once_one_does_and_the_limit_rises_once(players: Cast) -> None:
    own = budget(players)
    first, second = ask(players, own), ask(players, own, "2", by=players.reviewer)
    people = [players.manager, players.second_manager, players.finance]
    answers = races.in_processes(grant, [(row, by) for by in people for row in (first, second)])
    assert sorted(answers) == ["granted"] * 2 + ["refused"] * 4
    assert limits() == [(Decimal(17), Decimal(17))]


def test_a_budget_of_another_workspace_is_not_asked_for(cast: Cast, client: Client) -> None:
    own = budget(cast)
    client.force_login(cast.stranger.person)
    assert client.get(f"/w/elsewhere/budgets/{own.pk}/").status_code == 404
    with pytest.raises(Refused) as refused:
        ask(cast, own, by=cast.stranger)
    assert refused.value.status == 404
