"""A recalled request in a body: its shape, value by value, before anything reads it."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from rest_framework import serializers

from generation.api.serializers.fields import PlainObject
from projects.work import MAX_SEED

TEXT, WHOLE, OBJECT, ARRAY, NOTHING = str, int, dict, list, type(None)
NUMBER = (int, float, str, NOTHING)
REQUEST: dict[str, Any] = {
    "deliverable": TEXT,
    "phase": TEXT,
    "pipeline": TEXT,
    "prompt_template": TEXT,
    "control_profile": TEXT,
    "prompt": TEXT,
    "seed": (WHOLE, NOTHING),
    "picture": TEXT,
    "steps": ARRAY,
}
STEP: dict[str, Any] = {
    "key": TEXT,
    "kind": TEXT,
    "stage": TEXT,
    "needs": ARRAY,
    "prompt": TEXT,
    "seed": (WHOLE, NOTHING),
    "width": (WHOLE, NOTHING),
    "height": (WHOLE, NOTHING),
    "duration_seconds": NUMBER,
    "guidance": NUMBER,
    "motion": NUMBER,
    "inputs": ARRAY,
    "parameters": OBJECT,
    "choices": ARRAY,
    "on_error": OBJECT,
    "retries": WHOLE,
}
CHOICE: dict[str, Any] = {"model": TEXT, "tier": TEXT, "parameters": OBJECT}
MOST_STEPS = 50


class RecalledRequest(PlainObject):
    """A request as a recall answers it; what its values mean is checked by the work function."""

    def to_internal_value(self, data: Any) -> Any:
        found = super().to_internal_value(data)
        wrong = (
            _wrong(found, REQUEST, "request")
            or _wrong_seed(found, "request")
            or next(_of_steps(found["steps"]), "")
        )
        if wrong:
            raise serializers.ValidationError(f"{wrong} Send the request as the recall answered it.")
        return found


def _of_steps(steps: list[Any]) -> Any:
    """What is wrong with each step, the empty text not among it."""
    if not 1 <= len(steps) <= MOST_STEPS:
        yield "It has no steps."
    for place, step in enumerate(steps):
        found = _wrong(step, STEP, f"steps.{place}") or _inside(step, f"steps.{place}")
        if found:
            yield found


def _inside(step: dict[str, Any], name: str) -> str:
    if not all(isinstance(entry, str) for entry in (*step["needs"], *step["on_error"].values())):
        return f"{name}: needs and on_error hold texts."
    if not all(isinstance(entry, dict) and "role" in entry and _texts(entry) for entry in step["inputs"]):
        return f"{name}: each input is an object with a role."
    if not 0 <= step["retries"] <= 20:
        return f"{name}: retries lie between 0 and 20."
    if wrong := _wrong_seed(step, name):
        return wrong
    if not all(_is_number(step[key]) for key in ("duration_seconds", "guidance", "motion")):
        return f"{name}: duration_seconds, guidance and motion are numbers from 0 on."
    return next(
        (wrong for entry in step["choices"] if (wrong := _wrong(entry, CHOICE, f"{name}.choices"))), ""
    )


def _wrong_seed(value: dict[str, Any], name: str) -> str:
    seed = value["seed"]
    return "" if seed is None or 0 <= seed <= MAX_SEED else f"{name}.seed lies between 0 and {MAX_SEED}."


def _is_number(value: Any) -> bool:
    try:
        return value is None or 0 <= Decimal(str(value)) < 100_000
    except InvalidOperation:
        return False


def _texts(entry: dict[str, Any]) -> bool:
    return all(isinstance(value, str) for value in entry.values())


def _wrong(value: Any, shape: dict[str, Any], name: str) -> str:
    """What keeps a value from being an object of this shape; empty where nothing does."""
    if not isinstance(value, dict):
        return f"{name} is no object."
    for key, kinds in shape.items():
        if key not in value:
            return f"{name} has no {key}."
        if not isinstance(value[key], kinds) or isinstance(value[key], bool):
            return f"{name}.{key} is of another kind."
    return ""
