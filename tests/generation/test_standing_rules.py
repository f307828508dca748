"""Standing rules: what they approve, what they leave to a manager, and that no race overdraws them."""

from __future__ import annotations

import collections
import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from billing import budgets, exceptions, months
from billing.models import Hold
from generation import heroes, reviews, standing_rules, takes
from projects.access import MissingRight
from projects.models import (
    Event,
    HeroDecision,
    HeroRequest,
    Membership,
    Notice,
    StandingMonth,
    StandingRule,
    Take,
)
from projects.problems import Invalid, Refused
from tests import factories
from tests.billing import races
from tests.cast import Cast, make_cast
from tests.generation.api.conftest import caller, furnished
from tests.generation.pages import signed_in, text
from tests.studio import finished

PRICE = Decimal("1.41")


def rule(cast: Cast, up_to: str = "2", allowance: str | None = "3", **fields: Any) -> StandingRule:
    usual = {"project": cast.project, "until": None, "by": cast.manager}
    held = None if allowance is None else Decimal(allowance)
    return standing_rules.set_rule(up_to=Decimal(up_to), allowance=held, **{**usual, **fields})


def selected(cast: Cast) -> Take:
    """A finished draft of a deliverable of its own, selected."""
    place = factories.deliverable(cast.campaign, category=cast.brand_film, format=cast.format)
    take = finished(takes.make(deliverable=place, by=cast.producer, seed=7).takes.get())
    reviews.review(take=take, decision="select", by=cast.producer)
    take.refresh_from_db()
    return take


def used() -> list[Decimal]:
    return list(StandingMonth.objects.values_list("used", flat=True))


def test_without_a_rule_every_request_waits(draft: Take, studio: Cast) -> None:
    assert heroes.request(take=draft, by=studio.producer).state == "waiting"
    assert not StandingMonth.objects.exists()


def test_what_it_covers_is_approved_held_and_marked(draft: Take, studio: Cast, settings: Any) -> None:
    settings.HERO_UNDO_SECONDS = 60
    own, now = rule(studio), timezone.now()
    row = heroes.request(take=draft, by=studio.producer, now=now)
    assert (row.state, row.standing_rule, row.self_approved) == ("approved", own, False)
    assert row.submit_at == now + datetime.timedelta(seconds=60)
    assert sum(hold.amount for hold in Hold.objects.filter(take=row.hero_take)) == PRICE
    word = HeroDecision.objects.get()
    assert (word.decision, word.by, word.amount, word.standing_rule) == (
        *("approve", studio.manager.person, PRICE),
        own,
    )
    assert used() == [PRICE]
    assert Event.objects.get(kind="hero.approved_by_rule").person is None
    told = list(Notice.objects.values_list("membership", "title"))
    assert told == [
        (studio.producer.pk, "Your hero request for Opening was approved by the standing rule of Manager")
    ]


@pytest.mark.parametrize(
    ("fields", "by"),
    [
        ({"up_to": "1.40"}, "producer"),
        ({"up_to": "1.41", "allowance": "1.41", "by": "second_manager"}, "second_manager"),
    ],
)
def test_what_it_does_not_cover_waits_for_a_manager(
    draft: Take, studio: Cast, fields: dict[str, Any], by: str
) -> None:
    setter = getattr(studio, fields.pop("by", "manager"))
    rule(studio, **fields, by=setter)
    row = heroes.request(take=draft, by=getattr(studio, by))
    assert (row.state, row.standing_rule, row.hero_take) == ("waiting", None, None)
    assert Notice.objects.filter(kind="approval_waiting").exists()
    assert (used(), HeroDecision.objects.count(), Take.objects.filter(phase="hero").count()) == ([], 0, 0)


