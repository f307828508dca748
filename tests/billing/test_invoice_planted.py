"""An invoice with 22 planted differences of 11 kinds among 5,000 calls: all are found, and none else."""

from __future__ import annotations

import collections
import datetime
import random
import time
from decimal import Decimal

import pytest
from django.db import transaction

from billing import ledger, roll_forward
from billing.invoices import imports, plain, reconcile, settle, statement
from billing.models import Difference, Entry, LineMatch
from billing.models.reconciliation import DifferenceKind as Kind
from tests import factories
from tests.billing import invoicing
from tests.billing.invoicing import FIRST, MONTH, bill, entry, file, line
from tests.cast import Cast
from tests.factories import utc

CALLS = 5_000
STEP = datetime.timedelta(minutes=8)
SEPTEMBER = utc("2026-09-30T21:58:00")  # 23:58 in Berlin
SECONDS = 30


def planted(cast: Cast) -> list[dict[str, str]]:
    """Books the calls, and answers the lines of the bill. Lines with an odd number name no job."""
    row, take = invoicing.price_row(cast.finance), factories.take(cast.deliverable)
    jobs = [(f"job-{place}", FIRST + place * STEP) for place in range(CALLS)]
    natives = {40: "0.0512", 41: "0.0512"}
    rows = [entry(take, job, at, natives.get(place, "0.05"), row) for place, (job, at) in enumerate(jobs)]
    invoicing.book(take, [*rows, entry(take, "job-september", SEPTEMBER, "0.05", row)])
    lines = [line(job if place % 2 == 0 else "", at) for place, (job, at) in enumerate(jobs)]
    for place in (20, 21):
        lines[place] = line(jobs[place][0], jobs[place][1], "0.06")
        lines[place + 10] = line(jobs[place + 10][0], jobs[place + 10][1], "0.10", Units="2")
        lines[place + 40] |= {"Request ID": jobs[place + 40][0], "Rate": "0.92"}
    late = utc("2026-10-31T20:00:00")
    more = [
        line("job-elsewhere", late, "0.31"),
        line("", late, "0.32"),
        dict(lines[50]),
        dict(lines[51]),
        line("job-september", SEPTEMBER),
        line("job-november", utc("2026-11-02T12:00:00"), "0.33"),
        *(line("", late, cost, Type="VAT", Units="") for cost in ("1.90", "0.19")),
        *(line("", late, cost, Type="Platform fee", Units="") for cost in ("20.00", "3.00")),
        *(line("", late, cost, Type="Credit note", Units="") for cost in ("-5.00", "-1.00")),
    ]
    return [each for place, each in enumerate(lines) if place not in (10, 11)] + more


@pytest.fixture
def imported(cast: Cast) -> imports.Imported:
    content = file(planted(cast))
    began = time.monotonic()
    done = imports.bring_in(bill(content), by=cast.finance)
    took = time.monotonic() - began
    assert took < SECONDS, f"{CALLS} lines against {CALLS} calls took {took:.1f} s"
    return done


def test_all_22_are_found_and_none_else(cast: Cast, imported: imports.Imported) -> None:
    rows = Difference.objects.filter(month=MONTH)
    assert collections.Counter(rows.values_list("kind", flat=True)) == dict.fromkeys(Kind.values, 2)
    assert (imported.lines, imported.known) == (5_010, 0)
    places = {(row.kind, row.line.number if row.line else row.why.split()[1]) for row in rows}
    assert {place for kind, place in places if kind == "missing_there"} == {"job-10", "job-11"}
    # the header is line 1, and two calls before these were left out
    assert {place for kind, place in places if kind == "price"} == {20, 21}
    assert {place for kind, place in places if kind == "quantity"} == {30, 31}
    assert {place for kind, place in places if kind == "rounding"} == {40, 41}
    assert {place for kind, place in places if kind == "exchange"} == {60, 61}
    amounts = {kind: sorted(rows.filter(kind=kind).values_list("amount", flat=True)) for kind in Kind.values}
    assert amounts["price"] == [Decimal("0.009")] * 2
    assert amounts["quantity"] == [Decimal("0.045")] * 2
    assert amounts["rounding"] == [Decimal("-0.00108")] * 2
    assert amounts["exchange"] == [Decimal("0.001")] * 2
    assert amounts["credit_note"] == [Decimal("-4.5"), Decimal("-0.9")]
    assert LineMatch.objects.filter(line__isnull=False).count() == 4_999
    assert LineMatch.objects.exclude(why="").count() == 4_999


