"""The render lane: jobs are leased, drawn once, and given up when they end the renderer again and again."""

from __future__ import annotations

import datetime
import errno
import os
import time
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from typing import Any
from unittest import mock

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.utils import timezone

from generation import painting, render, renditions
from generation.media import store
from generation.models import Run, SketchJob
from generation.models.runs import RunState
from projects.models import Asset, Rendition, Take, TakeAsset
from projects.models.takes import TakeState
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.engine_rows import SKETCH, Engine


def ask(cast: Cast, **fields: Any) -> Take:
    engine_rows.model(cast.workspace, SKETCH)
    return engine_rows.take(cast.deliverable, engine_rows.step(**fields), person=cast.producer.person)


def job() -> SketchJob:
    return SketchJob.objects.exclude(kind="renditions").get()


def test_a_job_is_leased_once(cast: Cast, engine: Engine) -> None:
    ask(cast)
    engine.submit()
    now = engine.now
    assert [row.pk for row in render.lease(limit=5, now=now)] == [job().pk]
    assert render.lease(limit=5, now=now) == []
    later = now + datetime.timedelta(seconds=2 * settings.LEASE_SECONDS)
    assert render.lease(limit=0, now=later) == []
    assert [row.pk for row in render.lease(limit=5, now=later)] == [job().pk]


