"""What a provider delivers is fetched, looked into, booked once, and leads on to the next step."""

from __future__ import annotations

import asyncio
import errno
import os
from decimal import Decimal

import pytest

from billing.models import Entry, Hold, HoldOutcome
from generation import charges, collect
from generation.models import Call, Run
from generation.models.runs import CallState, RunState
from generation.providers import clients
from projects.models import Asset, Event, Take, TakeAsset
from projects.models.takes import TakeState
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.conftest import Fal
from tests.generation.engine_rows import FLUX, Engine


def fal_take(cast: Cast, prompt: str = "A lighthouse", **fields: object) -> Take:
    return engine_rows.take(
        cast.deliverable,
        engine_rows.step(models=[FLUX], amount="0.05", prompt=prompt, **fields),
        person=cast.producer.person,
    )


def test_a_picture_of_fal_goes_from_row_to_ready(cast: Cast, engine: Engine, fal: Fal) -> None:
    take = fal_take(cast)
    engine.submit()
    assert engine_rows.states_of(take) == [RunState.RENDERING]
    fal.finish_all(engine)
    engine.until_quiet()
    take.refresh_from_db()
    assert (take.state, take.model) == (TakeState.READY, FLUX)
    entry = Entry.objects.get(take=take)
    assert (entry.amount, entry.calculation) == (Decimal("0.05"), "1 image billed at 0.05")
    (call,) = engine_rows.calls_of(take)
    assert (call.state, call.posted) == (CallState.SUCCEEDED, Decimal("0.05"))
    assert len(fal.jobs) == 1
    assert engine_rows.open_holds(take) == 0


@pytest.mark.parametrize(
    ("directive", "words"),
    [
        ("[[output:html]]", "web page"),
        ("[[output:missing]]", "answered 404"),
        ("[[output:bomb]]", "far more pixels"),
        ("[[result:no_output]]", "names no picture"),
        ("[[result:garbage]]", "names no picture"),
        ("[[result:empty]]", "names no picture"),
    ],
)
def test_what_cannot_be_used_is_no_take(
    cast: Cast, engine: Engine, fal: Fal, directive: str, words: str
) -> None:
    """The provider charges a success, so the money is spent; the take is a failure and not counted."""
    take = fal_take(cast, f"A lighthouse {directive}", on_error={"malformed_output": "stop"})
    engine.submit()
    fal.finish_all(engine)
    engine.until_quiet()
    take.refresh_from_db()
    assert (take.state, take.failure_class, take.counted_at) == (TakeState.FAILED, "malformed_output", None)
    assert words in take.failure
    assert take.failed_charged
    entry = Entry.objects.get(take=take)
    assert (entry.amount, entry.failed_charged) == (Decimal("0.05"), True)
    assert engine_rows.open_holds(take) == 0
    assert Asset.objects.count() == 0


@pytest.mark.parametrize("bad", ["garbage", "empty"])
def test_a_result_that_came_unreadable_is_asked_for_again_and_charged_once(
    cast: Cast, engine: Engine, fal: Fal, bad: str
) -> None:
    """Something on the way answered with 200: the job is done, charged and well."""
    take = fal_take(cast, f"A lighthouse [[fetch:{bad}*1]]")
    engine.submit()
    fal.finish_all(engine)
    engine.until_quiet()
    take.refresh_from_db()
    assert (take.state, [call.state for call in engine_rows.calls_of(take)]) == ("ready", ["succeeded"])
    assert (Entry.objects.get(take=take).amount, len(fal.jobs)) == (Decimal("0.05"), 1)
    assert engine_rows.open_holds(take) == 0


