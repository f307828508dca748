"""What becomes of differences: one adjustment each, acceptances that can be undone, and whose cost it is."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from billing import ledger
from billing.invoices import imports, settle, statement, unclaimed
from billing.invoices.jobs import Job
from billing.models import Assignment, Difference, DifferenceStep, Entry
from projects.access import MissingRight
from projects.identifiers import new_id
from projects.models import Take
from projects.problems import Invalid, Refused
from tests import factories
from tests.billing import booking, invoicing, races
from tests.billing.booking import NOON
from tests.billing.invoicing import MONTH, bill, entry, file, line
from tests.cast import Cast, make_cast


def dear(cast: Cast) -> tuple[Take, Difference]:
    """A call that was booked at 0.045 and billed at 0.054."""
    row, take = invoicing.price_row(cast.finance), factories.take(cast.deliverable)
    invoicing.book(take, [entry(take, "job-1", NOON, "0.05", row)])
    imports.bring_in(bill(file([line("job-1", cost="0.06")])), by=cast.finance)
    return take, Difference.objects.get()


def lost(cast: Cast, **said: str) -> Difference:
    """A line for which nothing is booked."""
    invoicing.price_row(cast.finance)
    imports.bring_in(bill(file([line("job-lost", **said)])), by=cast.finance)
    return Difference.objects.get()


def test_an_adjustment_corrects_the_charge_and_names_the_line(cast: Cast) -> None:
    take, row = dear(cast)
    made = settle.adjust(difference=row, reason="their list price rose", by=cast.finance)
    charge = Entry.objects.get(kind="charge")
    assert (made.amount, made.take_id, made.corrects) == (Decimal("0.009"), take.pk, charge.id)
    assert (made.effective_at, made.kind, made.debit) == (NOON, "adjustment", "wip")
    assert made.calculation.startswith("Price, line 2 of invoice fal-2026-10.csv: 0.06 per image billed")
    assert booking.pots(cast.deliverable) == {"wip": "0.054"}
    step = DifferenceStep.objects.get()
    assert (step.outcome, step.entry, step.reason) == ("adjusted", made.id, "their list price rose")


def test_a_settled_difference_is_not_settled_again(cast: Cast) -> None:
    _, row = dear(cast)
    settle.adjust(difference=row, reason="as billed", by=cast.finance)
    before = booking.books()
    for act in (settle.adjust, settle.accept):
        with pytest.raises(settle.Settled, match="adjusted before"):
            act(difference=row, reason="again", by=cast.finance)
    with pytest.raises(Refused, match="only an acceptance"):
        settle.undo(difference=row, reason="wrong", by=cast.finance)
    assert booking.books() == before
    assert DifferenceStep.objects.count() == 1


def test_an_acceptance_is_undone_and_then_adjusted(cast: Cast) -> None:
    _, row = dear(cast)
    settle.accept(difference=row, reason="small", by=cast.finance)
    assert statement.statement(cast.workspace, "fal", MONTH).reconciled
    settle.undo(difference=row, reason="not small at all", by=cast.finance)
    assert not statement.statement(cast.workspace, "fal", MONTH).reconciled
    settle.adjust(difference=row, reason="as billed", by=cast.finance)
    assert list(DifferenceStep.objects.order_by("number").values_list("number", "outcome")) == [
        (1, "accepted"),
        (2, "undone"),
        (3, "adjusted"),
    ]


def test_a_class_is_accepted_within_the_tolerance_only_and_stays_listed(cast: Cast) -> None:
    row, take = invoicing.price_row(cast.finance), factories.take(cast.deliverable)
    invoicing.book(take, [entry(take, f"job-{n}", NOON, "1.00", row) for n in range(2)])
    lines = [line("job-0", cost="1.015", Units="20"), line("job-1", cost="1.50", Units="20")]
    imports.bring_in(bill(file(lines)), by=cast.finance)
    words = {"provider": "fal", "month": MONTH, "reason": "within 2 %", "by": cast.finance}
    assert settle.accept_class(kind="price", **words) == 1
    assert settle.accept_class(kind="price", **words) == 0
    states = statement.listed(cast.workspace, "fal", MONTH).order_by("amount").values_list("state", flat=True)
    assert list(states) == ["accepted", "undone"]
    with pytest.raises(Invalid, match="as a class"):
        settle.accept_class(kind="missing_here", **words)


def test_a_job_of_ours_costs_its_take(cast: Cast) -> None:
    invoicing.price_row(cast.finance)
    take = factories.take(cast.deliverable)
    job = Job(call=new_id(), take=take.pk, stage="refinement", model="fal/flux")
    imports.bring_in(bill(file([line("job-known")])), by=cast.finance, jobs=lambda *_: {"job-known": job})
    row = Difference.objects.get()
    assert (row.kind, row.take_id, row.why) == (
        "missing_here",
        take.pk,
        "job job-known is ours, and nothing is booked for it",
    )
    made = settle.adjust(difference=row, reason="it was charged", by=cast.finance)
    assert (made.take_id, made.stage, made.debit) == (take.pk, "refinement", "wip")
    assert list(unclaimed.listed(cast.finance)) == []


def test_what_belongs_to_no_take_is_unclaimed_until_it_is_assigned(cast: Cast) -> None:
    made = settle.adjust(difference=lost(cast, Key="studio-key"), reason="it was used", by=cast.finance)
    assert (made.debit, made.effective_at) == ("period", NOON)
    (row,) = unclaimed.listed(cast.finance)
    assert (row.id, row.key_name) == (made.id, "studio-key")
    take, now = factories.take(cast.deliverable), booking.NOON.replace(month=11)
    unclaimed.assign(ids=[row.id], target=take, by=cast.finance, now=now)
    pair = Entry.objects.filter(corrects=made.id).order_by("amount")
    assert [(each.amount, each.debit, each.take_id, each.effective_at) for each in pair] == [
        (Decimal("-0.045"), "period", None, now),
        (Decimal("0.045"), "wip", take.pk, now),
    ]
    before = booking.books()
    with pytest.raises(unclaimed.AssignedBefore):
        unclaimed.assign(ids=[row.id], target=cast.campaign, by=cast.finance)
    assert booking.books() == before


def test_a_rule_assigns_what_fits_and_nothing_else(cast: Cast) -> None:
    invoicing.price_row(cast.finance)
    lines = [line(f"job-{key}", Key=key) for key in ("mine", "other")]
    imports.bring_in(bill(file(lines)), by=cast.finance)
    for row in Difference.objects.all():
        settle.adjust(difference=row, reason="it was used", by=cast.finance)
    wanted = unclaimed.Filter(
        provider="fal", model="fal/flux", key="mine", since=NOON, until=NOON.replace(hour=13)
    )
    rule = unclaimed.assign_by_rule(wanted=wanted, target=cast.campaign, by=cast.finance)
    assert rule.assignments.count() == 1
    assert [row.key_name for row in unclaimed.listed(cast.finance)] == ["other"]
    for nothing in (wanted, unclaimed.Filter()):
        with pytest.raises(Invalid):
            unclaimed.assign_by_rule(wanted=nothing, target=cast.campaign, by=cast.finance)
    later = dataclasses.replace(wanted, key="", since=NOON.replace(day=16), until=None)
    with pytest.raises(Invalid, match="No unclaimed charge fits"):
        unclaimed.assign_by_rule(wanted=later, target=cast.campaign, by=cast.finance)


def test_a_cut_off_that_is_booked_is_accepted_and_not_booked_again(cast: Cast) -> None:
    row, take = invoicing.price_row(cast.finance), factories.take(cast.deliverable)
    invoicing.book(take, [entry(take, "job-1", NOON.replace(month=9), "0.05", row)])
    imports.bring_in(bill(file([line("job-1"), line("job-2")])), by=cast.finance)
    cut_off = Difference.objects.get(month=MONTH, kind="cut_off")
    with pytest.raises(settle.NotAdjusted):
        settle.adjust(difference=cut_off, reason="as billed", by=cast.finance)
    settle.accept(difference=cut_off, reason="booked in September", by=cast.finance)


def test_a_later_bill_explains_what_was_missing(cast: Cast) -> None:
    row, take = invoicing.price_row(cast.finance), factories.take(cast.deliverable)
    invoicing.book(take, [entry(take, f"job-{n}", NOON, "0.05", row) for n in range(2)])
    imports.bring_in(bill(file([line("job-0")])), by=cast.finance)
    missing = Difference.objects.get(kind="missing_there")
    imports.bring_in(bill(file([line("job-1")]), number="second half"), by=cast.finance)
    found = statement.statement(cast.workspace, "fal", MONTH)
    assert (found.reconciled, found.billed, found.used) == (True, Decimal("0.09"), Decimal("0.09"))
    with pytest.raises(settle.Settled, match="later bill"):
        settle.adjust(difference=missing, reason="not billed", by=cast.finance)


def test_a_charge_that_was_given_back_and_is_not_billed_is_no_difference(cast: Cast) -> None:
    from billing import ledger

    row, take = invoicing.price_row(cast.finance), factories.take(cast.deliverable)
    invoicing.book(take, [entry(take, f"job-{n}", NOON, "1.00", row) for n in range(3)])
    charges = {each.external_id: each for each in Entry.objects.all()}
    ledger.refund(entry=charges["job-0"], at=NOON, now=NOON)
    ledger.refund(entry=charges["job-1"], at=NOON, amount=Decimal("0.45"), now=NOON)
    imports.bring_in(bill(file([line("job-1", cost="0.50"), line("job-2", cost="1.00")])), by=cast.finance)
    assert Difference.objects.count() == 0
    assert statement.statement(cast.workspace, "fal", MONTH).reconciled


def test_charges_that_come_after_the_comparison_are_said(cast: Cast) -> None:
    row, take = invoicing.price_row(cast.finance), factories.take(cast.deliverable)
    invoicing.book(take, [entry(take, "job-0", NOON, "0.05", row)])
    imports.bring_in(bill(file([line("job-0")])), by=cast.finance)
    invoicing.book(take, [entry(take, "job-1", NOON, "0.05", row)])
    found = statement.statement(cast.workspace, "fal", MONTH)
    assert (found.not_compared, found.reconciled) == (Decimal("-0.045"), False)


@pytest.mark.parametrize("role", ["producer", "reviewer", "manager", "admin", "viewer"])
def test_only_finance_settles_and_assigns(cast: Cast, role: str) -> None:
    _, row = dear(cast)
    by, before = getattr(cast, role), booking.books()
    for act in (settle.accept, settle.adjust, settle.undo):
        with pytest.raises(MissingRight):
            act(difference=row, reason="no", by=by)
    with pytest.raises(MissingRight):
        settle.accept_class(provider="fal", month=MONTH, kind="price", reason="no", by=by)
    with pytest.raises(MissingRight):
        unclaimed.assign(ids=[new_id()], target=cast.campaign, by=by)
    assert (booking.books(), DifferenceStep.objects.count()) == (before, 0)


def test_a_charge_without_a_model_is_unclaimed_and_a_fees_rest_is_not(cast: Cast) -> None:
    usual = {"provider": "runway", "stage": "", "service_at": NOON}
    said = ledger.Charge(amount=Decimal(3), external_id="charge-7", **usual)
    charged = ledger.charge_without_hold(workspace=cast.workspace, charge=said, now=NOON)
    ledger.charge_without_hold(
        workspace=cast.workspace, charge=ledger.Charge(amount=Decimal(90), **usual), now=NOON
    )
    (row,) = unclaimed.listed(cast.finance)
    assert row.id == charged.id
    unclaimed.assign(ids=[row.id], target=cast.campaign, by=cast.finance)
    assert list(unclaimed.listed(cast.finance)) == []


def test_a_stranger_sees_neither_differences_nor_unclaimed_charges(cast: Cast) -> None:
    made = settle.adjust(difference=lost(cast), reason="it was used", by=cast.finance)
    assert Difference.objects.visible_to(cast.stranger).count() == 0
    assert list(unclaimed.listed(cast.stranger)) == []
    with pytest.raises(unclaimed.AssignedBefore):
        unclaimed.assign(ids=[made.id], target=cast.campaign, by=cast.stranger)
    with pytest.raises(ValueError, match="another workspace"):
        unclaimed._scope(cast.campaign, cast.stranger)
    assert Assignment.objects.count() == 0


@pytest.mark.parametrize(
    "table",
    ["invoice", "invoiceline", "invoicemapping", "linematch", "difference", "differencestep", "assignment"],
)
def test_no_row_of_a_reconciliation_is_changed(cast: Cast, table: str) -> None:
    _, row = dear(cast)
    settle.accept(difference=row, reason="small", by=cast.finance)
    imports.bring_in(bill(file([line("job-more")])), by=cast.finance)
    missing = Difference.objects.get(kind="missing_here")
    made = settle.adjust(difference=missing, reason="it was used", by=cast.finance)
    unclaimed.assign(ids=[made.id], target=cast.campaign, by=cast.finance)
    name = f"billing_{table}"
    for tried in (f"UPDATE {name} SET id = id", f"DELETE FROM {name}", f"TRUNCATE {name} CASCADE"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(tried)


@pytest.fixture
def players(committed: None) -> Cast:
    return make_cast()


def test_the_same_file_imported_twice_at_once_is_there_once(players: Cast) -> None:
    invoicing.price_row(players.finance)
    content = file([line(f"job-{place}") for place in range(50)])

    def bring() -> imports.Imported:
        return imports.bring_in(bill(content), by=players.finance)

    first, second = races.while_uncommitted(bring, bring)
    assert (first.lines, second.result().lines) == (50, 0)
    assert second.result().invoice == first.invoice
    assert Difference.objects.count() == 50


def test_the_same_difference_adjusted_twice_at_once_has_one_adjustment(players: Cast) -> None:
    _, row = dear(players)

    def adjust() -> Entry:
        return settle.adjust(difference=row, reason="as billed", by=players.finance)

    _, second = races.while_uncommitted(adjust, adjust)
    with pytest.raises(settle.Settled):
        second.result()
    assert Entry.objects.filter(kind="adjustment").count() == 1


def test_the_same_charge_assigned_twice_at_once_is_assigned_once(players: Cast) -> None:
    made = settle.adjust(difference=lost(players), reason="it was used", by=players.finance)

    def assign() -> list[Assignment]:
        return unclaimed.assign(ids=[made.id], target=players.campaign, by=players.finance)

    _, second = races.while_uncommitted(assign, assign)
    with pytest.raises(unclaimed.AssignedBefore):
        second.result()
    assert (Assignment.objects.count(), Entry.objects.filter(corrects=made.id).count()) == (1, 2)
