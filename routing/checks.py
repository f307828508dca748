"""What is wrong with the document of a routing table: each problem names the route and the remedy.

`problems` looks at the document alone and at the categories, pipelines and models that it may name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from routing import document
from routing.decision import Then

ROUTE_FIELDS = frozenset(
    {
        *document.MATCH_FIELDS,
        *("key", "step", "pipeline", "tier", "choices", "fallbacks", "cap", "criteria"),
        *("on_error", "retries"),
    }
)
CRITERION_FIELDS = frozenset(
    {
        *("key", "measure", "reason", "at_least", "step", "tier", "choices", "more_takes"),
        "automatic",
    }
)
MOST_ROUTES = 500
MOST_RETRIES = 5
MOST_CAP = 1000


@dataclasses.dataclass(frozen=True)
class Known:
    """What a table may name: category keys, published pipelines (with version), catalogue keys."""

    categories: frozenset[str]
    pipelines: frozenset[str]
    models: frozenset[str]


@dataclasses.dataclass(frozen=True)
class Problem:
    """One thing that is wrong, where, and what to do about it."""

    route: str
    words: str
    remedy: str

    def __str__(self) -> str:
        where = f"Route {self.route}: " if self.route else ""
        return f"{where}{self.words}. {self.remedy}."


def problems(content: object, known: Known) -> list[Problem]:
    """Everything that keeps the document from being published; empty where nothing does."""
    if not isinstance(content, Mapping) or not isinstance(content.get("routes"), list):
        return [_at("", "The document has no list of routes", 'Write {"routes": [...]}')]
    entries: list[Any] = content["routes"]
    if len(entries) > MOST_ROUTES:
        return [_at("", f"There are {len(entries)} routes", f"Keep to {MOST_ROUTES}")]
    found = [problem for position, entry in enumerate(entries) for problem in _entry(position, entry)]
    if found:
        return found  # the rest reads the routes, which must be sound for that
    routes = document.parse(content).routes
    found += _repeated(routes)
    for route in routes:
        found += _unknown_names(route, known)
    found += _missing(routes, known.categories)
    return found


def _entry(position: int, entry: object) -> Iterator[Problem]:
    """Problems of one route's shape."""
    if not isinstance(entry, Mapping) or not _text(entry.get("key")):
        yield _at(f"number {position + 1}", "it has no key", 'Give it one, such as "hero-film"')
        return
    key = entry["key"]
    for name in sorted(set(entry) - ROUTE_FIELDS):
        yield _at(key, f'"{name}" means nothing here', "Remove it or correct its spelling")
    for name in (*document.MATCH_FIELDS, "step", "pipeline", "tier"):
        if not isinstance(entry.get(name, ""), str):
            yield _at(key, f'"{name}" is not a text', "Put it into quotation marks")
    yield from _words(key, entry)
    yield from _shape(key, entry)
    yield from _numbers(key, entry)
    yield from _errors(key, entry.get("on_error", {}))
    for name in ("choices", "fallbacks"):
        yield from _choices(key, name, entry.get(name, []))


def _words(key: str, entry: Mapping[str, Any]) -> Iterator[Problem]:
    if entry.get("phase", "") not in ("", *document.PHASES):
        yield _at(key, f"there is no phase {entry['phase']!r}", "Write draft or hero, or nothing")
    if entry.get("tier", "") not in ("", *document.TIERS):
        yield _at(key, f"there is no tier {entry['tier']!r}", f"Take {_list(document.TIERS)}")


def _shape(key: str, entry: Mapping[str, Any]) -> Iterator[Problem]:
    """A route names a pipeline, or with a step its models; caps and criteria go with the
    pipeline."""
    if entry.get("step"):
        if not entry.get("choices"):
            yield _at(key, "it names a step and no model", 'Add "choices" with at least one model')
        for name in ("pipeline", "cap", "criteria"):
            if entry.get(name):
                yield _at(key, f'a route with a step has no "{name}"', "Move it to the route without")
        return
    if not entry.get("pipeline"):
        yield _at(key, "it names neither step nor pipeline", 'Add "pipeline", as hero-film@1, or "step"')
    for name in ("choices", "fallbacks", "on_error", "retries", "tier"):
        if entry.get(name):
            yield _at(key, f'a route without a step has no "{name}"', "Move it to a route with a step")
    criteria = entry.get("criteria", [])
    if not isinstance(criteria, list):
        yield _at(key, '"criteria" is no list', "Write [ ... ]")
        return
    for rule in criteria:
        yield from _criterion(key, rule)
    keys = [rule.get("key") for rule in criteria if isinstance(rule, Mapping)]
    for repeated in sorted({str(name) for name in keys if keys.count(name) > 1}):
        yield _at(key, f"there are two criteria {repeated!r}", "Give each a key of its own")


