"""The collect lane: results are fetched into the store, looked into, booked, and what follows is queued."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import datetime
import functools
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from django.db import transaction
from django.utils import timezone

from billing import pots
from generation import (
    aftermath,
    charges,
    ending,
    inline,
    keyring,
    lanes,
    moves,
    pace,
    renditions,
    settle,
    wire,
)
from generation.charges import Books
from generation.media import download, probe, store
from generation.media.download import DownloadFailed
from generation.media.limits import DEFAULT, SOUNDS, Limits, MalformedMedia, StorageTrouble
from generation.media.probe import Probe
from generation.models import Call, Run
from generation.models.runs import CallState, Lane, RunState
from generation.providers import registry
from generation.providers.protocol import ErrorClass, ProviderError
from projects.models import Asset, Take, TakeAsset
from projects.plain import made_plain
from routing import health

BATCH = 120
AT_ONCE = 32
DOWNLOAD_SECONDS = 90.0
MOST_TRIES = 6
STORAGE_PAUSE = datetime.timedelta(seconds=30)


@dataclasses.dataclass(frozen=True)
class Kept:
    """One output, safely stored and looked into; or a text."""

    probe: Probe | None
    name: str
    text: str = ""


def collect_due(wires: wire.Wire, *, now: datetime.datetime | None = None, limit: int = BATCH) -> int:
    """Fetches and settles a batch of finished jobs; answers how many."""
    at = now or timezone.now()
    lease, leased = lanes.lease(Lane.COLLECT, limit=limit, now=at)
    if not leased:
        return 0
    calls = _calls(leased)
    Run.objects.filter(lease=lease).exclude(pk__in=calls).update(**moves.RESTING)
    books = charges.open_books(calls.values(), now=at)
    work = {run: functools.partial(_fetch, call=call) for run, call in calls.items()}
    ended: list[Call] = []
    for batch in wires.each(work, at_once=AT_ONCE):
        instant = now or timezone.now()
        fetched = {run: result for run, result in batch.items() if isinstance(result, list)}
        ended += keep(calls=[calls[run] for run in fetched], results=fetched, books=books, now=instant)
        for run in batch.keys() - fetched.keys():
            _not_fetched(calls[run], batch[run], now=instant)
        lanes.renew(lease, now=instant)
    _count(ended, now=now or timezone.now())
    return len(leased)


def _calls(runs: Sequence[uuid.UUID]) -> dict[uuid.UUID, Call]:
    """By run, the call whose outputs are to be collected."""
    rows = (
        Call.objects.filter(run__in=list(runs), run__state=RunState.COLLECTING)
        .select_related(
            "run__take__workspace",
            "run__take__deliverable",
            "run__take__requested_by",
            "run__take__round",
            "hold",
            "account",
        )
        .order_by("run", "-number")
        .distinct("run")
    )
    return {row.run_id: row for row in rows}


async def _fetch(client: httpx.AsyncClient, *, call: Call) -> list[Kept]:
    """Every output of a job, each stored and looked into; raises what makes one of them unusable."""
    return [await _fetch_one(client, call, output) for output in call.outputs]


async def _fetch_one(client: httpx.AsyncClient, call: Call, output: Mapping[str, Any]) -> Kept:
    url = str(output.get("url") or "")
    if not url:
        if not output.get("text"):
            raise MalformedMedia("The provider says that it succeeded, without media.")
        return Kept(None, "", str(output["text"]))
    look = functools.partial(_look, limits=SOUNDS if call.run.kind == "audio" else DEFAULT)
    if url.startswith(inline.STORED):
        name = url.removeprefix(inline.STORED)
        return await asyncio.to_thread(_stored, name, look)
    vouching = _vouching(call) if output.get("authorized") else None
    stored, seen = await download.fetch(
        client, url, look=look, timeout_seconds=DOWNLOAD_SECONDS, vouching=vouching
    )
    return Kept(seen, stored.name)


def _vouching(call: Call) -> download.Vouching:
    """The headers that the provider wants to see where its outputs lie on the account's own host."""
    account = keyring.opened(call.account, provider=call.provider, begun_at=call.intended_at)
    headers = registry.get(call.provider).download_headers(account)
    return download.Vouching(account.base_url, headers)


def _stored(name: str, look: Callable[[Path, str], Probe]) -> Kept:
    with store.local(name) as path:
        return Kept(look(path, name.rpartition("/")[2]), name)


def _look(path: Path, sha256: str, *, limits: Limits) -> Probe:
    """A picture is decoded whole, as is a sound; of a film the container is read, and its frames later."""
    look = probe.glance if probe.sniff(path, limits).startswith("video/") else probe.probe
    return look(path, limits=limits, sha256=sha256)


def _not_fetched(call: Call, result: Any, *, now: datetime.datetime) -> None:
    """Goes the way of what was in the way: waits for the storage, tries again, or calls it unusable."""
    if isinstance(result, StorageTrouble):
        _later(call, result.waits_for, STORAGE_PAUSE, now, counts=False)
    elif _may_work_later(result) and call.run.attempts + 1 < MOST_TRIES:
        pause = pace.after_trouble(tries=call.run.attempts + 1)
        _later(call, f"its file: {result}", pause, now, counts=True)
    else:
        error = ProviderError(ErrorClass.MALFORMED_OUTPUT, str(result) or type(result).__name__)
        aftermath.unusable(call=call, error=error, now=now)


def _may_work_later(error: Any) -> bool:
    return (isinstance(error, DownloadFailed) and error.retryable) or isinstance(error, TimeoutError)