def test_its_time_its_end_and_its_authors_leaving_end_it(studio: Cast) -> None:
    now = timezone.now()
    rule(studio, allowance=None, until=now + datetime.timedelta(hours=1))
    late = now + datetime.timedelta(hours=1)
    assert heroes.request(take=selected(studio), by=studio.producer, now=late).state == "waiting"
    own = rule(studio)
    Membership.objects.filter(pk=studio.manager.pk).update(roles=["viewer"])
    assert heroes.request(take=selected(studio), by=studio.producer).state == "waiting"
    Membership.objects.filter(pk=studio.manager.pk).update(roles=["manager"])
    assert heroes.request(take=selected(studio), by=studio.producer).state == "approved"
    standing_rules.end_rule(rule=own, by=studio.second_manager)
    assert heroes.request(take=selected(studio), by=studio.producer).state == "waiting"
    with pytest.raises(Refused, match="ended already"):
        standing_rules.end_rule(rule=own, by=studio.second_manager)


def test_what_no_budget_has_money_for_waits_and_uses_nothing(draft: Take, studio: Cast) -> None:
    budgets.set_budget(
        scope="workspace", phase="hero", window="month", limit=Decimal("1.40"), by=studio.finance
    )
    rule(studio)
    row = heroes.request(take=draft, by=studio.producer)
    assert (row.state, used(), Take.objects.filter(phase="hero").count()) == ("waiting", [], 0)


def test_the_allowance_is_the_months_and_outlives_the_rule(studio: Cast, settings: Any) -> None:
    settings.HERO_UNDO_SECONDS = 60
    rule(studio)
    first = heroes.request(take=selected(studio), by=studio.producer)
    assert heroes.request(take=selected(studio), by=studio.producer).state == "approved"
    assert heroes.request(take=selected(studio), by=studio.producer).state == "waiting"
    rule(studio, allowance="4", note="a little more")
    assert heroes.request(take=selected(studio), by=studio.producer).state == "waiting"
    back = heroes.undo(hero_request=first, by=studio.second_manager)
    assert (back.state, back.standing_rule, used()) == ("waiting", None, [PRICE])
    assert heroes.request(take=selected(studio), by=studio.producer).state == "approved"
    approved = heroes.approve(hero_request=back, by=studio.second_manager)
    heroes.undo(hero_request=approved, by=studio.second_manager)
    assert used() == [2 * PRICE]
    (standing,) = standing_rules.in_force(studio.workspace, now=timezone.now())
    assert (standing.used, standing.left, standing.active) == (2 * PRICE, Decimal(4) - 2 * PRICE, True)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"up_to": "0"}, {"up_to"}),
        ({"allowance": "1.99"}, {"allowance"}),
        ({"allowance": None}, {"allowance"}),
        ({"until": factories.utc("2020-01-01T00:00")}, {"until"}),
    ],
)
def test_a_rule_is_bounded(studio: Cast, fields: dict[str, Any], named: set[str]) -> None:
    with pytest.raises(Invalid) as invalid:
        rule(studio, **fields)
    assert set(invalid.value.errors) == named


@pytest.mark.parametrize("role", ["producer", "reviewer", "finance", "admin", "viewer"])
def test_only_managers_set_and_end_rules(studio: Cast, role: str) -> None:
    own = rule(studio)
    for attempt in (
        lambda: rule(studio, by=studio.by_role[role]),
        lambda: standing_rules.end_rule(rule=own, by=studio.by_role[role]),
    ):
        with pytest.raises(MissingRight):
            attempt()
    assert StandingRule.objects.get().ended_at is None


def test_plain_sql_approves_nothing_beyond_a_rule(studio: Cast) -> None:
    own = rule(studio)
    heroes.request(take=selected(studio), by=studio.producer)
    approve = (
        "INSERT INTO projects_herodecision (id, workspace_id, hero_request_id, decision, note, amount,"
        " standing_rule_id, by_id, at) SELECT gen_random_uuid(), workspace_id, hero_request_id, {kind}, '',"
        " {amount}, standing_rule_id, {by}, at FROM projects_herodecision LIMIT 1"
    )
    other = f"'{studio.second_manager.person_id}'"
    for statement, named in (
        (approve.format(kind="'approve'", amount="1.60", by="by_id"), "standing_allowance"),
        (approve.format(kind="'approve'", amount="2.01", by="by_id"), "does not cover"),
        (approve.format(kind="'approve'", amount="0.10", by=other), "does not cover"),
        ("UPDATE projects_standingmonth SET used = 3.01", "standing_allowance"),
        ("UPDATE projects_standingrule SET up_to = 99", "Cannot update"),
        ("UPDATE projects_herorequest SET state = 'declined'", "hero_request_by_rule_is_approved"),
    ):
        with pytest.raises(DatabaseError, match=named), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert (used(), own.decisions.count()) == ([PRICE], 1)
    assert HeroRequest.objects.get().state == "approved"


