"""Tables of parameters as references state them, and what is wrong with a body that departs from them.

A table is words: `name`, `name*` when required, `name:type`, or `name=a|b` for a closed set; types are str
(the default), int, float, bool, list, object, any and size (a preset, or width and height), with bounds as in
`int:1..4`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "list": (list,),
    "object": (dict,),
    "size": (str, dict),
    "any": (object,),
}


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    required: bool
    kind: str
    choices: tuple[str, ...]
    bounds: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one parameter: missing, <type>_type, one_of, greater_than_equal, less_than_equal."""

    name: str
    kind: str
    words: str


def table(text: str) -> dict[str, Parameter]:
    return {one.name: one for one in map(_parameter, text.split())}


def _parameter(text: str) -> Parameter:
    head, _, choices = text.partition("=")
    name, *rest = head.split(":")
    low, dots, high = rest[1].partition("..") if len(rest) > 1 else ("", "", "")
    return Parameter(
        name.rstrip("*"),
        name.endswith("*"),
        rest[0] if rest else "str",
        tuple(choices.split("|")) if choices else (),
        (float(low), float(high)) if dots else None,
    )


def faults(known: Mapping[str, Parameter], body: Mapping[str, Any]) -> list[Fault]:
    """Everything that is wrong with this body; names that are not in the table are not looked at."""
    found = [
        Fault(name, "missing", "Field required")
        for name, one in known.items()
        if one.required and name not in body
    ]
    for name, value in body.items():
        fault = _fault(known[name], value) if name in known and value is not None else None
        found += [fault] if fault else []
    return found


def _fault(one: Parameter, value: Any) -> Fault | None:
    right = isinstance(value, TYPES[one.kind])
    if not right or (isinstance(value, bool) and one.kind not in ("bool", "any")):
        return Fault(one.name, f"{one.kind}_type", f"Input should be a valid {one.kind}")
    if one.choices and str(value) not in one.choices:
        return Fault(one.name, "one_of", f"Input should be one of {one.choices}")
    if one.bounds:
        low, high = one.bounds
        amount = len(value) if isinstance(value, list) else value
        if amount < low:
            return Fault(one.name, "greater_than_equal", f"Input should be at least {low:g}")
        if amount > high:
            return Fault(one.name, "less_than_equal", f"Input should be at most {high:g}")
    return None
