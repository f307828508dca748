"""What differs between two versions of a routing table, route by route and field by field, in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from routing import document, words
from routing.document import Route
from routing.words import NO_NAMES, Names


@dataclasses.dataclass(frozen=True)
class Difference:
    """One thing that a route says; empty where it does not say it."""

    what: str
    before: str
    after: str


@dataclasses.dataclass(frozen=True)
class Change:
    """What happened to a route between two versions: `added`, `removed` or `changed`."""

    route: str
    subject: str
    kind: str
    differences: Sequence[Difference]


def of(before: Mapping[str, Any], after: Mapping[str, Any], *, names: Names = NO_NAMES) -> list[Change]:
    """What a document changes in another, the routes of the earlier one first."""
    old = {route.key: route for route in document.parse(before).routes}
    new = {route.key: route for route in document.parse(after).routes}
    keys = [*old, *(key for key in new if key not in old)]
    return [_change(old.get(key), new.get(key), names) for key in keys if old.get(key) != new.get(key)]


def _change(was: Route | None, becomes: Route | None, names: Names) -> Change:
    said, says = _said(was, names), _said(becomes, names)
    if was is None or becomes is None:
        said.pop("For", "")
        says.pop("For", "")
    found = becomes or was
    assert found  # noqa: S101 - one of them has the key
    return Change(
        route=found.key,
        subject=words.subject(found),
        kind="added" if was is None else "removed" if becomes is None else "changed",
        differences=[
            Difference(what, said.get(what, ""), says.get(what, ""))
            for what in [*said, *(what for what in says if what not in said)]
            if said.get(what, "") != says.get(what, "")
        ],
    )


def _said(route: Route | None, names: Names) -> dict[str, str]:
    """Everything that a route says, by what it is about."""
    if route is None:
        return {}
    said = {
        "For": words.subject(route),
        "Pipeline": route.pipeline,
        "Tier": route.tier,
        "Models": words.models(route.choices, names=names),
        "When they fail": ", then ".join(words.named(one, names) for one in route.fallbacks),
        "Parameters": "; ".join(_parameters(route, names)),
        "At most": words.plural(route.cap, "take") if route.cap is not None else "",
    }
    said |= {f"Switch {rule.key}": words.criterion(rule, names=names) for rule in route.criteria}
    said |= {f"Switch {rule.key}, taken": "by itself" for rule in route.criteria if rule.automatic}
    said |= {name.replace("_", " ").capitalize(): words.THEN[then] for name, then in route.on_error.items()}
    said["Further tries"] = str(route.retries) if route.retries != document.RETRIES else ""
    return {what: text for what, text in said.items() if text}


def _parameters(route: Route, names: Names) -> list[str]:
    return [
        f"{words.named(choice, names)}: "
        + ", ".join(f"{name} {value}" for name, value in choice.parameters.items())
        for choice in (*route.choices, *route.fallbacks)
        if choice.parameters
    ]
