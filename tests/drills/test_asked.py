"""What a drill asked for: a take that is lost, or made twice, or failed by a kill, is named."""

from __future__ import annotations

import uuid

from drills import asked
from projects.models import Take
from projects.models.takes import TakeState
from tests.cast import Cast
from tests.generation import engine_rows


def take(cast: Cast, state: str = TakeState.READY) -> Take:
    step = engine_rows.step(models=[engine_rows.FLUX], amount="0.05")
    row = engine_rows.take(cast.deliverable, step, person=cast.producer.person)
    Take.objects.filter(pk=row.pk).update(state=state, failure="It was not available.")
    return row


def test_takes_that_are_all_there_are_found_so(cast: Cast) -> None:
    sound, cancelled, blocked = take(cast), take(cast, TakeState.CANCELLED), take(cast, TakeState.FAILED)
    promised = {sound.pk: "", cancelled.pk: "[[latency:9]]", blocked.pk: "[[result:policy]]"}
    assert asked.violations(promised) == []


def test_a_take_that_was_promised_and_is_gone_is_named(cast: Cast) -> None:
    gone = uuid.uuid4()
    assert asked.violations({gone: ""}) == [f"Take {gone} was promised and is not there."]


def test_a_take_that_nobody_asked_for_is_named(cast: Cast) -> None:
    row = take(cast)
    assert asked.violations({}) == [f"Take {row.pk} was made and nobody had asked for it."]


def test_a_sound_take_that_a_kill_made_fail_is_named(cast: Cast) -> None:
    failed = take(cast, TakeState.FAILED)
    assert asked.violations({failed.pk: "[[stall:2]]"}) == [
        f"Take {failed.pk} failed for no fault of its job ([[stall:2]]): It was not available."
    ]
