"""Each final state is explained in the take's own history and by the provider's log; what is not is named."""

from __future__ import annotations

from typing import Any

import pytest

from drills import explained
from generation import cancel
from generation.models import Call, Run
from generation.models.runs import CallState
from projects.models import Take
from projects.models.takes import TakeState
from tests.cast import Cast
from tests.drills.rows import made
from tests.generation import engine_rows
from tests.generation.conftest import Fal
from tests.generation.engine_rows import Engine, only_call


def refused(fal: Fal) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = fal.program.emulator.log()["refusals"]
    return found


def wrong(fal: Fal) -> list[str]:
    return explained.violations(fal.jobs, refused(fal))


@pytest.mark.parametrize(
    ("directive", "error_class"),
    [
        ("[[fail:402]]", "insufficient_credit"),
        ("[[fail:credit]]", "insufficient_credit"),
        ("[[fail:401]]", "auth"),
        ("[[fail:422]]", "bad_request"),
        ("[[fail:retired]]", "retired"),
        ("[[fail:503]]", "unavailable"),
        ("[[result:policy]]", "moderated"),
        ("[[result:black]]", "moderated"),
        ("[[result:500]]", "unavailable"),
        ("[[result:504]]", "timeout"),
        ("[[result:no_output]]", "malformed_output"),
        ("[[result:garbage]]", "malformed_output"),
        ("[[output:html]]", "malformed_output"),
        ("[[output:missing]]", "malformed_output"),
    ],
)
def test_a_failure_is_explained_by_the_fault_of_its_own_call_and_by_no_other(
    cast: Cast, engine: Engine, fal: Fal, directive: str, error_class: str
) -> None:
    made(cast, engine, fal)
    take = made(cast, engine, fal, directive)
    for _ in range(6):  # what is retried comes to its end too
        engine.later(150)
        engine.turn()
        fal.finish_all(engine)
    take.refresh_from_db()
    assert (take.state, take.failure_class) == (TakeState.FAILED, error_class)
    assert wrong(fal) == []
    jobs = [{**job, "faults": {}} for job in fal.jobs]
    elsewhere = [{**one, "token": "another"} for one in refused(fal)]
    assert explained.violations(jobs, elsewhere) == [
        f"Take {take.pk} is failed and the log has no such fault: {error_class}, {take.failure}"
    ]


def test_a_failure_of_another_class_than_its_history_tells_is_named(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    take = made(cast, engine, fal, "[[result:policy]]")
    assert wrong(fal) == []
    Take.objects.filter(pk=take.pk).update(failure_class="timeout")
    found = wrong(fal)
    assert f"Take {take.pk} is failed and no event says that it failed by timeout." in found
    assert any(
        line.startswith(f"Take {take.pk} is failed and no step of it failed by timeout") for line in found
    )


def test_a_take_that_is_ready_or_cancelled_without_an_event_is_named(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    ready, other = made(cast, engine, fal), made(cast, engine, fal, "[[result:policy]]")
    cancelled = engine_rows.take(
        cast.deliverable,
        engine_rows.step(models=[engine_rows.FLUX], amount="0.05"),
        person=cast.producer.person,
    )
    assert cancel.cancel(take=cancelled, by=cast.manager, now=engine.now)
    assert wrong(fal) == []
    Take.objects.filter(pk=other.pk).update(state=TakeState.READY)
    Take.objects.filter(pk=ready.pk).update(state=TakeState.CANCELLED)
    assert set(wrong(fal)) == {
        f"Take {other.pk} is ready and no event says so.",
        f"Take {other.pk} is ready and its step image did not succeed by a call.",
        f"Take {ready.pk} is cancelled and no event says who did that.",
    }


def test_a_take_that_no_fault_leads_to_is_named(cast: Cast, engine: Engine, fal: Fal) -> None:
    take = made(cast, engine, fal)
    Take.objects.filter(pk=take.pk).update(state=TakeState.STOPPED_BY_BUDGET)
    assert wrong(fal) == [f"Take {take.pk} is stopped_by_budget and no fault of this drill leads to that."]


def test_a_call_that_is_missing_or_ended_for_no_reason_is_named(cast: Cast, engine: Engine, fal: Fal) -> None:
    take = made(cast, engine, fal, "[[fail:429*1]]")
    for _ in range(4):
        engine.later(30)
        engine.turn()
        fal.finish_all(engine)
    take.refresh_from_db()
    assert (take.state, wrong(fal)) == (TakeState.READY, [])
    first = Call.objects.get(run__take=take, number=1)
    Call.objects.filter(pk=first.pk).update(error_class="", number=9)
    assert wrong(fal) == [
        f"Take {take.pk} is ready and its step image did not succeed by a call.",
        f"Take {take.pk} is ready and the calls of its step image are not all there.",
        f"Take {take.pk} is ready and call 9 of its step image is refused for no reason.",
    ]


def test_a_model_that_the_log_does_not_know_as_retired_explains_nothing(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    """No model is left for a step only where the provider said so of one."""
    take = made(cast, engine, fal, "[[fail:422]]")
    words = f"No model can make this: {engine_rows.FLUX} has ended."
    Run.objects.filter(take=take).update(error_class="unavailable", error=words)
    Take.objects.filter(pk=take.pk).update(failure_class="unavailable", failure=f"(image: {words})")
    call = only_call(take)
    assert call.state == CallState.REFUSED
    named = f"Take {take.pk} is failed and the log has no such fault: unavailable, (image: {words})"
    assert named in wrong(fal)
    (one,) = refused(fal)
    assert named not in explained.violations(fal.jobs, [{**one, "name": "retired"}])
