"""Do the rows of a history fit each other and what is known: ids, refunds, categories, phases, the grammar.

Nothing is written here. Charges come before decisions of the same instant, then file order counts. A bad
decision moves nothing: later ones are judged as if it were not there.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence

from billing import periods
from generation.history_cells import Faults
from generation.history_known import Known, KnownDeliverable
from generation.history_rows import (
    CHARGED,
    CHARGES,
    DECISIONS,
    FAILED_CHARGED,
    REFUNDED,
    ChargeRow,
    DecisionRow,
    Place,
)
from projects.models import Phase
from projects.models.work import DeliverableState

OPEN, ACCEPTED, WRITTEN_OFF = DeliverableState.OPEN, DeliverableState.ACCEPTED, DeliverableState.WRITTEN_OFF


@dataclasses.dataclass
class Standing:
    """A deliverable while the decisions of a history are gone through in their order."""

    first_at: datetime.datetime
    state: str = OPEN
    accepted_take: int | None = None
    moved_at: datetime.datetime | None = None
    in_force: DecisionRow | int | None = None
    takes: dict[int, tuple[str, datetime.datetime]] = dataclasses.field(default_factory=dict)
    live: set[int] = dataclasses.field(default_factory=set)


@dataclasses.dataclass
class Fresh:
    """What is new in a history, in the order in which it happened."""

    charges: list[ChargeRow]
    decisions: list[DecisionRow]
    #: For a reversal: what it takes back, a row of this history or the sequence of a decision before it.
    reverses: dict[int, DecisionRow | int]  # by line


def check(
    *, charges: Sequence[ChargeRow], decisions: Sequence[DecisionRow], known: Known, faults: Faults
) -> Fresh:
    """Names every row that does not fit in `faults`; answers those that are new."""
    new = _new_charges(charges, known, faults)
    _scopes(charges, known, faults)
    _refunds(new, {row.id: row for row in reversed(charges)}, known, faults)
    ordered = sorted(new, key=lambda row: (row.at, row.line))
    standings = _standings(charges, known)
    found, reverses = _decisions(decisions, standings, known, faults)
    _closed(ordered, found, periods.open_from(known.workspace.pk), faults)
    return Fresh(ordered, found, reverses)


def _new_charges(charges: Sequence[ChargeRow], known: Known, faults: Faults) -> list[ChargeRow]:
    """Rows whose id is new; the same id with the same content changes nothing."""
    seen: dict[str, ChargeRow] = {}
    new = []
    for row in charges:
        first, before = seen.setdefault(row.id, row), known.charges.get(row.id)
        if first is not row:
            if first.digest != row.digest:
                faults.add(CHARGES, row.line, f"id: {row.id} stands in line {first.line} with other content")
        elif before is None:
            new.append(row)
        elif before.digest != row.digest:
            faults.add(CHARGES, row.line, f"id: {row.id} was imported before with other content")
    return new


def _closed(
    charges: Sequence[ChargeRow | DecisionRow],
    decisions: Sequence[ChargeRow | DecisionRow],
    first: datetime.datetime | None,
    faults: Faults,
) -> None:
    """Nothing new is dated into a closed month."""
    if first is None:
        return
    for file, rows in ((CHARGES, charges), (DECISIONS, decisions)):
        for row in rows:
            if row.at < first:
                faults.add(file, row.line, f"at: {row.at:%Y-%m-%d} lies in a month that is closed")


def _scopes(charges: Sequence[ChargeRow], known: Known, faults: Faults) -> None:
    """One category a deliverable, one phase a take, and no take that was made here."""
    categories: dict[Place, str] = {place: row.category for place, row in known.deliverables.items()}
    phases: dict[tuple[Place, int], str] = {}
    for row in charges:
        if not row.place[2]:
            continue
        category = categories.setdefault(row.place, row.category)
        if category != row.category:
            said = f"category: {row.category} conflicts with {category} of the same deliverable"
            faults.add(CHARGES, row.line, said)
        if row.take is None:
            continue
        before = known.deliverables.get(row.place)
        take = before.takes.get(row.take) if before else None
        if take is not None and not take.imported:
            faults.add(CHARGES, row.line, f"take: number {row.take} is a take that was made here")
            continue
        phase = phases.setdefault((row.place, row.take), take.phase if take else row.phase)
        if phase != row.phase:
            faults.add(CHARGES, row.line, f"phase: {row.phase} conflicts with {phase} of the same take")


def _refunds(new: Sequence[ChargeRow], in_file: dict[str, ChargeRow], known: Known, faults: Faults) -> None:
    """A refund gives back a charge whole, once, not before it, and repeats its columns."""
    given_back: set[str] = set()
    for row in new:
        if row.charge == REFUNDED:
            reason = _of_refund(row, in_file, known, given_back)
            if reason:
                faults.add(CHARGES, row.line, f"refunds: {reason}")
            else:
                given_back.add(row.refunds)


def _of_refund(row: ChargeRow, in_file: dict[str, ChargeRow], known: Known, given_back: set[str]) -> str:
    before, here = known.charges.get(row.refunds), in_file.get(row.refunds)
    if row.refunds in given_back or (before is not None and before.given_back):
        return f"{row.refunds} was given back already"
    at: datetime.datetime | None
    if before is not None:
        is_charge, at, repeated = before.is_charge, before.at, before.digest[:32]
    elif here is not None:
        is_charge = here.charge in (CHARGED, FAILED_CHARGED) and here.stage != "time"
        at, repeated = here.at, here.repeated
    else:
        return f"there is no charge {row.refunds}"
    if not is_charge:
        return f"{row.refunds} is no charge that can be given back"
    if at is not None and row.at < at:
        return f"{row.refunds} is charged later than it is given back"
    if repeated != row.repeated:
        return f"the columns do not repeat those of {row.refunds}; a charge is given back whole"
    return ""


def _standings(charges: Sequence[ChargeRow], known: Known) -> dict[Place, Standing]:
    found = {place: _standing(row) for place, row in known.deliverables.items()}
    for row in charges:
        if not row.place[2]:
            continue
        standing = found.setdefault(row.place, Standing(row.at))
        standing.first_at = min(standing.first_at, row.at)
        if row.take is not None:
            phase, first_at = standing.takes.get(row.take, (row.phase, row.at))
            standing.takes[row.take] = (phase, min(first_at, row.at))
    return found


def _standing(row: KnownDeliverable) -> Standing:
    return Standing(
        first_at=row.first_at,
        state=row.state,
        accepted_take=row.accepted_take,
        moved_at=row.moved_at,
        in_force=row.in_force,
        takes={number: (take.phase, take.first_at) for number, take in row.takes.items()},
        live={number for number, take in row.takes.items() if not take.imported},
    )


def _decisions(
    decisions: Sequence[DecisionRow], standings: dict[Place, Standing], known: Known, faults: Faults
) -> tuple[list[DecisionRow], dict[int, DecisionRow | int]]:
    seen, ended = set(known.decisions), set(known.ended)
    new: list[DecisionRow] = []
    reverses: dict[int, DecisionRow | int] = {}
    for row in sorted(decisions, key=lambda row: (row.at, row.line)):
        if row.digest in seen:
            continue
        seen.add(row.digest)
        if row.decision == "end_campaign":
            reason = f"decision: {row.place[1]} has ended already" if row.place[:2] in ended else ""
            ended.add(row.place[:2])
        else:
            reason = _of_decision(row, standings.get(row.place))
        if reason:
            faults.add(DECISIONS, row.line, reason)
            continue
        new.append(row)
        if row.decision != "end_campaign":
            taken_back = _follow(row, standings[row.place])
            if taken_back is not None:
                reverses[row.line] = taken_back
    return new, reverses


def _of_decision(row: DecisionRow, standing: Standing | None) -> str:
    """Why a decision does not fit, or nothing."""
    if standing is None:
        return f"deliverable: no charge names {'/'.join(row.place)}"
    if row.at < standing.first_at:
        return "at: lies before the first row of its deliverable"
    if row.take is not None:
        if row.take not in standing.takes:
            return f"take: no charge names take {row.take} of {row.place[2]}"
        if row.take in standing.live:
            return f"take: number {row.take} is a take that was made here"
        if row.at < standing.takes[row.take][1]:
            return "at: lies before the first row of its take"
    return _against_grammar(row, standing)


def _against_grammar(row: DecisionRow, standing: Standing) -> str:
    label = DeliverableState(standing.state).label.lower()
    moves = row.decision in ("accept", "write_off", "reverse")
    if moves and standing.moved_at is not None and row.at < standing.moved_at:
        return f"at: {row.place[2]} was decided on later already, at {standing.moved_at.isoformat()}"
    if row.decision in ("accept", "write_off") and standing.state != OPEN:
        return f"decision: {row.place[2]} is {label} already"
    if row.decision == "select" and row.take and standing.takes[row.take][0] == Phase.HERO:
        return "decision: a hero take is signed off, not selected"
    if row.decision == "reject" and standing.state == ACCEPTED and row.take == standing.accepted_take:
        return f"decision: take {row.take} is signed off; reverse that first"
    if row.decision == "reverse":
        if row.take is None and standing.state != WRITTEN_OFF:
            return f"decision: {row.place[2]} is not written off, so there is nothing to reverse"
        if row.take is not None and (standing.state != ACCEPTED or row.take != standing.accepted_take):
            return f"decision: take {row.take} is not signed off, so there is nothing to reverse"
    return ""


def _follow(row: DecisionRow, standing: Standing) -> DecisionRow | int | None:
    """The state after a decision; answers what a reversal takes back."""
    if row.decision == "accept":
        standing.state, standing.accepted_take, standing.in_force = ACCEPTED, row.take, row
    elif row.decision == "write_off":
        standing.state, standing.in_force = WRITTEN_OFF, row
    elif row.decision == "reverse":
        taken_back, standing.in_force = standing.in_force, None
        standing.state, standing.accepted_take = OPEN, None
        standing.moved_at = row.at
        return taken_back
    else:
        return None
    standing.moved_at = row.at
    return None
