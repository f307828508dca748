"""From our knobs to a model's own parameters, by data: one description per parameter, no `if` per model.

A description is a mapping with
  type      string, integer, number, boolean, list, object, size, url (one file) or urls (several)
  knob      which of our knobs fills it: prompt, seed, size, width, height, aspect, resolution, duration,
            guidance, motion
  roles     for url and urls: the roles of input files that it takes, the preferred one first
  media     for url and urls: `image` (the default) or `video`
  carries   knobs that a file given here brings along, such as the format of a first frame
  values    the closed set of values; for a duration, an aspect or a size the nearest is taken, and said
  text      for a size: the sign between width and height where it is a text, such as `x`
  multiple  for a size, width or height: of how many pixels each side is a multiple
  per       for a duration: how many of the parameter's units a second has, such as 1000
  pixels    for a resolution: which value goes with how many pixels of the shorter side
  least, most, required, default
A parameter without a knob is set by name, from the parameters of the route.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from generation.providers.protocol import ErrorClass, InputFile, ProviderError, StepRequest

Spec = Mapping[str, Any]
KNOB_NAMES = dict.fromkeys(("size", "width", "height", "aspect", "resolution"), "format")
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float, Decimal),
    "boolean": (bool,),
    "list": (list,),
    "object": (dict,),
    "size": (str, dict),
    "url": (str,),
    "urls": (list,),
}
GRAIN = 16  # sides come in whole sixteens, so that 1088 pixels are asked for where 1080 are meant
SAME_FORMAT = 0.02  # how far, as a share, an aspect ratio may be off without being mentioned


@dataclass
class Translation:
    """`body` is JSON; `files` says which input files (by SHA-256) belong into which parameter.

    `many` are those of these parameters that take a list.
    """

    body: dict[str, Any] = field(default_factory=dict)
    files: dict[str, list[str]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    adjusted: list[str] = field(default_factory=list)
    inputs: list[InputFile] = field(default_factory=list)
    dropped: tuple[str, ...] = ()
    many: list[str] = field(default_factory=list)

    @property
    def payload(self) -> dict[str, Any]:
        """All of it that a job's payload keeps, for `files.placed`."""
        return {"body": self.body, "files": self.files, "many": self.many}


def refuse(message: str) -> ProviderError:
    return ProviderError(ErrorClass.BAD_REQUEST, message, charged=False)


def translate(*, model: str, specs: Mapping[str, Spec], request: StepRequest) -> Translation:
    """The body for this model, with what had to be dropped or adjusted.

    Raises ProviderError(BAD_REQUEST) when a required parameter is missing or a value has the wrong type
    or lies outside the model's set.
    """
    made = Translation()
    for name, spec in specs.items():
        if name in request.parameters:
            made.body[name] = _given(model, name, spec, request.parameters[name])
        elif spec["type"] in ("url", "urls"):
            _take_files(made, name, spec, request.inputs)
        elif "knob" in spec:
            _turn(made, name, spec, request)
        if name not in made.body and name not in made.files:
            if "default" in spec:
                made.body[name] = spec["default"]
            elif spec.get("required"):
                raise refuse(f"{model} needs {name}, and the request has nothing for it.")
    made.dropped = tuple(_left_over(made, specs, request))
    return made


def _given(model: str, name: str, spec: Spec, value: Any) -> Any:
    """A value set by name, after its type and set were checked."""
    kind, values = spec["type"], spec.get("values")
    if kind == "string" and isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        value = str(value)
    wrong_type = not isinstance(value, TYPES[kind])
    if wrong_type or (isinstance(value, bool) and kind != "boolean"):
        raise refuse(f"{model}: {name} must be of type {kind}, not {value!r}.")
    if values and value not in values:
        raise refuse(f"{model}: {name} can be {', '.join(map(str, values))}, not {value!r}.")
    if kind in ("integer", "number") and _clamped(spec, value) != value:
        raise refuse(f"{model}: {name} must lie between {spec.get('least')} and {spec.get('most')}.")
    return float(value) if isinstance(value, Decimal) else value


def _clamped(spec: Spec, value: Any) -> Any:
    return min(max(value, spec.get("least", value)), spec.get("most", value))


# -- knobs ----------------------------------------------------------------------------------------


def _turn(made: Translation, name: str, spec: Spec, request: StepRequest) -> None:
    knob: str = spec["knob"]
    value, remark = KNOBS[knob](spec, request)
    if value is None:
        return
    made.body[name] = value
    made.used.add(KNOB_NAMES.get(knob, knob))
    if remark:
        made.adjusted.append(remark)


Turned = tuple[Any, str]


def _prompt(spec: Spec, request: StepRequest) -> Turned:
    return request.prompt or None, ""


def _seed(spec: Spec, request: StepRequest) -> Turned:
    return request.seed, ""


def _number(knob: str) -> Callable[[Spec, StepRequest], Turned]:
    def turn(spec: Spec, request: StepRequest) -> Turned:
        asked: Decimal | None = getattr(request, knob)
        if asked is None:
            return None, ""
        near = _clamped(spec, float(asked))
        return near, "" if near == float(asked) else f"{knob}: {asked} becomes {near:g}"

    return turn


