"""What a render process does: draws one job of the built-in renderer, or makes one file's renditions.

It runs in a process of its own, with the store and without the database; plain data goes in and comes out.
"""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from circletake import postgres

NICENESS = 19
"""Rendering gives way to whatever else wants the processor: lanes, pages, the database."""


def prepare() -> None:
    """Once in each process: settings, a low priority, and an end together with the parent."""
    import django

    postgres.die_with_parent(signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    django.setup()


class MissingFile(Exception):
    """A file that the job stands on is recorded, and not in the store."""

    def __init__(self, role: str, sha256: str) -> None:
        super().__init__(f"The {role} is not in the store any more: file {sha256[:12]}.")
        self.sha256 = sha256


def paint(kind: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Draws a job; answers its state with outputs, or with the error's class and words."""
    from generation import sketch
    from generation.media.limits import StorageTrouble
    from generation.sketch import drills

    try:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="circletake-")))
            step = _step(kind, request, stack)
            drill = drills.read(step)
            if drill.block:
                return _failed("moderated", "The drill model blocks everything.", state="blocked")
            if drill.fail:
                return _failed(drill.fail.value, "The drill model fails on purpose.")
            rendered = sketch.render(kind=kind, request=step, out_dir=folder)
            return _output(rendered, drill.malformed)
    except sketch.RequestRefused as refused:
        return _failed("bad_request", str(refused))
    except MissingFile as missing:
        return {**_failed("bad_request", str(missing)), "missing": missing.sha256}
    except StorageTrouble as trouble:
        return {"state": "later", "error": str(trouble)}


def _step(kind: str, request: Mapping[str, Any], stack: contextlib.ExitStack) -> Any:
    from generation.providers.protocol import InputFile, StepRequest

    inputs = tuple(
        InputFile(
            role=entry["role"],
            path=str(_lent(entry, stack)),
            media_type=entry["media_type"],
            sha256=entry["sha256"],
        )
        for entry in request["inputs"]
    )
    return StepRequest(
        kind=kind,
        prompt=request["prompt"],
        seed=request.get("seed"),
        width=request["width"],
        height=request["height"],
        duration_seconds=_decimal(request["duration_seconds"]),
        guidance=_decimal(request.get("guidance")),
        motion=_decimal(request.get("motion")),
        inputs=inputs,
        parameters=request["parameters"],
    )


def _lent(entry: Mapping[str, Any], stack: contextlib.ExitStack) -> Path:
    """The path of an input; trying again would not bring a missing one back."""
    from generation.media import store

    try:
        path = stack.enter_context(store.local(store.name_of(entry["sha256"])))
        if path.exists():
            return path
    except FileNotFoundError:
        pass
    raise MissingFile(entry["role"], entry["sha256"])


def _output(rendered: Any, malformed: str) -> dict[str, Any]:
    from generation.media import store
    from generation.media.limits import MalformedMedia
    from generation.sketch import drills

    made: dict[str, Any] = {"media_type": rendered.media_type, "seed": rendered.seed}
    if rendered.path is None:
        made["text"] = rendered.text
    else:
        drills.spoil(rendered.path, malformed)
        try:
            made["url"] = f"store:{store.put(rendered.path).name}"
        except MalformedMedia:
            return {"state": "succeeded", "outputs": [{}]}  # an empty file is found out when collected
    return {"state": "succeeded", "outputs": [made]}


def _failed(error_class: str, error: str, *, state: str = "failed") -> dict[str, Any]:
    return {"state": state, "error_class": error_class, "error": error}


def shrink(name: str, sha256: str) -> dict[str, Any]:
    """Makes thumbnail, poster and proxy of a stored file; answers them as columns of renditions."""
    from generation.media import probe, renditions, store
    from generation.media.limits import MalformedMedia, StorageTrouble

    try:
        with (
            store.local(name) as path,
            tempfile.TemporaryDirectory(prefix="circletake-") as folder,
        ):
            seen = probe.glance(path, sha256=sha256)
            made = renditions.make(path, seen, Path(folder))
            return {"state": "succeeded", "made": [_kept(one, store) for one in made]}
    except StorageTrouble as trouble:
        return {"state": "later", "error": str(trouble)}
    except (MalformedMedia, FileNotFoundError) as error:
        return _failed("malformed_output", str(error))


def _kept(one: Any, store: Any) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "media_type": one.media_type,
        "width": one.width,
        "height": one.height,
        "size_bytes": one.size_bytes,
        "name": store.put(one.path).name,
    }


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))
