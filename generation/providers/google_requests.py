"""Google's requests: where each parameter lies in a body, and what some values want of others, all by data.

Beyond `generation.providers.parameters` a description here says `at` (the path of its section), `as` (its
name there), `file` (how a file is written) or `part` (the part of the contents that it is), and `only_with`
(it is dropped without that other parameter). An endpoint's `when` are rules: where a parameter is given
(or is one of some values), others become fixed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from generation.providers import files
from generation.providers.parameters import Spec, Translation
from generation.providers.protocol import InputFile, Job


def settle(made: Translation, specs: Mapping[str, Spec], rules: Sequence[Mapping[str, Any]]) -> None:
    """Takes out what cannot go alone, and fixes what follows from other values; both are said."""
    for name, spec in specs.items():
        if name in made.files and spec.get("only_with", name) not in made.files:
            alone = [one for one in made.inputs if one.sha256 in made.files[name]]
            made.inputs = [one for one in made.inputs if one not in alone]
            made.dropped = (*made.dropped, *(one.role for one in alone))
            del made.files[name]
    for rule in rules:
        name = rule["given"]
        value = made.body.get(name, made.files.get(name))
        if value is None or ("is" in rule and value not in rule["is"]):
            continue
        for other, fixed in rule["then"].items():
            if made.body.get(other, fixed) != fixed:
                made.adjusted.append(f"{other}: {made.body[other]} becomes {fixed}, because of {name}")
            made.body[other] = fixed


async def body(job: Job, specs: Mapping[str, Spec]) -> dict[str, Any]:
    """The body as it goes over the wire, its files inside it."""
    known = {file.sha256: file for file in job.inputs}
    texts = await asyncio.gather(*(files.in_base64(file) for file in known.values()))
    data = dict(zip(known, texts, strict=True))
    made: dict[str, Any] = {}
    parts: list[Any] = []
    for name, spec in specs.items():
        given = job.payload["files"].get(name, ())
        written = [_written(spec, data[one], known[one]) for one in given]
        if name in job.payload["body"]:
            written = [_written(spec, job.payload["body"][name], None)]
        if not written:
            continue
        if "part" in spec:
            parts += written
        else:
            many = name in job.payload["many"]
            _section(made, spec.get("at", ""))[spec.get("as", name)] = written if many else written[0]
    if parts:
        made["contents"] = [{"role": "user", "parts": parts}]
    if "instances" in made:
        made["instances"] = [made["instances"]]
    return made


def _written(spec: Spec, value: Any, file: InputFile | None) -> Any:
    """The value in the shape that the description gives it."""

    def put(pattern: Any) -> Any:
        if isinstance(pattern, Mapping):
            return {name: put(one) for name, one in pattern.items()}
        if pattern == "$data":
            return value
        return file.media_type if pattern == "$type" and file else pattern

    return put(spec.get("part") or spec.get("file") or "$data")


def _section(made: dict[str, Any], path: str) -> dict[str, Any]:
    for name in path.split(".") if path else ():
        made = made.setdefault(name, {})
    return made