def test_a_useless_output_is_tried_once_more_with_a_hold_of_its_own(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    fal.program.script({"match": {"prompt": "*lighthouse*"}, "behaviour": {"output": "html"}, "times": 1})
    take = fal_take(cast)
    engine.submit()
    fal.finish_all(engine)
    engine.poll()
    engine.collect()
    assert engine_rows.states_of(take) == [RunState.QUEUED]
    engine.later(10)
    engine.submit()
    fal.finish_all(engine)
    engine.until_quiet()
    take.refresh_from_db()
    assert take.state == TakeState.READY
    amounts = Entry.objects.filter(take=take).order_by("booked_at").values_list("amount", "failed_charged")
    assert list(amounts) == [(Decimal("0.05"), True), (Decimal("0.05"), False)]
    assert Hold.objects.filter(take=take).count() == 2
    assert engine_rows.open_holds(take) == 0


def test_a_full_disk_loses_nothing_and_is_waited_out(
    cast: Cast, engine: Engine, fal: Fal, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = fal_take(cast)
    engine.submit()
    fal.finish_all(engine)
    engine.poll()
    with monkeypatch.context() as full:
        full.setattr(os, "replace", no_room)
        engine.collect()
    run = Run.objects.get(take=take)
    assert (run.state, run.attempts, run.lease) == (RunState.COLLECTING, 0, None)
    assert "the disk is full" in run.waiting_for
    assert engine_rows.open_holds(take) == 1
    engine.until_quiet()
    take.refresh_from_db()
    assert take.state == TakeState.READY
    assert Entry.objects.filter(take=take).count() == 1


def no_room(*arguments: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_second_collector_finds_nothing_to_do(cast: Cast, engine: Engine, fal: Fal) -> None:
    take = fal_take(cast)
    engine.submit()
    fal.finish_all(engine)
    engine.poll()
    Run.objects.filter(take=take).update(lease=None, leased_until=None)
    call = next(iter(collect._calls([Run.objects.get(take=take).pk]).values()))
    kept = asyncio.run(fetched(call))
    books = charges.open_books([call], now=engine.now)
    results = {call.run_id: kept}
    assert collect.keep(calls=[call], results=results, books=books, now=engine.now) == [call]
    before = counts()
    assert collect.keep(calls=[call], results=results, books=books, now=engine.now) == []
    assert counts() == before


async def fetched(call: Call) -> list[collect.Kept]:
    async with clients.opened() as client:
        return await collect._fetch(client, call=call)


def counts() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Entry, Hold, HoldOutcome, Asset, TakeAsset, Event))


def test_the_next_steps_get_what_the_first_one_made(cast: Cast, engine: Engine, fal: Fal) -> None:
    engine_rows.model(cast.workspace, "builtin/upscale", kinds=["upscale"], amount="0.08", unit="request")
    engine_rows.model(cast.workspace, "builtin/judge", kinds=["judge"], amount="0.003", unit="request")
    big = {"width": 640, "height": 384}
    take = engine_rows.take(
        cast.deliverable,
        engine_rows.step("image", models=[FLUX], amount="0.05"),
        engine_rows.step(
            "upscale",
            kind="upscale",
            stage="refinement",
            models=["builtin/upscale"],
            needs=["image"],
            amount="0.08",
            **big,
        ),
        engine_rows.step(
            "judge",
            kind="judge",
            stage="control",
            models=["builtin/judge"],
            needs=["upscale"],
            amount="0.003",
        ),
        person=cast.producer.person,
    )
    engine.submit()
    assert engine_rows.states_of(take) == [RunState.RENDERING, RunState.PLANNED, RunState.PLANNED]
    fal.finish_all(engine)
    engine.until_quiet()
    take.refresh_from_db()
    assert (take.state, take.failure) == (TakeState.READY, "")
    assert (take.model, take.progress) == (FLUX, Decimal(1))
    output = TakeAsset.objects.get(take=take, role="output")
    assert (output.step, output.asset.width, output.asset.height) == ("upscale", 640, 384)
    stages = Entry.objects.filter(take=take).order_by("booked_at").values_list("stage", "amount")
    assert list(stages) == [
        ("generation", Decimal("0.05")),
        ("refinement", Decimal("0.08")),
        ("control", Decimal("0.003")),
    ]
    assert set(Run.objects.get(take=take, step="judge").result["scores"]) == {"sharpness", "exposure"}
    assert Event.objects.filter(take=take, kind="take.ready").count() == 1


def test_a_step_for_a_person_waits_for_an_upload(cast: Cast, engine: Engine) -> None:
    engine_rows.model(cast.workspace)
    take = engine_rows.take(
        cast.deliverable,
        engine_rows.step("image"),
        engine_rows.step("finish", kind="human", models=[], needs=["image"]),
    )
    engine.until_quiet()
    run = Run.objects.get(take=take, step="finish")
    assert (run.state, run.lane, run.waiting_for) == (RunState.QUEUED, "", "somebody to upload a file")
    take.refresh_from_db()
    assert take.state == TakeState.RENDERING