def _size(spec: Spec, request: StepRequest) -> Turned:
    """Both sides as an object, or as a text; out of a closed set the nearest in shape, then in size."""
    if request.width is None or request.height is None:
        return None, ""
    asked = (request.width, request.height)
    if "values" in spec:
        sizes = {value: _sides(value) for value in spec["values"] if value[0].isdigit()}
        near = min(sizes, key=lambda value: _distance(sizes[value], asked))
        sides, value = sizes[near], near
    else:
        sides = (_side(spec, asked[0]), _side(spec, asked[1]))
        value = spec["text"].join(map(str, sides)) if "text" in spec else None
    remark = "" if sides == asked else f"format: {asked[0]} × {asked[1]} becomes {sides[0]} × {sides[1]}"
    return value or {"width": sides[0], "height": sides[1]}, remark


def _sides(text: str) -> tuple[int, int]:
    across, down = (int(part) for part in re.findall(r"[0-9]+", text)[:2])
    return across, down


def _distance(sides: tuple[int, int], asked: tuple[int, int]) -> tuple[float, float]:
    shape = abs(math.log(sides[0] / sides[1] * asked[1] / asked[0]))
    return round(shape, 2), abs(math.log(sides[0] * sides[1] / (asked[0] * asked[1])))


def _side(spec: Spec, asked: int) -> int:
    multiple = int(spec.get("multiple", 1))
    return int(_clamped(spec, max(1, round(asked / multiple)) * multiple))


def _one_side(name: str) -> Callable[[Spec, StepRequest], Turned]:
    def turn(spec: Spec, request: StepRequest) -> Turned:
        asked: int | None = getattr(request, name)
        if asked is None:
            return None, ""
        near = _side(spec, asked)
        return near, "" if near == asked else f"{name}: {asked} becomes {near}"

    return turn


def _aspect(spec: Spec, request: StepRequest) -> Turned:
    if request.width is None or request.height is None:
        return None, ""
    asked = request.width / request.height
    offered = {value: _ratio(value) for value in spec["values"] if ":" in value}
    nearest = min(offered, key=lambda value: abs(math.log(offered[value] / asked)))
    off = abs(offered[nearest] / asked - 1)
    remark = f"format: {request.width} × {request.height} becomes {nearest}"
    return nearest, remark if off > SAME_FORMAT else ""


def _ratio(text: str) -> float:
    across, _, down = text.partition(":")
    return float(across) / float(down)


def _resolution(spec: Spec, request: StepRequest) -> Turned:
    """The smallest resolution that covers what is asked, else the largest of those taken unasked."""
    if request.width is None or request.height is None:
        return None, ""
    asked = min(request.width, request.height)
    pixels: Mapping[str, int] = spec["pixels"]
    large_enough = [value for value in pixels if pixels[value] > asked - GRAIN]
    if large_enough:
        return min(large_enough, key=pixels.__getitem__), ""
    largest = max(pixels, key=pixels.__getitem__)
    return largest, f"resolution: {request.width} × {request.height} becomes {largest}"


def _duration(spec: Spec, request: StepRequest) -> Turned:
    """The shortest length offered that is long enough, else the longest; without a set, whole units."""
    asked, per = request.duration_seconds, Decimal(spec.get("per", 1))
    if asked is None:
        return None, ""
    if "values" in spec:
        offered = {value: Decimal(re.sub(r"[^0-9.]", "", str(value))) / per for value in spec["values"]}
    else:
        near = _clamped(spec, asked * per if spec["type"] == "number" else math.ceil(asked * per))
        offered = {float(near) if spec["type"] == "number" else int(near): Decimal(near) / per}
    long_enough = [value for value in offered if offered[value] >= asked]
    value = min(long_enough or offered, key=lambda v: abs(offered[v] - asked))
    exact = offered[value] == asked
    return value, "" if exact else f"duration: {asked:f} s becomes {offered[value]:f} s"


KNOBS: dict[str, Callable[[Spec, StepRequest], Turned]] = {
    "prompt": _prompt,
    "seed": _seed,
    "size": _size,
    "width": _one_side("width"),
    "height": _one_side("height"),
    "aspect": _aspect,
    "resolution": _resolution,
    "duration": _duration,
    "guidance": _number("guidance"),
    "motion": _number("motion"),
}


# -- files and what is left -----------------------------------------------------------------------


def _take_files(made: Translation, name: str, spec: Spec, inputs: Sequence[InputFile]) -> None:
    roles, media = spec["roles"], spec.get("media", "image")
    fitting = [
        one
        for role in roles
        for one in inputs
        if one.role == role and one.media_type.startswith(f"{media}/") and one not in made.inputs
    ]
    taken = fitting[: 1 if spec["type"] == "url" else spec.get("most", len(fitting))]
    if not taken:
        return
    made.files[name] = [one.sha256 for one in taken]
    made.many += [name] if spec["type"] == "urls" else []
    made.inputs += taken
    made.used.update(spec.get("carries", ()))


def _left_over(made: Translation, specs: Mapping[str, Spec], request: StepRequest) -> Sequence[str]:
    set_knobs = {
        "prompt": bool(request.prompt),
        "seed": request.seed is not None,
        "format": request.width is not None and request.height is not None,
        "duration": request.duration_seconds is not None,
        "guidance": request.guidance is not None,
        "motion": request.motion is not None,
    }
    by_name = {
        KNOB_NAMES.get(spec["knob"], spec["knob"])
        for name, spec in specs.items()
        if "knob" in spec and name in request.parameters
    }
    left = [knob for knob, is_set in set_knobs.items() if is_set and knob not in made.used | by_name]
    left += [one.role for one in request.inputs if one not in made.inputs]
    left += [name for name in request.parameters if name not in specs]
    return list(dict.fromkeys(left))
