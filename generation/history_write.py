"""Writing the new rows of a history in bulk, in the caller's transaction."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal

from django.db import connection
from django.utils import timezone

from billing import ledger, pots
from billing.models import Entry, ImportedCharge, ImportedDecision
from billing.models.ledger import EntryKind
from generation.history_check import Fresh
from generation.history_known import Known
from generation.history_rows import (
    FAILED,
    FAILED_CHARGED,
    REFUNDED,
    ChargeRow,
    DecisionRow,
)
from generation.history_scope import Scope
from projects import bulk
from projects.identifiers import new_id
from projects.models import Campaign, Decision, Person, TimeLog
from projects.models.decisions import DecisionKind


def ids(count: int) -> list[uuid.UUID]:
    """New ids that sort as they are handed out: among equal instants, the later line is the later call."""
    return sorted(new_id() for _ in range(count))


def decisions(*, fresh: Fresh, known: Known, scope: Scope) -> list[Decision]:
    """The decisions in their order; reversals name what they take back."""
    numbers = dict(zip((row.line for row in fresh.decisions), _sequence(len(fresh.decisions)), strict=True))
    made = []
    for row in fresh.decisions:
        taken_back = fresh.reverses.get(row.line)
        reverses = numbers[taken_back.line] if isinstance(taken_back, DecisionRow) else taken_back
        made.append(_decision(row, numbers[row.line], reverses, known, scope))
    bulk.insert(Decision, made)
    bulk.insert_like(
        ImportedDecision(workspace=known.workspace),
        ("digest", "decision"),
        ((row.digest, numbers[row.line]) for row in fresh.decisions),
    )
    for row in fresh.decisions:
        if row.decision == "end_campaign":
            Campaign.objects.filter(pk=scope.campaigns[row.place[:2]]).update(ended_at=row.at)
    return made


def move_earlier_cash(made: Sequence[Decision], known: Known) -> None:
    """Cash booked before this history follows its decisions; the new cash is laid out with them."""
    before = {row.id for row in known.deliverables.values()}
    pots.move_own_cash(row for row in made if row.deliverable_id in before)


def charges(*, fresh: Fresh, known: Known, scope: Scope, progress: Callable[[int], None]) -> None:
    """Books the cash, keeps logs of time, and remembers each row by its id."""
    cash = [row for row in fresh.charges if row.charge != FAILED and row.stage != "time"]
    entries = dict(zip((row.id for row in cash), ids(len(cash)), strict=True))
    now = timezone.now()
    ledger.write_many(
        workspace=known.workspace,
        cash=_told((_entry(row, entries, known, scope, now) for row in cash), progress, len(fresh.decisions)),
    )
    times = [row for row in fresh.charges if row.stage == "time"]
    bulk.insert(TimeLog, [_time(row, known, scope) for row in times])
    bulk.insert_like(
        ImportedCharge(workspace=known.workspace),
        ("external_id", "entry", "digest"),
        ((row.id, entries.get(row.id), row.digest) for row in fresh.charges),
    )


def _told(rows: Iterable[Entry], progress: Callable[[int], None], before: int) -> Iterator[Entry]:
    """The rows, with a word on how many went by at every batch that is booked."""
    for number, row in enumerate(rows):
        if number and number % ledger.BATCH == 0:
            progress(before + number)
        yield row


def _entry(
    row: ChargeRow, entries: dict[str, uuid.UUID], known: Known, scope: Scope, now: datetime.datetime
) -> Entry:
    back = row.charge == REFUNDED
    sign = Decimal(-1 if back else 1)
    charged = known.charges.get(row.refunds)
    refunds = (charged.entry if charged else entries[row.refunds]) if back else None
    person = _person(row.person, known)
    return Entry(
        id=entries[row.id],
        workspace_id=known.workspace.pk,
        kind=EntryKind.REFUND if back else EntryKind.CHARGE,
        amount=sign * row.booked,
        native_amount=sign * row.amount if row.rate else None,
        native_currency=row.currency if row.rate else "",
        rate=row.rate,
        service_at=row.at,
        booked_at=now,
        effective_at=row.at,
        stage=row.stage,
        failed_charged=row.charge == FAILED_CHARGED or (back and scope.failed_charged(row.refunds)),
        refunds=refunds,
        project_id=scope.projects.get(row.place[0]),
        campaign_id=scope.campaigns.get(row.place[:2]),
        deliverable_id=scope.deliverables.get(row.place),
        take_id=scope.takes.get((row.place, row.take or 0)),
        category=row.category,
        phase=row.phase,
        tier=row.tier,
        provider=row.provider,
        model=row.model_key,
        person_id=person.pk if person else None,
        person_email=row.person,
        calculation="imported" + (f" at {row.rate.normalize():f}" if row.rate else ""),
        external_id=row.id,
    )


def _time(row: ChargeRow, known: Known, scope: Scope) -> TimeLog:
    person = _person(row.person, known)
    return TimeLog(
        workspace=known.workspace,
        campaign_id=scope.campaigns.get(row.place[:2]),
        deliverable_id=scope.deliverables.get(row.place),
        take_id=scope.takes.get((row.place, row.take or 0)),
        person=person,
        person_email=row.person,
        started_at=row.at,
        amount=row.booked,
        external_id=row.id[:120],
        phase=row.phase,
        tier=row.tier,
        provider=row.provider,
        model=row.model_key,
        note="imported",
    )


def _decision(row: DecisionRow, number: int, reverses: int | None, known: Known, scope: Scope) -> Decision:
    person = _person(row.by, known)
    return Decision(
        sequence=number,
        workspace=known.workspace,
        campaign_id=scope.campaigns[row.place[:2]],
        deliverable_id=scope.deliverables.get(row.place),
        take_id=scope.takes.get((row.place, row.take or 0)),
        decision=_kind(row),
        reverses_id=reverses,
        at=row.at,
        by=person,
        by_email=row.by,
        imported=True,
    )


def _kind(row: DecisionRow) -> str:
    if row.decision == "reverse":
        return DecisionKind.REVERSE if row.take else DecisionKind.REOPEN
    return row.decision


def _person(email: str, known: Known) -> Person | None:
    return known.people.get(email.lower()) if email else None


def _sequence(count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('projects_decision', 'sequence'))"
            " FROM generate_series(1, %s)",
            [count],
        )
        return [number for (number,) in cursor.fetchall()]
