"""The pages that explain a month, against plain loops over random histories, to the last digit."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from billing import (
    audit,
    bridge_rows,
    bridge_steps,
    campaign_terms,
    comparison,
    effects,
    exchange,
    figures,
    months,
    pace,
    prior_period,
    roll_forward,
    variance,
    waterfalls,
)
from billing.acceptances import Month
from generation import month_drill
from projects.models import Campaign, Deliverable, Workspace
from tests.billing import histories, naive_exchange
from tests.billing.histories import History
from tests.billing.naive_month import Month as NaiveMonth
from tests.billing.naive_rows import month_before, read_charges, read_decisions, round8
from tests.billing.test_audit_agrees import imported

pytestmark = pytest.mark.django_db
SEEDS = range(1000, 1008)
FOREIGN = (1021, 1065, 1227, 1302, 1311, 1377, 1382, 1385)
"""Histories in which a foreign currency moved the figure."""


def plain(history: History, month: str, campaign: tuple[str, str] | None = None) -> NaiveMonth:
    """The month of the reference, of one campaign alone where it is named."""
    charges = read_charges(history.charges, history.settings)
    decisions = read_decisions(history.decisions)
    if campaign:
        charges = [row for row in charges if (row.row["project"], row.row["campaign"]) == campaign]
        decisions = [row for row in decisions if (row.row["project"], row.row["campaign"]) == campaign]
    return NaiveMonth(charges, decisions, history.settings, month)


def of(workspace: Workspace, month: str) -> Month:
    return Month(workspace, months.span(workspace, month))


@pytest.mark.parametrize("seed", FOREIGN)
def test_exchange_is_split_from_price_as_plain_loops_have_it(seed: int) -> None:
    history = histories.seeded(seed)
    with imported(history) as workspace:
        for month in history.months:
            before = month_before(month)
            old, new = (comparison.of_month(workspace, name) for name in (before, month))
            was, now = plain(history, before), plain(history, month)
            parts = variance.found(old, new)
            document = audit.month_document(workspace=workspace, month=month)
            if document["effects"] is None:
                assert (parts, variance.steps(old, new)) == (None, [])
                continue
            assert parts is not None
            expected = naive_exchange.exchange(was, now)
            assert parts["exchange"] == Decimal(figures.printed(expected))
            assert parts["price"] + parts["exchange"] == Decimal(document["effects"]["price"])
            for name in ("multiplier", "rest", "mix"):
                assert parts[name] == Decimal(document["effects"][name])
            assert waterfalls.left_over(variance.steps(old, new)) == 0


def test_some_histories_have_an_effect_of_exchange() -> None:
    """So that the comparison above cannot pass with zeros alone."""
    found = 0
    for seed in FOREIGN:
        history = histories.seeded(seed)
        for month in history.months:
            was, now = plain(history, month_before(month)), plain(history, month)
            found += bool(was.acceptances and now.acceptances and naive_exchange.exchange(was, now))
    assert found >= len(FOREIGN)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_categories_parts_add_up_to_the_effects(seed: int) -> None:
    history = histories.seeded(seed)
    with imported(history) as workspace:
        for month in history.months:
            old, new = (comparison.of_month(workspace, name) for name in (month_before(month), month))
            whole = effects.effects(old=old.cells, new=new.cells)
            if whole is None:
                continue
            rows = variance.by_category(old, new)
            for name in ("multiplier", "rest"):
                together = sum((getattr(row, name) for row in rows), Fraction(0))
                assert figures.printed(together) == whole[name]
            together = sum((row.price + row.exchange for row in rows), Fraction(0))
            assert figures.printed(together) == whole["price"]
            rates = exchange.effect(old=old.cells, new=new.cells, was=old.foreign, now=new.foreign)
            assert sum((row.exchange for row in rows), Fraction(0)) == rates


@pytest.mark.parametrize("seed", SEEDS)
def test_the_bridge_leaves_nothing_over_and_each_term_is_its_rows(seed: int) -> None:
    history = histories.seeded(seed)
    with imported(history) as workspace:
        for month in history.months:
            document = audit.month_document(workspace=workspace, month=month)
            assert bridge_steps.left_over(document) == (0, 0)
            steps = bridge_steps.steps(document, {})
            assert waterfalls.left_over(steps) == 0
            terms = bridge_steps.amounts(document)
            for term in bridge_rows.TERMS:
                parts = bridge_rows.parts(month=of(workspace, month), term=term)
                assert parts.total == sum((row.amount for row in parts.rows), Decimal(0)) == terms[term]
                assert parts.number == len(parts.rows)


@pytest.mark.parametrize("seed", SEEDS)
def test_each_campaign_rolls_forward_as_it_would_alone(seed: int) -> None:
    history = histories.seeded(seed)
    with imported(history) as workspace:
        for month in history.months:
            lines = campaign_terms.lines(of(workspace, month))
            for line in lines:
                if line.campaign_id is None:
                    continue
                alone = plain(history, month, tuple(line.key.split("/")))  # type: ignore[arg-type]
                opening, closing = alone.pots(alone.start), alone.pots(alone.end)
                assert line.terms == roll_forward.Terms(
                    opening_wip=money(opening["open"]),
                    spend=money(sum((row.booked for row in alone.spent), Fraction(0))),
                    accepted=money(closing["accepted"] - opening["accepted"]),
                    written_off=money(closing["written_off"] - opening["written_off"]),
                    period=money(closing["period"] - opening["period"]),
                    closing_wip=money(closing["open"]),
                )
            document = audit.month_document(workspace=workspace, month=month)
            whole = roll_forward.total(line.terms for line in lines)
            assert {name: figures.printed(amount) for name, amount in vars(whole).items()} == document[
                "roll_forward"
            ]
            assert whole.off_by() == 0


def money(amount: Fraction) -> Decimal:
    return Decimal(figures.printed(round8(amount)))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_bar_of_lead_time_week_and_take_is_its_list(seed: int) -> None:
    history = histories.seeded(seed)
    with imported(history) as workspace:
        briefs = {
            (row.campaign.project.key, row.campaign.key, row.key): row.created_at
            for row in Deliverable.objects.filter(workspace=workspace).select_related("campaign__project")
        }
        zone = ZoneInfo(history.settings.time_zone)
        for month in history.months:
            asked, accepted = of(workspace, month), plain(history, month).acceptances
            found = pace.of_month(asked)
            for lead in found.leads:
                expected = {
                    each.deliverable[2]
                    for each in accepted
                    if days(lead.over if lead.over else -9999)
                    <= each.at - briefs[each.deliverable]
                    < days(lead.within or 9999)
                }
                narrow = month_drill.Narrow(over=lead.over or None, within=lead.within)
                rows = month_drill.accepted(month=asked, narrow=narrow, limit=999)
                assert lead.number == len(rows)
                assert {row.name for row in rows} == expected
            for week in found.weeks:
                sunday = week.monday + datetime.timedelta(days=6)
                inside = [
                    each for each in accepted if week.monday <= each.at.astimezone(zone).date() <= sunday
                ]
                assert (week.number, week.monday.weekday()) == (len(inside), 0)
            assert sum(week.number for week in found.weeks) == len(accepted)
            assert sum(each.number for each in found.categories) == len(accepted)
            for place in audit.also(workspace=workspace, month=month).curve:
                rows = month_drill.accepted(
                    month=asked, narrow=month_drill.Narrow(place=place.take), limit=999
                )
                assert (len(rows), sum((Decimal(str(row.cash)) for row in rows), Decimal(0))) == (
                    place.accepted,
                    place.cash,
                )


def days(number: int) -> datetime.timedelta:
    return datetime.timedelta(days=number)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_campaigns_side_is_its_line_of_the_months_table(seed: int) -> None:
    history = histories.seeded(seed)
    with imported(history) as workspace:
        far = datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC)
        for campaign in Campaign.objects.filter(workspace=workspace).select_related("project", "workspace"):
            key = f"{campaign.project.key}/{campaign.key}"
            for month in history.months:
                side = comparison.of_campaign(campaign, month=month, now=far)
                rows = audit.month_document(workspace=workspace, month=month, by="campaign")["rows"]
                line = next((row for row in rows if row["key"] == key), None)
                found = figures.of(side.sums)
                if line is None:
                    assert found["accepted"] == 0
                else:
                    assert found == {name: line[name] for name in found}
            whole = comparison.of_campaign(campaign, now=far)
            standing = plain(history, history.months[-1], (campaign.project.key, campaign.key))
            assert whole.sums.accepted == len(still_accepted(standing))


def still_accepted(month: NaiveMonth) -> set[uuid.UUID | tuple[str, str, str]]:
    """What is accepted at the end of the last month, whenever that was."""
    month.start = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return {each.deliverable for each in month._acceptances()}


@pytest.mark.parametrize("seed", SEEDS)
def test_cash_of_earlier_months_is_listed_by_old_and_new_kind(seed: int) -> None:
    history = histories.seeded(seed)
    with imported(history) as workspace:
        for month in history.months:
            was, now = plain(history, month_before(month)), plain(history, month)
            expected: dict[tuple[str, str], list[Fraction]] = {}
            for row in was.cash_rows:
                if row.row["charge"] == "failed":
                    continue  # it cost nothing, so there is no entry of it
                kinds = [each._kind(row, given_back(each)) for each in (was, now)]
                if kinds[0] != kinds[1]:
                    expected.setdefault((kinds[0], kinds[1]), []).append(row.booked)
            found = prior_period.by_kind(of(workspace, month))
            assert {(row.old.value, row.new.value): (row.entries, row.amount) for row in found} == {
                kinds: (len(rows), money(sum(rows, Fraction(0)))) for kinds, rows in expected.items()
            }
            for row in found:
                parts = prior_period.listed(of(workspace, month), old=row.old, new=row.new)
                assert sum((part.amount for part in parts), Decimal(0)) == row.amount
                assert sum(part.entries for part in parts) == row.entries


def given_back(month: NaiveMonth) -> set[str]:
    return {row.row["refunds"] for row in month.charges} - {""}