def _criterion(key: str, rule: object) -> Iterator[Problem]:
    if not isinstance(rule, Mapping) or not _text(rule.get("key")):
        yield _at(key, "a criterion has no key", 'Give it one, such as "motion"')
        return
    name = f"criterion {rule['key']!r}"
    for field in sorted(set(rule) - CRITERION_FIELDS):
        yield _at(key, f'{name}: "{field}" means nothing here', "Remove it or correct its spelling")
    if rule.get("measure") not in document.MEASURES:
        yield _at(key, f"{name} has no measure that is known", f"Take {_list(document.MEASURES)}")
    if rule.get("reason", "") not in ("", *document.REASONS):
        yield _at(key, f"{name} names an unknown reason", f"Take {_list(document.REASONS)}")
    if rule.get("reason") and rule.get("measure") != "rejections":
        yield _at(key, f"{name} has a reason and measures no rejections", 'Remove "reason"')
    if rule.get("tier", "") not in ("", *document.TIERS):
        yield _at(key, f"{name} names an unknown tier", f"Take {_list(document.TIERS)}")
    threshold = document.amount_of(rule.get("at_least", 1))
    if threshold is None or threshold <= 0:
        yield _at(key, f'{name}: "at_least" is no number above zero', "Write one")
    if not _text(rule.get("step")):
        yield _at(key, f"{name} names no step", 'Add "step", the one whose model is switched')
    if not _whole(rule.get("more_takes", 0), 0, MOST_CAP):
        yield _at(key, f'{name}: "more_takes" is no number of takes', "Write 0 or more")
    if not isinstance(rule.get("automatic", False), bool):
        yield _at(key, f'{name}: "automatic" is neither true nor false', "Write true or false")
    if not rule.get("choices"):
        yield _at(key, f"{name} names no model to switch to", 'Add "choices"')
    yield from _choices(key, f"{name}: choices", rule.get("choices", []))


def _numbers(key: str, entry: Mapping[str, Any]) -> Iterator[Problem]:
    cap = entry.get("cap")
    if cap is not None and not _whole(cap, 1, MOST_CAP):
        yield _at(key, '"cap" is no number of takes', f"Write 1 to {MOST_CAP}, or leave it out")
    if not _whole(entry.get("retries", document.RETRIES), 0, MOST_RETRIES):
        yield _at(key, '"retries" is no number of retries', f"Write 0 to {MOST_RETRIES}")


def _errors(key: str, on_error: object) -> Iterator[Problem]:
    if not isinstance(on_error, Mapping):
        yield _at(key, '"on_error" is no object', 'Write {"moderated": "stop"}')
        return
    for name, then in on_error.items():
        if name not in document.ON_ERROR:
            yield _at(key, f"there is no class of errors {name!r}", f"Take {_list(document.ON_ERROR)}")
        if then not in list(Then):
            yield _at(key, f"{name!r} leads to {then!r}", f"Take {_list(list(Then))}")


def _choices(key: str, name: str, choices: object) -> Iterator[Problem]:
    if not isinstance(choices, list):
        yield _at(key, f'"{name}" is no list', 'Write [{"model": "provider/endpoint"}]')
        return
    for choice in choices:
        if not isinstance(choice, Mapping) or not _text(choice.get("model")):
            yield _at(key, f'"{name}" has an entry without a model', 'Write {"model": "builtin/…"}')
        elif not isinstance(choice.get("parameters", {}), Mapping):
            yield _at(key, f"the parameters of {choice['model']} are no object", 'Write {"name": 1}')
        elif set(choice) - {"model", "parameters"}:
            extra = _list(sorted(set(choice) - {"model", "parameters"}))
            yield _at(key, f"{choice['model']} has {extra}, which means nothing here", "Remove it")


def _repeated(routes: Sequence[document.Route]) -> Iterator[Problem]:
    """Two routes with one key, or that match the same things and the same step."""
    keys: set[str] = set()
    matches: dict[tuple[object, ...], str] = {}
    for route in routes:
        if route.key in keys:
            yield _at(route.key, "another route has this key", "Give each a key of its own")
        keys.add(route.key)
        match = (route.step, *sorted(route.match.items()))
        if match in matches:
            words = f"it matches exactly what {matches[match]} does"
            yield _at(route.key, words, "Join the two or make one more specific")
        matches.setdefault(match, route.key)


def _unknown_names(route: document.Route, known: Known) -> Iterator[Problem]:
    category = route.match.get("category")
    if category and category not in known.categories:
        yield _at(route.key, f"there is no category {category!r}", f"Take {_list(known.categories)}")
    if route.pipeline and route.pipeline not in known.pipelines:
        words = f"no pipeline {route.pipeline!r} is published"
        yield _at(route.key, words, f"Take {_list(known.pipelines)}")
    named = [*route.choices, *route.fallbacks]
    named += [choice for rule in route.criteria for choice in rule.choices]
    for choice in named:
        if choice.model not in known.models:
            words = f"{choice.model} is not in the catalogue"
            yield _at(route.key, words, "Look its key up there: provider/endpoint")


def _missing(routes: Sequence[document.Route], categories: Iterable[str]) -> Iterator[Problem]:
    """Each category × phase needs a route that names a pipeline, whoever the project is."""
    general = [route for route in routes if not route.step and set(route.match) <= {"category", "phase"}]
    for category in sorted(categories):
        for phase in document.PHASES:
            wanted = {"category": category, "phase": phase}
            if not any(route.match.items() <= wanted.items() for route in general):
                words = f"there is no route for {category}, {phase}"
                yield _at("", words, f'Add one with "category": "{category}" and "phase": "{phase}"')


def _at(route: object, words: str, remedy: str) -> Problem:
    return Problem(route=str(route), words=words, remedy=remedy)


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none: there is none yet"
