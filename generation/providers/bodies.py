"""Requests that do not lie flat: parameters under sections, or as items of one list of contents.

A parameter's description says where it goes with
  under  the path to the object that holds it, such as `options.watermark_info`; absent: the body itself
  as     its name on the wire, where that is another
  item   it is an item of the list at `under`: the item's fields, in which `$` stands for the value;
         of several files each is an item
Files stand in a shaped body as `{"file": <SHA-256>}` until `filled` puts in what the provider takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from generation.providers.parameters import Spec, Translation
from generation.providers.protocol import InputFile

VALUE = "$"


def shaped(specs: Mapping[str, Spec], made: Translation) -> dict[str, Any]:
    """The body in the shape that the descriptions ask for, in their order."""
    body: dict[str, Any] = {}
    for name, spec in specs.items():
        if name not in made.body and name not in made.files:
            continue
        marks = [{"file": sha256} for sha256 in made.files.get(name, ())]
        values = marks if spec["type"] == "urls" else [made.body.get(name, marks[:1] and marks[0])]
        if "item" in spec:
            _items(body, spec["under"]).extend(_with(spec["item"], value) for value in values)
        else:
            place = _object(body, spec["under"].split(".") if "under" in spec else ())
            place[spec.get("as", name)] = values if spec["type"] == "urls" else values[0]
    return body


def _object(body: dict[str, Any], path: Sequence[str]) -> dict[str, Any]:
    for name in path:
        body = body.setdefault(name, {})
    return body


def _items(body: dict[str, Any], path: str) -> list[Any]:
    *before, last = path.split(".")
    found: list[Any] = _object(body, before).setdefault(last, [])
    return found


def _with(pattern: Any, value: Any) -> Any:
    if pattern == VALUE:
        return value
    if not isinstance(pattern, dict):
        return pattern
    return {name: _with(one, value) for name, one in pattern.items()}


async def filled(
    body: Mapping[str, Any],
    inputs: Sequence[InputFile],
    write: Callable[[InputFile], Coroutine[Any, Any, str]],
) -> dict[str, Any]:
    """The body with every file as `write` makes it; each file is written once."""
    known = {file.sha256: file for file in inputs}
    made = await asyncio.gather(*(write(file) for file in known.values()))
    at = dict(zip(known, made, strict=True))

    def put(value: Any) -> Any:
        if isinstance(value, list):
            return [put(one) for one in value]
        if not isinstance(value, Mapping):
            return value
        if value.keys() == {"file"}:
            return at[str(value["file"])]
        return {name: put(one) for name, one in value.items()}

    return {name: put(value) for name, value in body.items()}


def variant(entry: Mapping[str, Any], inputs: Sequence[InputFile]) -> str:
    """The name under which a sheet describes the endpoint for such files; "" where that is its own.

    An entry's `with` lists `{"roles": […], "use": name}`; the first of which a picture is given counts.
    """
    given = {file.role for file in inputs if file.media_type.startswith("image/")}
    found = (one["use"] for one in entry.get("with", ()) if given & set(one["roles"]))
    return next(found, "")
