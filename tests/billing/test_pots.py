"""Pots: the whole cash of a deliverable lies in one, by its state, at any instant."""

from __future__ import annotations

from decimal import Decimal

import pytest

from billing import ledger, pots, roll_forward
from billing.models import DeliverableCost, Entry
from projects.decisions import AgainstGrammar
from projects.models import Decision, Take
from tests import factories
from tests.billing import booking
from tests.billing.booking import charge, spend
from tests.cast import Cast
from tests.factories import utc


def decide(take: Take, decision: str, at: str) -> Decision:
    whole = decision in ("write_off", "reopen")
    return pots.decide(
        deliverable=take.deliverable,
        take=None if whole else take,
        decision=decision,
        by=None,
        at=utc(at),
    )


def terms(cast: Cast, month: str) -> tuple[str, ...]:
    """Opening, spend, accepted, written off, period, closing; the check has found no difference."""
    found = roll_forward.roll_forward(cast.workspace, month)
    assert found.differences == []
    kept = found.kept
    return tuple(
        f"{amount:.2f}"
        for amount in (
            kept.opening_wip,
            kept.spend,
            kept.accepted,
            kept.written_off,
            kept.period,
            kept.closing_wip,
        )
    )


def test_the_worked_example_rolls_forward(cast: Cast) -> None:
    a = cast.deliverable
    b, c = (factories.deliverable(cast.campaign, category=cast.brand_film) for _ in range(2))
    dropped = factories.take(c)
    spend(dropped, "0.05", at=utc("2026-09-20T10:00"))
    drafts = [factories.take(a) for _ in range(4)]
    for take in drafts:
        spend(take, "0.05", at=utc("2026-10-05T10:00"))
    for _ in range(2):
        spend(factories.take(b), "0.05", at=utc("2026-10-06T10:00"))
    decide(dropped, "write_off", "2026-10-03T10:00")
    decide(drafts[0], "reject", "2026-10-06T10:00")
    decide(drafts[2], "select", "2026-10-12T10:00")
    hero = factories.take(a, phase="hero")
    spend(hero, "2.00", at=utc("2026-10-13T10:00"))
    spend(hero, "0.30", at=utc("2026-10-13T11:00"), stage="refinement")
    decide(hero, "accept", "2026-10-14T10:00")
    assert terms(cast, "2026-09") == ("0.00", "0.05", "0.00", "0.00", "0.00", "0.05")
    assert terms(cast, "2026-10") == ("0.05", "2.60", "2.50", "0.05", "0.00", "0.10")
    assert terms(cast, "2026-11") == ("0.10", "0.00", "0.00", "0.00", "0.00", "0.10")


def test_every_decision_moves_the_whole_cash_and_a_reversal_brings_it_back(cast: Cast) -> None:
    take = factories.take(cast.deliverable)
    spend(take, "1.5", at=utc("2026-10-01T10:00"))
    spend(take, "0.5", at=utc("2026-10-02T10:00"))
    seen = [booking.pots(cast.deliverable)]
    for number, word in enumerate(("accept", "reverse", "write_off", "reopen", "accept")):
        decide(take, word, f"2026-10-{10 + number}T10:00")
        seen.append(booking.pots(cast.deliverable))
    assert seen == [
        {"wip": "2.00"},
        {"accepted": "2.00"},
        {"wip": "2.00"},
        {"written_off": "2.00"},
        {"wip": "2.00"},
        {"accepted": "2.00"},
    ]
    assert Entry.objects.filter(kind="transfer").count() == 5


def test_an_entry_booked_late_goes_where_its_instant_says_and_moves_at_each_decision_since(
    cast: Cast,
) -> None:
    take = factories.take(cast.deliverable)
    spend(take, "1", at=utc("2026-10-01T10:00"))
    first = decide(take, "accept", "2026-10-10T10:00")
    second = decide(take, "reverse", "2026-11-10T10:00")
    late = ledger.charge_without_hold(
        workspace=cast.workspace,
        take=take,
        charge=charge("0.25", at=utc("2026-10-05T10:00")),
        now=utc("2026-12-01T10:00"),
    )
    assert late.debit == "wip"
    transfers = Entry.objects.filter(kind="transfer", amount=Decimal("0.25")).order_by("effective_at")
    assert [(row.credit, row.debit, row.decision, row.effective_at) for row in transfers] == [
        ("wip", "accepted", first.sequence, first.at),
        ("accepted", "wip", second.sequence, second.at),
    ]
    assert terms(cast, "2026-10") == ("0.00", "1.25", "1.25", "0.00", "0.00", "0.00")
    assert terms(cast, "2026-11") == ("0.00", "0.00", "-1.25", "0.00", "0.00", "1.25")


def test_an_entry_after_an_acceptance_lies_in_cost_of_accepted(cast: Cast) -> None:
    take = factories.take(cast.deliverable)
    spend(take, "1", at=utc("2026-10-01T10:00"))
    decide(take, "accept", "2026-10-10T10:00")
    assert spend(take, "0.5", at=utc("2026-11-02T10:00")).debit == "accepted"
    assert terms(cast, "2026-11") == ("0.00", "0.50", "0.50", "0.00", "0.00", "0.00")


def test_at_equal_instants_the_charge_comes_before_the_decision(cast: Cast) -> None:
    take = factories.take(cast.deliverable)
    decide(take, "accept", "2026-10-10T10:00")
    entry = spend(take, "1", at=utc("2026-10-10T10:00"))
    assert entry.debit == "wip"
    assert booking.pots(cast.deliverable) == {"accepted": "1.00"}


