"""Draws the recent takes: runs that are ready are drawn by the built-in renderer and then collected.

The same road as the engine's, at the instants of the story instead of now.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from billing.models import Hold
from generation import charges, collect, inline, painting, renditions, tokens
from generation.collect import Kept
from generation.inputs import Materials
from generation.media import probe, store
from generation.models import Call, Run, SketchJob
from generation.models.runs import CallState, Lane, RunState
from generation.providers.builtin import Builtin
from generation.providers.protocol import ModelFacts
from projects.models import Asset, Rendition, Take, Workspace
from projects.models.takes import TakeState
from routing import catalogue

A_STEP = datetime.timedelta(seconds=25)
Work = tuple[Callable[..., dict[str, Any]], Sequence[Any]]


class Easel:
    """Draws in so many processes, or in this one where there are none."""

    def __init__(self, workspace: Workspace, pool: ProcessPoolExecutor | None) -> None:
        self.workspace = workspace
        self.pool = pool
        self.drawn = 0

    def draw(self) -> None:
        """Draws and collects all that waits in the workspace, step after step, until nothing does."""
        while runs := self._waiting():
            jobs = self._jobs(runs)
            for run, answer in zip(runs, self._all((painting.paint, job) for job in jobs), strict=True):
                self._collect(run, answer)
            self.drawn += len(runs)

    def shrink(self) -> None:
        """Makes the renditions that were asked for, so that pages show pictures at once."""
        asked = {asset.pk: asset for asset in Asset.objects.filter(workspace=self.workspace).order_by("pk")}
        work = [(painting.shrink, (asset.name, asset.sha256)) for asset in asked.values()]
        for asset, answer in zip(asked.values(), self._all(work), strict=True):
            Rendition.objects.bulk_create(
                [Rendition(asset=asset, **columns) for columns in answer.get("made", [])]
            )
        SketchJob.objects.filter(
            kind=renditions.KIND, token__in=[f"renditions:{pk}" for pk in asked]
        ).delete()

    def _waiting(self) -> list[Run]:
        return list(
            Run.objects.filter(workspace=self.workspace, state=RunState.QUEUED, lane=Lane.SUBMIT)
            .select_related("take__workspace", "take__requested_by")
            .order_by("take__requested_at", "take_id", "position")
        )

    def _jobs(self, runs: Sequence[Run]) -> list[tuple[str, dict[str, Any]]]:
        keys = {run.request["choices"][0]["model"] for run in runs}
        rows = catalogue.models_by_key(self.workspace, keys)
        with contextlib.ExitStack() as open_files:
            materials = Materials(runs, open_files)
            return [self._job(run, materials, rows) for run in runs]

    def _job(self, run: Run, materials: Materials, rows: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        choice = run.request["choices"][0]
        row = rows[choice["model"]]
        facts = ModelFacts(row.key, row.endpoint, row.capabilities)
        request = materials.request(run, choice["parameters"])
        return run.kind, dict(Builtin().translate(model=facts, request=request).payload)

    def _all(self, work: Iterable[Work]) -> Iterator[dict[str, Any]]:
        if self.pool is None:
            return iter([function(*arguments) for function, arguments in work])
        return iter([each.result() for each in [self.pool.submit(f, *args) for f, args in work]])

    def _collect(self, run: Run, answer: dict[str, Any]) -> None:
        """The call that asked for it, and then all that the engine does with its result."""
        if answer["state"] != "succeeded":
            raise RuntimeError(f"{run.step} of {run.take_id} was not drawn: {answer}")
        at = run.take.requested_at + A_STEP * (run.position + 1)
        Run.objects.filter(pk=run.pk).update(
            state=RunState.COLLECTING, lane=Lane.COLLECT, attempts=1, started_at=at - A_STEP / 2
        )
        Take.objects.filter(pk=run.take_id, state=TakeState.QUEUED).update(
            state=TakeState.RENDERING, started_at=at - A_STEP / 2
        )
        call = self._call(run, answer, at)
        books = charges.open_books([call], now=at)
        results = {run.pk: [_kept(output) for output in answer["outputs"]]}
        collect.keep(calls=[call], results=results, books=books, now=at)

    def _call(self, run: Run, answer: dict[str, Any], at: datetime.datetime) -> Call:
        hold = Hold.objects.get(run=run.pk, outcome__isnull=True)
        model = run.request["choices"][0]
        call = Call(
            workspace=self.workspace,
            run=run,
            number=1,
            model=model["model"],
            provider="builtin",
            state=CallState.ACCEPTED,
            hold=hold,
            price_row=model["price_row"],
            outputs=answer["outputs"],
            evidence={"seed": answer["outputs"][0].get("seed")},
            intended_at=at - A_STEP / 2,
            accepted_at=at - A_STEP / 2,
            ended_at=at,
        )
        call.token_hash = tokens.token_hash(tokens.token(call.pk))
        call.provider_job_id = str(call.pk)
        call.save(force_insert=True)
        return Call.objects.select_related("run__take__workspace", "run__take__requested_by", "hold").get(
            pk=call.pk
        )


@contextlib.contextmanager
def easel(workspace: Workspace, *, processes: int) -> Iterator[Easel]:
    if not processes:
        yield Easel(workspace, None)
        return
    pool = ProcessPoolExecutor(
        max_workers=processes,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=painting.prepare,
    )
    with contextlib.closing(_Ending(pool)):
        yield Easel(workspace, pool)


class _Ending:
    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self.close = functools.partial(pool.shutdown, cancel_futures=True)


def _kept(output: dict[str, Any]) -> Kept:
    """A result as the collect lane hands it on: a stored file that was looked into, or a text."""
    url = str(output.get("url", ""))
    if not url:
        return Kept(None, "", str(output["text"]))
    name = url.removeprefix(inline.STORED)
    with store.local(name) as path:
        return Kept(probe.glance(path, sha256=name.rpartition("/")[2]), name)