def test_no_more_are_leased_than_were_asked_for_however_the_statement_is_carried_out(db: None) -> None:
    """A nested loop would look for due jobs once more for each row, if it were let."""
    now = timezone.now()
    SketchJob.objects.bulk_create(
        SketchJob(token=str(number), model=SKETCH, kind="text", request={}, not_before=now)
        for number in range(20)
    )
    with connection.cursor() as cursor:
        for way in ("hashagg", "hashjoin", "mergejoin", "sort", "material"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
    assert len(render.lease(limit=2, now=now)) == 2
    assert SketchJob.objects.filter(state=SketchJob.State.RUNNING).count() == 2


def test_a_job_that_ends_the_renderer_again_and_again_is_given_up(cast: Cast, engine: Engine) -> None:
    take = ask(cast, retries=0)
    engine.submit()
    for _ in range(render.MOST_ATTEMPTS + 1):
        render.lease(limit=5, now=engine.now)
        engine.later(2 * settings.LEASE_SECONDS)
    assert (job().state, job().error_class) == (SketchJob.State.FAILED, "unavailable")
    engine.later(2 * 3600)
    engine.until_quiet()
    take.refresh_from_db()
    assert take.state == TakeState.FAILED
    assert engine_rows.open_holds(take) == 0


def test_what_is_drawn_is_looked_at_at_once(cast: Cast, engine: Engine) -> None:
    take = ask(cast)
    engine.submit()
    Run.objects.filter(take=take).update(due_at=engine.now + datetime.timedelta(hours=1))
    engine.draw()
    assert engine.poll() == 1
    assert engine_rows.states_of(take) == [RunState.COLLECTING]


def test_an_answer_that_comes_twice_changes_nothing(cast: Cast, engine: Engine) -> None:
    ask(cast)
    engine.submit()
    (leased,) = render.lease(limit=5, now=engine.now)
    render.finish(leased, {"state": "succeeded", "outputs": [{"url": "store:a"}]}, now=engine.now)
    render.finish(leased, {"state": "failed", "error_class": "timeout"}, now=engine.now)
    assert (job().state, job().outputs) == (SketchJob.State.SUCCEEDED, [{"url": "store:a"}])


def test_a_full_disk_is_waited_out(cast: Cast, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    take = ask(cast)
    engine.submit()
    with monkeypatch.context() as full:

        def no_room(*arguments: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        full.setattr(store.os, "replace", no_room)
        engine.draw()
    assert (job().state, job().attempts) == (SketchJob.State.QUEUED, 0)
    assert engine.draw() == 0
    engine.later(60)
    engine.until_quiet()
    take.refresh_from_db()
    assert take.state == TakeState.READY


@pytest.mark.parametrize(
    ("parameters", "state", "error_class"),
    [
        ({"fail": "timeout"}, TakeState.FAILED, "timeout"),
        ({"block": True}, TakeState.FAILED, "moderated"),
        ({"malformed": "html"}, TakeState.FAILED, "malformed_output"),
        ({"malformed": "empty"}, TakeState.FAILED, "malformed_output"),
        ({"output_format": "tiff"}, TakeState.FAILED, "bad_request"),
    ],
)
def test_a_drill_fails_as_a_provider_would(
    cast: Cast, engine: Engine, parameters: dict[str, Any], state: str, error_class: str
) -> None:
    take = ask(cast, parameters=parameters, retries=0)
    engine.until_quiet()
    take.refresh_from_db()
    assert (take.state, take.failure_class) == (state, error_class)
    assert engine_rows.open_holds(take) == 0


def test_a_model_that_lags_is_waited_for(cast: Cast, engine: Engine) -> None:
    take = ask(cast, parameters={"lag_seconds": 40})
    engine.submit()
    assert engine.draw() == 0
    engine.later(41)
    engine.until_quiet()
    take.refresh_from_db()
    assert take.state == TakeState.READY


def test_renditions_are_asked_for_once_and_wait_for_nobody(cast: Cast, engine: Engine) -> None:
    take = ask(cast)
    engine.submit()
    engine.draw()
    engine.poll()
    engine.collect()
    take.refresh_from_db()
    assert (take.state, Rendition.objects.count()) == (TakeState.READY, 0)
    assert engine.draw() == 1
    assert Rendition.objects.count() == 1


def test_renditions_made_twice_are_kept_once_and_several_at_once(
    cast: Cast, engine: Engine, studio: render.Studio
) -> None:
    picture = {"kind": Asset.Kind.IMAGE, "media_type": "image/png", "size_bytes": 9}
    assets = [
        Asset.objects.create(workspace=cast.workspace, sha256=letter * 64, name=letter, **picture)
        for letter in "ab"
    ]
    renditions.ask_for(assets, now=engine.now)
    studio.beat()
    first, second = studio.drawing
    for future, asset in zip((first, second), assets, strict=True):
        made = {"kind": "thumbnail", "media_type": "image/jpeg", "width": 4, "height": 3, "size_bytes": 9}
        future.set_result({"state": "succeeded", "made": [{**made, "name": asset.sha256}]})
    jobs = [studio.drawing[future].pk for future in (first, second)]
    studio.beat()
    render.keep({jobs[0]: {"made": [{**made, "kind": "poster", "name": "late"}]}}, now=engine.now)
    kept = sorted(Rendition.objects.values_list("asset", "kind", "name"))
    assert kept == sorted((asset.pk, "thumbnail", asset.sha256) for asset in assets)
    states = SketchJob.objects.filter(pk__in=jobs).values_list("state", "leased_until")
    assert list(states) == [(SketchJob.State.SUCCEEDED, None)] * 2


class Pool:
    """Takes jobs and draws none of them."""

    def __init__(self) -> None:
        self.drawing: list[Future[dict[str, Any]]] = []

    def submit(self, *work: object) -> Future[dict[str, Any]]:
        self.drawing.append(Future())
        return self.drawing[-1]

    def shutdown(self, *, wait: bool) -> None:
        """Nothing of it runs."""


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> render.Studio:
    monkeypatch.setattr(render.Studio, "_new_pool", lambda self: Pool())
    return render.Studio(processes=1)


def test_what_a_killed_renderer_drew_is_due_again_as_soon_as_any_lease_has_run_out(
    cast: Cast, engine: Engine, studio: render.Studio
) -> None:
    """Its lease is short, and is renewed for as long as the job is drawn."""
    ask(cast)
    engine.submit()
    studio.beat()
    soon = timezone.now() + datetime.timedelta(seconds=settings.LEASE_SECONDS + 1)
    assert (job().state, studio.processes) == (SketchJob.State.RUNNING, len(studio.drawing))
    SketchJob.objects.update(leased_until=timezone.now())
    studio.renewed_at -= settings.LEASE_SECONDS
    studio.beat()
    assert render.lease(limit=5, now=timezone.now()) == []
    assert [row.pk for row in render.lease(limit=5, now=soon)] == [job().pk]


def test_what_was_drawn_while_the_database_was_away_is_written_later(
    cast: Cast, engine: Engine, studio: render.Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(cast)
    engine.submit()
    studio.beat()
    (future,) = studio.drawing
    future.set_result({"state": "succeeded", "outputs": [{"url": "store:a"}]})
    with monkeypatch.context() as away:
        away.setattr(render, "finish", mock.Mock(side_effect=OperationalError("it is away")))
        with pytest.raises(OperationalError):
            studio.beat()
    assert job().state == SketchJob.State.RUNNING
    studio.beat()
    assert (job().state, studio.drawing) == (SketchJob.State.SUCCEEDED, {})


def test_a_job_that_ends_its_process_takes_no_other_with_it(db: None, studio: render.Studio) -> None:
    """All that a broken pool was drawing is drawn again, each alone, until the one at fault is given up."""
    tokens = ("first", "poison", *(f"after {number}" for number in range(render.AHEAD - 1)))
    for token in tokens:
        SketchJob.objects.create(
            token=token, model=SKETCH, kind="text", request={}, not_before=timezone.now()
        )
    at_once = []
    for _ in range(30):
        studio.beat()
        at_once.append(len(studio.drawing))
        poisoned = "poison" in {drawn.token for drawn in studio.drawing.values()}
        for future in [one for one in studio.drawing if not one.done()]:
            if poisoned:
                future.set_exception(BrokenProcessPool("a process ended"))
            else:
                future.set_result({"state": "succeeded", "outputs": []})
    ended = dict(SketchJob.objects.values_list("token", "state"))
    assert ended == {token: "failed" if token == "poison" else "succeeded" for token in tokens}
    assert at_once[0] == render.AHEAD
    assert max(at_once[1:6]) == 1


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_studio_draws_in_processes_of_its_own(cast: Cast, settings: Any) -> None:
    """The pool's processes have settings of their own, so the test's folder is named in the environment."""
    SketchJob.objects.create(
        token="one",
        model=SKETCH,
        kind="text",
        request={
            "prompt": "A lighthouse",
            "seed": 7,
            "width": None,
            "height": None,
            "duration_seconds": None,
            "parameters": {},
            "inputs": [],
        },
        not_before=timezone.now(),
    )
    studio = render.Studio(processes=1)
    try:
        until = timezone.now() + datetime.timedelta(seconds=60)
        while job().state != SketchJob.State.SUCCEEDED and timezone.now() < until:
            studio.beat()
    finally:
        studio.close()
    assert job().state == SketchJob.State.SUCCEEDED
    assert job().outputs[0]["text"] == painting.paint("text", job().request)["outputs"][0]["text"]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_closing_ends_the_processes_even_in_the_middle_of_a_job() -> None:
    studio = render.Studio(processes=1)
    studio.pool.submit(os.getpid).result(timeout=60)
    (process,) = studio.pool._processes.values()
    drawn, threads = studio.pool.submit(time.sleep, 600), studio.pool._executor_manager_thread
    while not drawn.running():
        time.sleep(0.01)
    studio.close()
    assert not process.is_alive()
    assert not threads.is_alive()  # one that still ends while Python exits raises in it
    assert drawn.done()


def test_a_missing_file_ends_the_take_at_once_and_says_whose_it_was(cast: Cast, engine: Engine) -> None:
    lost = Asset.objects.create(
        workspace=cast.workspace,
        kind="image",
        sha256="ab" * 32,
        media_type="image/png",
        size_bytes=1,
        name=store.name_of("ab" * 32),
    )
    earlier = engine_rows.take(cast.deliverable, engine_rows.step(), person=cast.producer.person)
    Run.objects.filter(take=earlier).delete()
    TakeAsset.objects.create(take=earlier, asset=lost, role="output")
    take = ask(cast)
    engine.submit()
    found = job()
    found.request["inputs"] = [{"role": "source", "sha256": lost.sha256, "media_type": "image/png"}]
    found.save()
    engine.draw()
    engine.until_quiet()
    take.refresh_from_db()
    assert take.state == TakeState.FAILED
    assert f"The file of take {earlier.number} is not in the store any more (abababababab)." in take.failure
    assert SketchJob.objects.exclude(kind="renditions").count() == 1
    assert engine_rows.open_holds(take) == 0