def test_a_decision_dated_before_an_entry_takes_it_along_at_the_entrys_instant(cast: Cast) -> None:
    take = factories.take(cast.deliverable)
    spend(take, "1", at=utc("2026-10-01T10:00"))
    spend(take, "2", at=utc("2026-11-03T10:00"))
    decide(take, "accept", "2026-10-20T10:00")
    assert terms(cast, "2026-10") == ("0.00", "1.00", "1.00", "0.00", "0.00", "0.00")
    assert terms(cast, "2026-11") == ("0.00", "2.00", "2.00", "0.00", "0.00", "0.00")


def test_a_decision_dated_before_the_last_one_is_refused_and_changes_nothing(cast: Cast) -> None:
    take = factories.take(cast.deliverable)
    spend(take, "1", at=utc("2026-10-01T10:00"))
    decide(take, "accept", "2026-10-10T10:00")
    before = booking.books(), Decision.objects.count()
    with pytest.raises(AgainstGrammar, match="decided on at 2026-10-10"):
        decide(take, "reverse", "2026-10-09T10:00")
    with pytest.raises(AgainstGrammar):
        decide(take, "accept", "2026-10-11T10:00")
    assert (booking.books(), Decision.objects.count()) == before
    cast.deliverable.refresh_from_db()
    assert cast.deliverable.state == "accepted"


def test_cash_without_deliverable_is_shared_or_of_the_period(cast: Cast) -> None:
    at = utc("2026-10-05T10:00")
    ledger.charge_without_hold(workspace=cast.workspace, campaign=cast.campaign, charge=charge("3", at=at))
    ledger.charge_without_hold(workspace=cast.workspace, project=cast.project, charge=charge("4", at=at))
    ledger.charge_without_hold(workspace=cast.workspace, charge=charge("5", at=at, stage=""))
    assert sorted(Entry.objects.values_list("debit", "amount")) == [
        ("period", Decimal(4)),
        ("period", Decimal(5)),
        ("wip", Decimal(3)),
    ]
    assert terms(cast, "2026-10") == ("0.00", "12.00", "0.00", "0.00", "9.00", "3.00")


def test_history_in_bulk_lies_where_single_bookings_would_have_put_it(cast: Cast) -> None:
    take = factories.take(cast.deliverable)
    decide(take, "accept", "2026-10-10T10:00")
    decide(take, "reverse", "2026-11-10T10:00")
    rows = [
        Entry(
            workspace=cast.workspace,
            kind="charge",
            amount=Decimal("0.01"),
            provider="fal",
            stage="generation",
            project=cast.project,
            campaign=cast.campaign,
            deliverable=cast.deliverable,
            take=take,
            service_at=at,
            booked_at=at,
            effective_at=at,
        )
        for at in [utc("2026-10-01T10:00"), utc("2026-10-20T10:00"), utc("2026-11-20T10:00")] * 300
    ]
    assert ledger.book_many(workspace=cast.workspace, cash=rows, batch=500) == 900
    assert terms(cast, "2026-10") == ("0.00", "6.00", "6.00", "0.00", "0.00", "0.00")
    assert terms(cast, "2026-11") == ("0.00", "3.00", "-6.00", "0.00", "0.00", "9.00")
    assert DeliverableCost.objects.get().generation == Decimal(9)


def test_a_planted_wrong_transfer_is_seen(cast: Cast) -> None:
    take = factories.take(cast.deliverable)
    spend(take, "1", at=utc("2026-10-01T10:00"))
    accepted = decide(take, "accept", "2026-10-10T10:00")
    planted = Entry.objects.get(kind="transfer")
    planted.pk = None
    planted.id, planted.amount = factories.workspace("x").pk, Decimal("0.00000001")
    planted.effective_at, planted.decision = utc("2026-10-20T10:00"), accepted.sequence
    planted.save(force_insert=True)
    found = roll_forward.roll_forward(cast.workspace, "2026-10")
    assert not found.holds
    assert found.kept.off_by() == 0  # both sides still agree: only the recomputation tells
    assert found.differences == [
        "The workspace: accepted is kept as 1.00000001, the rows say 1.00000000.",
        "The workspace: closing wip is kept as -0.00000001, the rows say 0.00000000.",
        f"Campaign {cast.campaign.pk}: accepted is kept as 1.00000001, the rows say 1.00000000.",
        f"Campaign {cast.campaign.pk}: closing wip is kept as -0.00000001, the rows say 0.00000000.",
        f"Deliverable {cast.deliverable.pk}: at the end accepted holds 1.00000001, the rows say 1.00000000.",
        f"Deliverable {cast.deliverable.pk}: at the end wip holds -0.00000001, the rows say 0.00000000.",
    ]


def test_wrong_transfers_that_cancel_within_a_campaign_are_seen_by_deliverable(cast: Cast) -> None:
    other = factories.take(factories.deliverable(cast.campaign))
    take = factories.take(cast.deliverable)
    for each in (take, other):
        spend(each, "1", at=utc("2026-10-01T10:00"))
        decide(each, "accept", "2026-10-10T10:00")
    for row, sign in zip(Entry.objects.filter(kind="transfer").order_by("id"), (1, -1), strict=True):
        row.pk = None
        row.id, row.amount = factories.workspace().pk, Decimal("0.5") * sign
        row.effective_at = utc("2026-10-20T10:00")
        row.save(force_insert=True)
    found = roll_forward.roll_forward(cast.workspace, "2026-10")
    assert found.kept == found.recomputed
    assert len(found.differences) == 4
