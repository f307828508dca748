"""A cancelled take, in every state: what became of it, and our books beside the provider's bill."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db.models import Sum

from billing.models import Entry
from generation import cancel, held_calls
from generation.hold import Switchboard
from generation.models.runs import CallState
from projects.models import Take
from projects.models.takes import TakeState
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.engine_rows import Engine
from tests.generation.providers import cases, takes
from tests.generation.providers.cases import Case, Stop
from tests.generation.providers.kit import LONG_ENOUGH, Kit
from tests.generation.providers.test_contract_cancel import HOW_FAR

OPEN = "is being made on an open call"


@pytest.mark.django_db
@cases.of(cases.stops)
def test_a_cancelled_take_ends_as_its_state_allows_and_is_booked_as_it_is_billed(
    kit: Kit, case: Case, cast: Cast, engine: Engine
) -> None:
    stop: Stop = case.given
    take = takes.begin_any(kit, cast, stop.made, stop.directive)
    if case.row == OPEN:
        cancel_open(kit, cast, engine, take)
    else:
        if stop.reached:
            engine.submit()
            kit.emulator.advance(HOW_FAR[stop.reached])
        cancel_as_its_person(cast, engine, take)
    kit.emulator.advance(LONG_ENOUGH)
    engine.later(LONG_ENOUGH)
    engine.until_quiet()
    take.refresh_from_db()
    assert take.state == (TakeState.READY if stop.kept else TakeState.CANCELLED)
    booked = Entry.objects.filter(take=take).aggregate(sum=Sum("amount"))["sum"] or Decimal(0)
    billed = any(job["charged"] for job in kit.log())
    if stop.charged is None:
        (call,) = engine_rows.calls_of(take)
        assert (call.state, booked, engine_rows.open_holds(take)) == (CallState.UNKNOWN, 0, 1)
    else:
        assert (booked > 0, billed, engine_rows.open_holds(take)) == (stop.charged, stop.charged, 0)
    if not stop.reached and case.row != OPEN:
        assert kit.log() == []


def cancel_as_its_person(cast: Cast, engine: Engine, take: Take) -> None:
    assert cancel.cancel(take=take, by=cast.producer, now=engine.now)
    cancel.cancel_due(engine.wires, now=engine.now)
    held_calls.release_cancelled(now=engine.now)


def cancel_open(kit: Kit, cast: Cast, engine: Engine, take: Take) -> None:
    """Cancels a take whose call is held open, and waits until we have hung up."""
    engine.submit()
    with Switchboard() as board:
        takes.until(board, engine, lambda: bool(kit.served.jobs))
        cancel_as_its_person(cast, engine, take)
        takes.until(board, engine, lambda: not board.held)
