"""Fault drills: what a catalogue row's parameters tell a built-in model to do wrong, and how.

Parameters: `fail` (an error class), `block` (true), `lag_seconds`, `malformed` (one of
`MALFORMED`), and `share`, the part of the requests that this befalls (default 1: all). Which
requests those are follows from prompt and seed, so a drill can be repeated.
"""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from pathlib import Path

from generation.providers.protocol import ErrorClass, StepRequest
from generation.sketch import dice
from generation.sketch import request as asked

MALFORMED = ("empty", "truncated", "html")
PAGE = b"<!doctype html><title>502</title><script>document.title='not a picture'</script>"


@dataclasses.dataclass(frozen=True)
class Drill:
    """What is to go wrong; the default is nothing."""

    fail: ErrorClass | None = None
    block: bool = False
    lag_seconds: Decimal = Decimal(0)
    malformed: str = ""


def read(request: StepRequest) -> Drill:
    """The drill for one request; raises RequestRefused for a directive that is not known."""
    parameters = request.parameters
    fail, malformed = asked.text(parameters, "fail"), asked.text(parameters, "malformed")
    if fail and fail not in set(ErrorClass):
        raise asked.RequestRefused(f"fail is {fail!r}: one of {', '.join(ErrorClass)}.")
    if malformed and malformed not in MALFORMED:
        raise asked.RequestRefused(f"malformed is {malformed!r}: one of {', '.join(MALFORMED)}.")
    lag = asked.number(parameters, "lag_seconds", Decimal(0))
    if not _befalls(request, float(asked.number(parameters, "share", Decimal(1)))):
        return Drill(lag_seconds=lag)
    return Drill(
        fail=ErrorClass(fail) if fail else None,
        block=bool(parameters.get("block", False)),
        lag_seconds=lag,
        malformed=malformed,
    )


def _befalls(request: StepRequest, share: float) -> bool:
    return float(dice.stream("drill", request.prompt, asked.seed(request)).random()) < share


def spoil(path: Path, malformed: str) -> None:
    """Turns a finished file into one that no verifier may let through."""
    if malformed == "empty":
        path.write_bytes(b"")
    elif malformed == "truncated":
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 3])
    elif malformed == "html":
        path.write_bytes(PAGE)
