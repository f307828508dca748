"""Closing: the checklist, two people, the frozen month, what the database refuses afterwards."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from billing import (
    audit,
    closing,
    closing_checks,
    credits,
    ledger,
    months,
    periods,
    pots,
    sampling,
    snapshots,
    standing,
)
from billing import unsettled as asked
from billing.models import Entry, Hold, MonthClose, MonthStep
from billing.models.ledger import EntryKind
from billing.unsettled import Unsettled
from projects.identifiers import new_id
from projects.models import HeroRequest, Membership, Workspace
from projects.models.decisions import HeroDecision
from projects.problems import Invalid
from tests import factories
from tests.billing.booking import charge, hold, spend
from tests.billing.booking import pots as pots_of
from tests.cast import Cast
from tests.factories import utc

MONTH = "2026-09"
INSIDE = utc("2026-09-10T12:00:00")
AFTER = utc("2026-10-05T09:00:00")


@pytest.fixture
def second(cast: Cast) -> Membership:
    return factories.membership(cast.workspace, "finance", person=factories.person("second@example.com"))


@pytest.fixture
def spent(cast: Cast) -> Entry:
    """September: one accepted deliverable."""
    take = factories.take(cast.deliverable)
    entry = spend(take, "1.50", at=INSIDE)
    pots.decide(
        deliverable=cast.deliverable,
        take=take,
        decision="accept",
        by=cast.manager,
        at=INSIDE + datetime.timedelta(days=1),
    )
    return entry


def prepare(cast: Cast) -> None:
    """Everything but the signatures."""
    said: dict[str, Any] = {"workspace": cast.workspace, "month": MONTH, "by": cast.finance}
    closing.begin(**said, now=AFTER)
    for looked in sampling.sample(cast.workspace, MONTH):
        sampling.judge(**said, take_id=looked.take.pk, agrees=True)
    closing.settle_provider(
        **said, provider="fal", settlement="usage", note="Its export of 1 October: equal."
    )


def closed(cast: Cast, second: Membership) -> MonthClose:
    prepare(cast)
    closing.sign(workspace=cast.workspace, month=MONTH, by=cast.finance, now=AFTER)
    return closing.close(workspace=cast.workspace, month=MONTH, by=second, now=AFTER)


def test_two_people_close_a_month_and_its_figures_are_frozen(
    cast: Cast, spent: Entry, second: Membership
) -> None:
    row = closed(cast, second)
    assert standing.standing(cast.workspace, MONTH).state == "closed"
    assert (row.signed_by, row.closed_by) == (cast.finance.person, second.person)
    assert row.document["totals"]["cash_per_acceptable"] == "1.50000000"
    assert (row.entries, row.single_signature) == (2, False)  # the charge and its transfer
    assert not closing.differs(row)
    again = closing.close(workspace=cast.workspace, month=MONTH, by=second, now=AFTER)
    assert again.pk == row.pk


def test_what_is_missing_is_named_all_at_once(cast: Cast, spent: Entry) -> None:
    closing.begin(workspace=cast.workspace, month=MONTH, by=cast.finance, now=AFTER)
    with pytest.raises(closing.CannotClose) as refused:
        closing.sign(workspace=cast.workspace, month=MONTH, by=cast.finance, now=AFTER)
    assert refused.value.extra["missing"] == ["providers", "sample"]
    assert "fal" in refused.value.detail


def test_one_person_does_not_close_what_they_signed(cast: Cast, spent: Entry) -> None:
    prepare(cast)
    closing.sign(workspace=cast.workspace, month=MONTH, by=cast.finance, now=AFTER)
    with pytest.raises(closing.CannotClose, match="first signature"):
        closing.close(workspace=cast.workspace, month=MONTH, by=cast.finance, now=AFTER)
    assert not MonthClose.objects.exists()


def test_a_workspace_of_one_closes_with_a_single_signature(cast: Cast, spent: Entry) -> None:
    Membership.objects.filter(workspace=cast.workspace).exclude(pk=cast.finance.pk).update(ended_at=AFTER)
    row = closed(cast, cast.finance)
    assert row.single_signature


def test_figures_that_changed_after_the_first_signature_are_signed_again(
    cast: Cast, spent: Entry, second: Membership
) -> None:
    prepare(cast)
    closing.sign(workspace=cast.workspace, month=MONTH, by=cast.finance, now=AFTER)
    ledger.refund(entry=spent, at=INSIDE + datetime.timedelta(days=3), amount=Decimal("0.50"), now=AFTER)
    with pytest.raises(closing.CannotClose, match="have changed since"):
        closing.close(workspace=cast.workspace, month=MONTH, by=second, now=AFTER)
    closing.sign(workspace=cast.workspace, month=MONTH, by=cast.finance, now=AFTER)
    row = closing.close(workspace=cast.workspace, month=MONTH, by=second, now=AFTER)
    assert row.document["roll_forward"]["spend"] == "1.00000000"


def test_whoever_approved_a_hero_render_of_the_sample_is_not_the_second(cast: Cast, spent: Entry) -> None:
    both = factories.membership(
        cast.workspace, "finance", "manager", person=factories.person("both@example.com")
    )
    take = spent.take
    assert take is not None
    request = HeroRequest.objects.create(
        workspace=cast.workspace,
        deliverable=take.deliverable,
        take=take,
        hero_take=take,
        state="approved",
        request={},
        request_hash="0" * 64,
        routing_version=1,
        quote={},
        shown_amount=1,
        at_most=1,
        requested_by=cast.producer.person,
        requested_at=INSIDE,
        decided_at=INSIDE,
    )
    HeroDecision.objects.create(
        workspace=cast.workspace, hero_request=request, decision="approve", by=both.person, at=INSIDE
    )
    prepare(cast)
    closing.sign(workspace=cast.workspace, month=MONTH, by=cast.finance, now=AFTER)
    with pytest.raises(closing.CannotClose, match="You approved hero renders"):
        closing.close(workspace=cast.workspace, month=MONTH, by=both, now=AFTER)


def test_a_month_that_runs_or_is_not_the_next_one_is_not_reviewed(
    cast: Cast, spent: Entry, second: Membership
) -> None:
    with pytest.raises(closing.CannotClose, match="runs until 2026-10-01"):
        closing.begin(workspace=cast.workspace, month=MONTH, by=cast.finance, now=INSIDE)
    closed(cast, second)
    with pytest.raises(closing.CannotClose) as refused:
        closing.begin(
            workspace=cast.workspace, month="2026-11", by=cast.finance, now=utc("2027-01-05T00:00:00")
        )
    assert "2026-10" in refused.value.remedy


def test_a_provider_is_reconciled_to_an_invoice_that_is_there(cast: Cast, spent: Entry) -> None:
    closing.begin(workspace=cast.workspace, month=MONTH, by=cast.finance, now=AFTER)
    said: dict[str, Any] = {"workspace": cast.workspace, "month": MONTH, "by": cast.finance}
    with pytest.raises(Invalid, match="no invoice of it yet"):
        closing.settle_provider(**said, provider="fal", settlement="invoice")
    with pytest.raises(Invalid, match="no cash in this month"):
        closing.settle_provider(**said, provider="runway", settlement="usage", note="Equal.")
    closing.settle_provider(
        **said, provider="fal", settlement="not_invoiced", expected_on=datetime.date(2026, 10, 20)
    )
    check = next(one for one in closing_checks.all_of(*standing_of(cast)) if one.key == "providers")
    assert check.done


def test_a_provider_that_was_reconciled_and_is_not_any_more_is_not_settled(cast: Cast, spent: Entry) -> None:
    """As when an acceptance is undone, or a second bill comes, after it was said."""
    closing.begin(workspace=cast.workspace, month=MONTH, by=cast.finance, now=AFTER)
    said = {"provider": "fal", "settlement": "invoice", "by": cast.finance.person, "at": AFTER}
    MonthStep.objects.create(workspace=cast.workspace, month=MONTH, kind="provider", **said)
    check = next(one for one in closing_checks.all_of(*standing_of(cast)) if one.key == "providers")
    assert (check.done, check.words) == (False, "Reconciled to its invoice once, and not any more: fal.")
    with pytest.raises(closing.CannotClose, match="not any more: fal"):
        closing.sign(workspace=cast.workspace, month=MONTH, by=cast.finance, now=AFTER)


def test_taken_back_the_steps_count_no_more(cast: Cast, spent: Entry) -> None:
    prepare(cast)
    with pytest.raises(Invalid, match="Say why"):
        closing.take_back(workspace=cast.workspace, month=MONTH, by=cast.finance, note=" ")
    closing.take_back(workspace=cast.workspace, month=MONTH, by=cast.finance, note="An invoice is missing.")
    assert standing.standing(cast.workspace, MONTH).state == "open"
    assert MonthStep.objects.filter(month=MONTH).count() == 3


def test_a_late_charge_of_a_closed_month_is_booked_when_it_is_known(
    cast: Cast, spent: Entry, second: Membership
) -> None:
    take = factories.take(factories.deliverable(cast.campaign, category=cast.brand_film))
    waiting = hold(take, "0.40", now=INSIDE)
    row = closed(cast, second)
    entry = ledger.post(hold=waiting, charge=charge("0.40", at=INSIDE), now=AFTER)
    assert entry is not None
    assert (entry.service_at, entry.effective_at) == (INSIDE, AFTER)
    back = ledger.refund(entry=spent, at=INSIDE, now=AFTER)
    assert back.effective_at == AFTER
    assert not closing.differs(row)
    with pytest.raises(periods.MonthClosed, match="closed up to 2026-10-01"):
        periods.require_open(cast.workspace, INSIDE, what="This")


def test_the_database_refuses_entries_and_decisions_dated_into_a_closed_month(
    cast: Cast, spent: Entry, second: Membership
) -> None:
    closed(cast, second)
    copied = (
        "INSERT INTO billing_entry (id, workspace_id, kind, debit, credit, amount, service_at, booked_at,"
        " effective_at, failed_charged, native_currency, stage, category, phase, tier, provider, model,"
        " routing_version, pipeline, prompt_template, seed_policy, person_email, calculation, external_id,"
        " note)"
        " VALUES (gen_random_uuid(), %s, 'charge', 'period', 'provider:fal', 1, %s, %s, %s, false,"
        " '', '', '', '', '', 'fal', '', '', '', '', '', '', '', '', '')"
    )
    with pytest.raises(IntegrityError, match="closed"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(copied, [cast.workspace.pk, INSIDE, AFTER, INSIDE])
    with connection.cursor() as cursor:
        cursor.execute(copied, [cast.workspace.pk, INSIDE, AFTER, AFTER])
    with pytest.raises(IntegrityError, match="closed"), transaction.atomic():
        pots.decide(
            deliverable=factories.deliverable(cast.campaign, category=cast.brand_film),
            take=None,
            decision="write_off",
            by=cast.manager,
            at=INSIDE,
        )
    for change in ("UPDATE billing_monthclose SET entries = 0", "DELETE FROM billing_monthclose"):
        with pytest.raises(DatabaseError, match=r"[Cc]annot"), transaction.atomic():
            connection.cursor().execute(change)


def test_what_has_no_charge_is_accrued_and_given_back(
    cast: Cast, spent: Entry, second: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = factories.take(factories.deliverable(cast.campaign, category=cast.brand_film))
    waiting = hold(take, "0.80", now=INSIDE)
    monkeypatch.setattr(asked, "_sources", [lambda *_: open_calls(waiting)])
    row = closed(cast, second)
    accrual, back = Entry.objects.filter(kind=EntryKind.ACCRUAL).order_by("effective_at")
    span = months.span(cast.workspace, MONTH)
    assert (accrual.amount, back.amount) == (Decimal("0.60"), Decimal("-0.60"))
    assert (accrual.effective_at, back.effective_at) == (
        span.end - datetime.timedelta(microseconds=1),
        span.end,
    )
    assert back.corrects == accrual.id
    for entry in (accrual, back):  # it counts where its charge will
        assert (entry.tier, entry.person_email, entry.run) == ("speed", "ada@example.org", waiting.run)
    assert row.document["roll_forward"]["spend"] == "2.10000000"
    october = audit.month_document(workspace=cast.workspace, month="2026-10")
    assert october["roll_forward"]["spend"] == "-0.60000000"
    ledger.post(hold=waiting, charge=charge("0.75", at=INSIDE), now=AFTER)
    october = audit.month_document(workspace=cast.workspace, month="2026-10")
    assert october["roll_forward"]["spend"] == "0.15000000"
    assert pots_of(take.deliverable) == {"wip": "0.75"}
    assert not closing.differs(row)


def test_a_planted_row_shows(cast: Cast, spent: Entry, second: Membership) -> None:
    row = closed(cast, second)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE billing_entry DISABLE TRIGGER USER")
        cursor.execute("UPDATE billing_entry SET note = 'other' WHERE id = %s", [spent.id])
        cursor.execute("ALTER TABLE billing_entry ENABLE TRIGGER USER")
    assert closing.differs(row)


def test_a_digest_is_of_the_figures_alone_and_repeats(cast: Cast, spent: Entry) -> None:
    figures = snapshots.document(cast.workspace, MONTH)
    assert snapshots.digest_of(figures) == snapshots.digest_of(snapshots.document(cast.workspace, MONTH))
    assert set(figures["by"]) >= {"campaign", "category", "provider", "model"}


def open_calls(waiting: Hold) -> list[Unsettled]:
    if hasattr(Hold.objects.get(pk=waiting.pk), "outcome"):
        return []
    said = charge("0.60", run=waiting.run, call=new_id(), tier="speed", person_email="ada@example.org")
    return [Unsettled(waiting, said, INSIDE)]


def standing_of(cast: Cast) -> tuple[Workspace, str, standing.Standing]:
    return cast.workspace, MONTH, standing.standing(cast.workspace, MONTH)


def test_under_review_only_finance_books_by_hand(cast: Cast, spent: Entry) -> None:
    said: dict[str, Any] = {"workspace": cast.workspace, "what": "This log"}
    standing.require_by_hand(**said, at=INSIDE, by=cast.producer)
    closing.begin(workspace=cast.workspace, month=MONTH, by=cast.finance, now=AFTER)
    with pytest.raises(standing.SoftClosed, match="2026-09, which is under review"):
        standing.require_by_hand(**said, at=INSIDE, by=cast.producer)
    standing.require_by_hand(**said, at=INSIDE, by=cast.finance)
    standing.require_by_hand(**said, at=AFTER, by=cast.producer)
    assert spend(factories.take(cast.deliverable), "0.10", at=INSIDE).effective_at == INSIDE


def test_credits_that_expired_are_booked_before_a_review(cast: Cast, spent: Entry) -> None:
    credits.buy(
        by=cast.finance,
        unit="credit:fal",
        source="Receipt 7",
        now=INSIDE,
        bought_on=datetime.date(2026, 9, 1),
        expires_on=datetime.date(2026, 9, 20),
        credits=Decimal(100),
        price=Decimal(10),
        currency="EUR",
    )
    closing.begin(workspace=cast.workspace, month=MONTH, by=cast.finance, now=AFTER)
    found = audit.month_document(workspace=cast.workspace, month=MONTH)
    assert found["roll_forward"]["period"] == "10.00000000"
