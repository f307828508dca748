"""The engine's lines in the log: for each call and take that ends, with LOG_LEVEL=DEBUG for every move.

What a line names comes back from the statement that made the move, so it costs no further query.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import structlog
from django.db import models

from generation.models import Call, Run
from generation.models.runs import CallState
from projects.models import Take
from projects.models.takes import TAKES_IN_FLIGHT

log = structlog.get_logger(__name__)
NOTHING: Mapping[str, str] = MappingProxyType({})
WORKSPACE = "(SELECT w.slug FROM projects_workspace w WHERE w.id = t.workspace_id)"
#: By model: how its lines call the row, and what else they name, as expressions over the moved row `t`.
LINES: dict[type[models.Model], tuple[str, Mapping[str, str]]] = {
    Call: (
        "call",
        {
            "workspace": WORKSPACE,
            "take": "(SELECT r.take_id FROM generation_run r WHERE r.id = t.run_id)",
            "run": "t.run_id",
            "provider": "t.provider",
            "model": "t.model",
            "error_class": "t.error_class",
        },
    ),
    Run: ("run", {"workspace": WORKSPACE, "take": "t.take_id", "step": "t.step", "lane": "t.lane"}),
    Take: (
        "take",
        {"workspace": WORKSPACE, "deliverable": "t.deliverable_id", "error_class": "t.failure_class"},
    ),
}


def columns(model: type[models.Model], to: str) -> Mapping[str, str]:
    """What a move's statement has to tell for its lines; nothing where none will be written."""
    return LINES[model][1] if log.isEnabledFor(_level(model, to)) else NOTHING


def tell(
    model: type[models.Model], to: str, moved: Iterable[tuple[Any, ...]], told: Mapping[str, str]
) -> None:
    """Writes a line for each row that was moved; the transaction it is part of may still be taken back."""
    if not told:
        return
    noun = LINES[model][0]
    for key, *values in moved:
        named = {name: str(value) for name, value in zip(told, values, strict=True) if value}
        log.log(_level(model, to), f"{noun} {to}", **{noun: str(key)}, **named)


def _level(model: type[models.Model], to: str) -> int:
    """Ends are told, and what needs a person is a warning; what goes on is for a closer look."""
    if model is Call and to == CallState.UNKNOWN:
        return logging.WARNING
    ends = (model is Call and to not in (CallState.INTENDED, CallState.ACCEPTED)) or (
        model is Take and to not in TAKES_IN_FLIGHT
    )
    return logging.INFO if ends else logging.DEBUG
