"""The document of a routing table: its shape, its checks, its canonical form. No database.

A document is `{"name", "routes": [route, …]}`. A route is::

    {"key": "hero-motion", "category": "brand-film", "phase": "hero",
     "project": "", "audience": "", "locale": "",          what it matches; empty or absent:
     anything
     "pipeline": "hero-film@1",                            without a step: the pipeline version …
     "step": "motion", "tier": "cinematic",                … with a step (its key or its kind):
     models
     "choices": [{"model": "builtin/motion-cinema", "parameters": {}}],
     "fallbacks": [{"model": "builtin/motion-draft"}],
     "cap": 6,                                             takes a phase; routes without a step only
     "criteria": [{"key": "motion", "measure": "rejections", "reason": "motion", "at_least": 2,
                   "step": "motion", "tier": "cinematic", "choices": [{"model": "…"}],
                   "more_takes": 2, "automatic": false}],  routes without a step only
     "on_error": {"moderated": "stop"}, "retries": 1}

The dataclasses are what `decide` reads; `canonical` and `digest` are what a version is known by.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from routing.brief import Brief, Step
from routing.decision import Then

PHASES = ("draft", "hero")
TIERS = ("cinematic", "speed", "budget", "character", "refine", "text")
#: What a route may match on, the most telling first: a route that names an earlier field wins.
MATCH_FIELDS = ("project", "category", "audience", "locale", "phase")
MEASURES = ("rejections", "takes_used", "cap_reached", "spent", "budget_left")
REASONS = (
    "identity_drift",
    "motion",
    "anatomy",
    "artefact",
    "text_or_logo",
    "off_brief",
    "brand_or_legal",
    "technical",
    "other",
)
#: What each class of errors leads to where a route says nothing else.
ON_ERROR: dict[str, str] = {
    "rate_limited": Then.WAIT,
    "unavailable": Then.NEXT,
    "timeout": Then.RETRY,
    "bad_request": Then.STOP,
    "moderated": Then.STOP,
    "insufficient_credit": Then.NEXT,
    "auth": Then.NEXT,
    "retired": Then.NEXT,
    "malformed_output": Then.RETRY,
    "unknown": Then.STOP,
}
RETRIES = 1


@dataclasses.dataclass(frozen=True)
class ModelChoice:
    model: str
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class SwitchRule:
    """When a measure of the deliverable's history reaches its threshold, the step may use
    `choices`.

    `at_least` is the threshold, or for `budget_left` the amount below which it matches.
    `more_takes` go on top of the cap once the switch is taken; `automatic` ones are taken without
    being asked for.
    """

    key: str
    measure: str
    at_least: Decimal
    step: str
    choices: tuple[ModelChoice, ...]
    tier: str = ""
    reason: str = ""
    more_takes: int = 0
    automatic: bool = False


@dataclasses.dataclass(frozen=True)
class Route:
    key: str
    match: Mapping[str, str]
    step: str = ""
    pipeline: str = ""
    tier: str = ""
    choices: tuple[ModelChoice, ...] = ()
    fallbacks: tuple[ModelChoice, ...] = ()
    cap: int | None = None
    criteria: tuple[SwitchRule, ...] = ()
    on_error: Mapping[str, str] = dataclasses.field(default_factory=dict)
    retries: int = RETRIES

    def covers(self, brief: Brief) -> bool:
        return all(getattr(brief, field) == value for field, value in self.match.items())

    def specificity(self) -> tuple[bool, ...]:
        """Greater means more specific, field by field in the order of MATCH_FIELDS."""
        return tuple(field in self.match for field in MATCH_FIELDS)


@dataclasses.dataclass(frozen=True)
class Table:
    """A parsed table with the version under which it is stored (0: not stored)."""

    version: int
    routes: tuple[Route, ...]
    name: str = ""

    def pipeline_route(self, brief: Brief) -> Route | None:
        """The most specific route that names a pipeline for the brief."""
        return _best(route for route in self.routes if not route.step and route.covers(brief))

    def step_route(self, brief: Brief, step: Step) -> Route | None:
        """The most specific route for the step: one with its key goes before one with its kind."""
        for name in (step.key, step.kind):
            found = _best(r for r in self.routes if r.step == name and r.covers(brief))
            if found:
                return found
        return None


def _best(routes: Iterable[Route]) -> Route | None:
    """The first of the most specific ones."""
    best: Route | None = None
    for route in routes:
        if best is None or route.specificity() > best.specificity():
            best = route
    return best


def canonical(document: Mapping[str, Any]) -> str:
    """One text for one content: sorted keys, no spaces."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(document: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical form, in hexadecimal."""
    return hashlib.sha256(canonical(document).encode()).hexdigest()


def parse(document: Mapping[str, Any], *, version: int = 0) -> Table:
    """The table of a document that `routing.checks.problems` finds nothing wrong with."""
    routes = tuple(_route(entry) for entry in document["routes"])
    return Table(version=version, routes=routes, name=str(document.get("name", "")))


def _route(entry: Mapping[str, Any]) -> Route:
    return Route(
        key=entry["key"],
        match={field: entry[field] for field in MATCH_FIELDS if entry.get(field)},
        step=entry.get("step", ""),
        pipeline=entry.get("pipeline", ""),
        tier=entry.get("tier", ""),
        choices=model_choices(entry.get("choices", ())),
        fallbacks=model_choices(entry.get("fallbacks", ())),
        cap=entry.get("cap"),
        criteria=tuple(_switch_rule(rule) for rule in entry.get("criteria", ())),
        on_error=dict(entry.get("on_error", {})),
        retries=entry.get("retries", RETRIES),
    )


def model_choices(entries: Iterable[Mapping[str, Any]]) -> tuple[ModelChoice, ...]:
    return tuple(ModelChoice(entry["model"], dict(entry.get("parameters", {}))) for entry in entries)


def _switch_rule(entry: Mapping[str, Any]) -> SwitchRule:
    threshold = amount_of(entry.get("at_least", 1))
    return SwitchRule(
        key=entry["key"],
        measure=entry["measure"],
        at_least=Decimal(1) if threshold is None else threshold,
        step=entry["step"],
        choices=model_choices(entry["choices"]),
        tier=entry.get("tier", ""),
        reason=entry.get("reason", ""),
        more_takes=entry.get("more_takes", 0),
        automatic=entry.get("automatic", False),
    )


def amount_of(value: object) -> Decimal | None:
    """A number of the document, written as a number or as text; None where it is neither."""
    if isinstance(value, bool) or not isinstance(value, int | str | float):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