def test_each_use_is_an_exception_of_its_month(draft: Take, studio: Cast) -> None:
    rule(studio)
    heroes.request(take=draft, by=studio.producer)
    month = months.month_of(studio.workspace, timezone.now())
    (found,) = exceptions.listed(workspace=studio.workspace, month=month)
    assert (found.kind, found.deliverable, found.by, found.amount) == ("by_rule", "Opening", "Manager", PRICE)
    assert exceptions.number(workspace=studio.workspace, month=month) == 1
    page = text(signed_in(studio.finance), f"/w/studio/month/{month}/exceptions/")
    assert "Approved by a standing rule" in page


def test_a_manager_sets_a_rule_and_sees_what_it_approves(studio: Cast) -> None:
    client = signed_in(studio.manager)
    assert "Set the first rule" in text(client, "/w/studio/standing-rules/")
    body = {"project": studio.project.pk, "up_to": "2", "allowance": "", "until": ""}
    refused = client.post("/w/studio/standing-rules/new/", body)
    assert (refused.status_code, b"allowance for each month" in refused.content) == (422, True)
    last_day = timezone.localdate() + datetime.timedelta(days=2)
    body |= {"allowance": "3", "until": last_day.isoformat()}
    assert client.post("/w/studio/standing-rules/new/", body).status_code == 302
    own = StandingRule.objects.get()
    assert own.until == months.first_instant(
        last_day + datetime.timedelta(days=1), months.zone_of(studio.workspace)
    )
    row = heroes.request(take=selected(studio), by=studio.producer)
    page = text(client, "/w/studio/standing-rules/")
    assert "€1.41" in page
    assert "Approved by rule" in page
    assert row.hero_take is not None
    desk = f"/w/studio/deliverables/{row.deliverable_id}/?take={row.hero_take.number}"
    assert "approved by standing rule" in text(client, desk)
    lines = client.get("/w/studio/standing-rules/approved.csv").content.decode().splitlines()
    assert lines[0] == "at,decision,deliverable,asked by,rule of,amount"
    assert lines[1].endswith("Producer,Manager,1.41000000")
    assert client.post(f"/w/studio/standing-rules/{own.pk}/end/").status_code == 302
    assert not StandingRule.objects.filter(ended_at__isnull=True).exists()


def test_the_api_names_the_rule(draft: Take, studio: Cast) -> None:
    own = rule(studio)
    row = heroes.request(take=draft, by=studio.producer)
    answer = caller(studio.viewer).get(f"/api/v1/hero-requests/{row.pk}/").json()
    assert (answer["standing_rule"], answer["state"]) == (str(own.pk), "approved")


def ask(asked: tuple[Take, Membership]) -> str:
    take, by = asked
    return heroes.request(take=take, by=by).state


@pytest.fixture
def players(committed: None) -> Cast:
    return furnished(make_cast())


def test_of_six_who_ask_at_once_exactly_as_many_are_approved_as_the_allowance_has(players: Cast) -> None:
    rule(players, allowance="4.23")
    drafts = [selected(players) for _ in range(6)]
    answers = races.in_processes(ask, [(take, players.producer) for take in drafts])
    assert collections.Counter(answers) == {"approved": 3, "waiting": 3}
    assert used() == [3 * PRICE]
    assert HeroDecision.objects.count() == Take.objects.filter(phase="hero").count() == 3
