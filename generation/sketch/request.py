"""What the renderer takes from a step's request, checked: sizes, seconds, colours, files."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from generation.providers.protocol import StepRequest
from generation.sketch import dice

SIDE = (16, 8192)
MOST_PIXELS = 40_000_000
SECONDS = (Decimal("0.2"), Decimal(60))
FPS = (1, 60)
DEFAULT_SIZE = (1280, 720)
DEFAULT_SECONDS = Decimal(4)
DEFAULT_FPS = 24
MOTIONS = ("auto", "push-in", "pull-out", "pan-left", "pan-right", "rise", "still")


class RequestRefused(ValueError):
    """The request asks for something that the renderer cannot draw; the text says what and why."""


def seed(request: StepRequest) -> int:
    return dice.seed_for(request.prompt) if request.seed is None else request.seed


def size(request: StepRequest, default: tuple[int, int] = DEFAULT_SIZE) -> tuple[int, int]:
    """Width and height in pixels; one of them alone is not enough."""
    if request.width is None or request.height is None:
        if request.width != request.height:
            raise RequestRefused("Give both width and height, or neither.")
        return default
    check_size(request.width, request.height)
    return request.width, request.height


def check_size(width: int, height: int) -> None:
    low, high = SIDE
    if not (low <= width <= high and low <= height <= high) or width * height > MOST_PIXELS:
        raise RequestRefused(
            f"{width} × {height} pixels cannot be drawn: each side from {low} to {high}, "
            f"at most {MOST_PIXELS // 1_000_000} million pixels in all."
        )


def seconds(request: StepRequest) -> Decimal:
    wanted = DEFAULT_SECONDS if request.duration_seconds is None else request.duration_seconds
    if not SECONDS[0] <= wanted <= SECONDS[1]:
        raise RequestRefused(f"{wanted} s is out of range: from {SECONDS[0]} to {SECONDS[1]} s.")
    return wanted


def fps(request: StepRequest) -> int:
    wanted = whole(request.parameters, "fps", DEFAULT_FPS)
    if not FPS[0] <= wanted <= FPS[1]:
        raise RequestRefused(f"{wanted} frames a second is out of range: {FPS[0]} to {FPS[1]}.")
    return wanted


def number(parameters: Mapping[str, Any], name: str, default: Decimal) -> Decimal:
    value = parameters.get(name)
    if value is None:
        return default
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        raise RequestRefused(f"{name} is {value!r}; it needs a number.")
    return found


def whole(parameters: Mapping[str, Any], name: str, default: int) -> int:
    found = number(parameters, name, Decimal(default))
    if found != int(found):
        raise RequestRefused(f"{name} is {found}; it needs a whole number.")
    return int(found)


def text(parameters: Mapping[str, Any], name: str) -> str:
    value = parameters.get(name, "")
    if not isinstance(value, str):
        raise RequestRefused(f"{name} needs text.")
    return " ".join(value.split())


def colours(parameters: Mapping[str, Any]) -> tuple[str, ...]:
    value = parameters.get("palette") or ()
    if isinstance(value, str):
        value = value.replace(",", " ").split()
    return tuple(str(item) for item in value)


@dataclasses.dataclass(frozen=True)
class Inputs:
    """The files of a request by their part in it."""

    source: Path | None
    references: tuple[Path, ...]
    logo: Path | None


def inputs(request: StepRequest) -> Inputs:
    """`source`, `first_frame` and `input` mean the file to work on; `logo` a mark to lay over it."""
    by_role: dict[str, list[Path]] = {}
    for file in request.inputs:
        by_role.setdefault(file.role, []).append(Path(file.path))
    sources = [path for role in ("source", "first_frame", "input") for path in by_role.get(role, ())]
    return Inputs(
        source=sources[0] if sources else None,
        references=tuple(by_role.get("reference", ())),
        logo=by_role["logo"][0] if by_role.get("logo") else None,
    )


def source(request: StepRequest) -> Path:
    """The file to work on: the source, else the first reference; refused where there is none."""
    found = inputs(request)
    path = found.source or next(iter(found.references), None)
    if path is None:
        raise RequestRefused(f"A step of kind {request.kind} needs a source file.")
    return path