def _later(
    call: Call, words: str, pause: datetime.timedelta, now: datetime.datetime, *, counts: bool
) -> None:
    columns = {
        **moves.FREE,
        "due_at": now + pause,
        "waiting_for": words[:200],
        "attempts": call.run.attempts + (1 if counts else 0),
    }
    moves.alter(Run, {call.run_id: columns}, states=[RunState.COLLECTING])


def keep(
    *,
    calls: Sequence[Call],
    results: Mapping[uuid.UUID, Sequence[Kept]],
    books: Books,
    now: datetime.datetime,
) -> list[Call]:
    """Everything that follows from successes, a short transaction a workspace; answers the new ones.

    Holds afterwards: the calls are posted at their settled amounts, the files are their takes', the next
    steps are queued or the takes are ready. `results` are by run.
    """
    by_workspace: dict[uuid.UUID, list[Call]] = collections.defaultdict(list)
    for call in calls:
        by_workspace[call.workspace_id].append(call)
    kept: list[Call] = []
    for group in by_workspace.values():
        with transaction.atomic():
            kept += _keep(group, results, books, now)
    return kept


def _keep(
    calls: Sequence[Call],
    results: Mapping[uuid.UUID, Sequence[Kept]],
    books: Books,
    now: datetime.datetime,
) -> list[Call]:
    pots.lock(call.run.take.deliverable_id for call in calls)
    waiting = Run.objects.filter(
        pk__in=[call.run_id for call in calls], state=RunState.COLLECTING
    ).values_list("pk", flat=True)
    open_runs = set(waiting)
    calls = [call for call in calls if call.run_id in open_runs]
    assets = _assets(calls, results, now)
    moved = moves.calls(
        moves.same([call.pk for call in calls], error_class="", error=""), to=CallState.SUCCEEDED
    )
    calls = [call for call in calls if call.pk in moved]
    moves.runs(
        {call.run_id: _run_columns(call, results[call.run_id], assets[call.pk], now) for call in calls},
        to=RunState.SUCCEEDED,
        sources=[RunState.COLLECTING],
    )
    TakeAsset.objects.bulk_create(
        [
            TakeAsset(take_id=call.run.take_id, asset=asset, role="step", step=call.run.step, position=place)
            for call in calls
            for place, asset in enumerate(assets[call.pk])
        ],
        ignore_conflicts=True,
    )
    with_media = {call.pk for call in calls if assets[call.pk]}
    settle.post_all(calls=calls, books=books, with_media=with_media, now=now)
    ending.advance_all(_present(calls), now=now)
    return calls


def _present(calls: Sequence[Call]) -> list[Take]:
    """The takes of these calls with their present state; their deliverables are locked."""
    takes = {call.run.take_id: call.run.take for call in calls}
    states = dict(Take.objects.filter(pk__in=takes).values_list("pk", "state"))
    for key, take in takes.items():
        take.state = states[key]
    return list(takes.values())


def _run_columns(
    call: Call, results: Sequence[Kept], assets: Sequence[Asset], now: datetime.datetime
) -> dict[str, Any]:
    text = "\n".join(kept.text for kept in results if kept.text)
    result = {**call.run.result}
    if call.evidence.get("seed") is not None:
        result["seed"] = call.evidence["seed"]
    if call.run.kind == "judge":
        result["scores"] = _scores(text)
    return {
        **moves.RESTING,
        "asset": assets[0].pk if assets else None,
        "result_text": text,
        "result": result,
        "progress": Decimal(1),
        "error_class": "",
        "error": "",
        "ended_at": now,
    }


def _scores(text: str) -> Any:
    try:
        return made_plain(json.loads(text))
    except (ValueError, RecursionError):
        return {}


def _assets(
    calls: Sequence[Call], results: Mapping[uuid.UUID, Sequence[Kept]], now: datetime.datetime
) -> dict[uuid.UUID, list[Asset]]:
    """By call, the asset rows of its files, made where the workspace does not have them yet."""
    rows = {
        call.pk: [
            _asset(call, kept.probe, kept.name) for kept in results[call.run_id] if kept.probe is not None
        ]
        for call in calls
    }
    wanted = {row.sha256: row for made in rows.values() for row in made}
    if not wanted:
        return rows
    Asset.objects.bulk_create(wanted.values(), ignore_conflicts=True)
    found = {
        row.sha256: row for row in Asset.objects.filter(workspace=calls[0].workspace_id, sha256__in=wanted)
    }
    renditions.ask_for(found.values(), now=now)
    return {call: [found[row.sha256] for row in made] for call, made in rows.items()}


def _asset(call: Call, seen: Probe, name: str) -> Asset:
    return Asset(
        workspace_id=call.workspace_id,
        kind=seen.kind,
        sha256=seen.sha256,
        media_type=seen.media_type,
        size_bytes=seen.size_bytes,
        width=seen.width or None,
        height=seen.height or None,
        duration_seconds=seen.duration_seconds,
        name=name,
    )


def _count(ended: Sequence[Call], *, now: datetime.datetime) -> None:
    """Lets the models' circuit breakers know, by model and outside the transactions."""
    by_model: dict[tuple[uuid.UUID, str], list[Call]] = collections.defaultdict(list)
    for call in ended:
        by_model[(call.workspace_id, call.model)].append(call)
    for (_, model), calls in by_model.items():
        health.record(
            workspace=calls[0].run.take.workspace,
            model_key=model,
            calls=len(calls),
            seconds=sum((_took(call, now) for call in calls), Decimal(0)),
            now=now,
        )


def _took(call: Call, now: datetime.datetime) -> Decimal:
    return pace.seconds_between(call.accepted_at or call.intended_at, call.ended_at or now)