def test_the_bridge_adds_up_to_the_last_digit(cast: Cast, imported: imports.Imported) -> None:
    found = statement.statement(cast.workspace, "fal", MONTH)
    assert found.used + sum(row.amount for row in found.kinds) == found.billed == imported.invoice.amount
    assert found.not_compared == 0
    assert found.unreconciled == found.billed - found.used != 0
    assert (found.line_count, found.matched_count, found.open_count) == (5_010, 4_999, 22)


def test_after_settling_them_the_month_reconciles_to_zero(cast: Cast, imported: imports.Imported) -> None:
    accepted = settle.accept_class(
        provider="fal", month=MONTH, kind="rounding", reason="their files have two decimals", by=cast.finance
    )
    assert accepted == 2
    open_rows = statement.listed(cast.workspace, "fal", MONTH, state="open")
    for row in open_rows:
        if row.kind == Kind.TAX or (row.kind == Kind.CUT_OFF and row.match_id):
            settle.accept(difference=row, reason="recoverable, or booked in September", by=cast.finance)
        else:
            settle.adjust(difference=row, reason="as billed", by=cast.finance)
    found = statement.statement(cast.workspace, "fal", MONTH)
    assert (found.unreconciled, found.open_count, found.not_compared) == (0, 0, 0)
    assert found.reconciled
    assert found.used_now + found.accepted == found.billed
    assert Entry.objects.filter(kind="adjustment").count() == 17
    assert roll_forward.roll_forward(cast.workspace, MONTH).differences == []


def test_comparing_again_finds_nothing_new(cast: Cast, imported: imports.Imported) -> None:
    before = list(LineMatch.objects.order_by("id").values_list("line", "entry", "by", "why"))
    assert reconcile.compare(workspace=cast.workspace, provider="fal", month=MONTH) == 0
    assert list(LineMatch.objects.order_by("id").values_list("line", "entry", "by", "why")) == before


def test_the_other_month_sees_the_cut_off_from_its_side(cast: Cast, imported: imports.Imported) -> None:
    row = Difference.objects.get(month="2026-09")
    assert (row.kind, row.amount) == ("cut_off", Decimal("-0.045"))
    assert row.why == "booked here in 2026-09, billed in 2026-10"


def tricky(cast: Cast, seed: int) -> bytes:
    """Books calls and refunds; bills them with jobs that repeat, differ or lie elsewhere."""
    dice = random.Random(seed)
    row, take = invoicing.price_row(cast.finance), factories.take(cast.deliverable)
    jobs = [(f"job-{place}", FIRST + dice.randint(-300, 5_000) * STEP) for place in range(40)]
    charges = [entry(take, job, at, dice.choice(["0.05", "0.05", "0.06"]), row) for job, at in jobs]
    charges += [entry(take, job, at, "0.05", row) for job, at in dice.sample(jobs, 3)]
    invoicing.book(take, charges)
    for charge in dice.sample(charges, 8):
        ledger.refund(
            entry=charge, at=charge.service_at, amount=dice.choice([charge.amount, Decimal("0.01")])
        )
    lines = [line(job, at, dice.choice(["0.05", "0.05", "0.06"])) for job, at in jobs if dice.random() < 0.9]
    lines += [dict(each) for each in dice.sample(lines, 3)]
    lines += [line(job, at, "0.02", Unit="second") for job, at in dice.sample(jobs, 3)]
    lines += [line("", at) for _, at in dice.sample(jobs, 5)]
    return file([*lines, line("", FIRST + STEP)])


@pytest.mark.parametrize("seed", range(12))
def test_what_the_database_matches_is_what_would_be_matched_line_by_line(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    content = tricky(cast, seed)

    def found() -> tuple[object, ...]:
        sid = transaction.savepoint()
        imports.bring_in(bill(content), by=cast.finance)
        matches = LineMatch.objects.values_list("line__digest", "entry", "part", "by", "why")
        rows = Difference.objects.values_list("line__digest", "entry", "kind", "month", "amount", "why")
        answer = sorted(map(str, matches)), sorted(map(str, rows))
        transaction.savepoint_rollback(sid)
        return answer

    plainly: list[int] = []
    match_equal = plain.match_equal
    monkeypatch.setattr(plain, "match_equal", lambda **said: plainly.append(match_equal(**said)))
    by_sets = found()
    monkeypatch.setattr(plain, "match_equal", lambda **_: 0)
    assert found() == by_sets
    assert plainly[0] > 5
