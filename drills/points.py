"""Points of a take's way at which a drill can meet the process, by wrapping functions of the engine.

    hold      before: the take's rows are written and not committed, no money is held
              after:  take and hold are committed, no bell has rung
    enqueue   before: the bell of the submit lane is about to be put into the queue
              after:  it is in the queue, the request is not answered yet
    claim     before: a run is due, and no lease is on it
              after:  the lease is committed, nothing else is
    call      before: the intent is committed, nothing has been sent
              after:  the provider has answered, nobody has looked at the answer
    save      before: the answer is about to be written
              after:  the job's id is committed, the run is to be polled
    poll      before: the provider is about to be asked
              after:  it has said that the job is done, nothing of that is written
    download  before: the file is about to be fetched
              after:  the file is in the store, no row names it
    settle    before: the call's success is written and not committed, nothing is booked
              after:  entry, outcome of the hold and end of the take are committed

and two beside that way, of a take that somebody cancels:

    cancel    before: the provider is about to be asked to stop the job
              after:  it has answered, nobody has looked at the answer

Hold and enqueue happen in the web server, the others in the queue's workers.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.db import transaction
from django.db.backends.signals import connection_created

from drills import meeting

STEPS = ("hold", "enqueue", "claim", "call", "save", "poll", "download", "settle")
BY_WEB = ("hold", "enqueue")
POINTS = tuple(f"{when}:{step}" for step in STEPS for when in ("before", "after"))
BESIDE = ("before:cancel", "after:cancel")

GRACE_SECONDS = 1.0
"""How long a lost answer is let be: nothing that the drill's provider knows becomes known by waiting."""

Reach = Callable[[str], Any]
Function = Callable[..., Any]


class Points(AppConfig):
    name = "drills.points"
    label = "drill_points"

    def ready(self) -> None:
        folder = os.environ.get(meeting.VARIABLE)
        if folder:
            connection_created.connect(meeting.note_connection)
            shorten_waits()
            install(functools.partial(meeting.wait_here, Path(folder)), web=_is_web())


def _is_web() -> bool:
    return Path(sys.argv[0]).name == "server.py"


def shorten_waits() -> None:
    import datetime

    from generation import unknown

    unknown.GRACE = datetime.timedelta(seconds=GRACE_SECONDS)


def install(reach: Reach, *, web: bool) -> Callable[[], None]:
    """Wraps the functions; `reach` is called with each point that is passed. Answers what undoes it.

    A web server passes the steps that it takes itself, any other process the others.
    """
    undo = []
    for step, (place, wrap) in WRAPPED.items():
        if (step in BY_WEB) == web:
            module_name, _, name = place.rpartition(".")
            module = importlib.import_module(module_name)
            original = getattr(module, name)
            undo.append(functools.partial(setattr, module, name, original))
            wrapped = wrap(original, functools.partial(_at, reach, step))
            setattr(module, name, functools.wraps(original)(wrapped))

    def undone() -> None:
        for put_back in undo:
            put_back()

    return undone


def _at(reach: Reach, step: str, when: str) -> None:
    reach(f"{when}:{step}")


def _hold(original: Function, at: Reach) -> Function:
    def reserve_all(**named: Any) -> Any:
        at("before")
        made = original(**named)
        transaction.on_commit(lambda: at("after"))
        return made

    return reserve_all


def _enqueue(original: Function, at: Reach) -> Function:
    from generation import lanes

    def async_task(name: str, *arguments: Any, **named: Any) -> Any:
        if name != lanes.TASKS["submit"]:
            return original(name, *arguments, **named)
        at("before")
        put = original(name, *arguments, **named)
        at("after")
        return put

    return async_task


def _claim(original: Function, at: Reach) -> Function:
    from generation.models import Run
    from generation.models.runs import Lane, RunState

    def lease_fairly(**named: Any) -> Any:
        due = Run.objects.filter(lane=Lane.SUBMIT, state=RunState.QUEUED, due_at__lte=named["now"])
        if due.exists():
            at("before")
        lease, leased = original(**named)
        if leased:
            at("after")
        return lease, leased

    return lease_fairly


def _around(original: Function, at: Reach) -> Function:
    def around(*arguments: Any, **named: Any) -> Any:
        at("before")
        done = original(*arguments, **named)
        at("after")
        return done

    return around


def _around_wire(original: Function, at: Reach) -> Function:
    async def around(*arguments: Any, **named: Any) -> Any:
        at("before")
        done = await original(*arguments, **named)
        at("after")
        return done

    return around


def _poll(original: Function, at: Reach) -> Function:
    from generation.providers.protocol import JobState

    async def ask(*arguments: Any, **named: Any) -> Any:
        at("before")
        told = await original(*arguments, **named)
        if told.state == JobState.SUCCEEDED:
            at("after")
        return told

    return ask


def _settle(original: Function, at: Reach) -> Function:
    def post_all(**named: Any) -> Any:
        at("before")
        entries = original(**named)
        transaction.on_commit(lambda: at("after"))
        return entries

    return post_all


WRAPPED: dict[str, tuple[str, Callable[[Function, Reach], Function]]] = {
    "hold": ("billing.holds.reserve_all", _hold),
    "enqueue": ("circletake.handing.async_task", _enqueue),
    "claim": ("generation.lanes.lease_fairly", _claim),
    "call": ("generation.sending._submit", _around_wire),
    "save": ("generation.dispatch.record_accepted", _around),
    "poll": ("generation.poll._ask", _poll),
    "download": ("generation.media.download.fetch", _around_wire),
    "settle": ("generation.settle.post_all", _settle),
    "cancel": ("generation.cancel._ask", _around_wire),
}
"""By step, the function that is it, and how its points lie around it."""
