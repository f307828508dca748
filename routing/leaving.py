"""Models that leave: which routes of the table in force name them, when they go, and what could follow."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import hashlib
from collections.abc import Iterable, Sequence
from decimal import Decimal

from django.db.models import Q

from projects import notices
from projects.models import Role, Workspace
from projects.models.notices import NoticeKind
from routing import catalogue, eligibility, endings, facts, tables, words
from routing.brief import BUILTIN, Brief, Facts, Step
from routing.document import ModelChoice, Table
from routing.endings import Ending
from routing.models import CatalogueModel, ModelEnding

SOON = 60
"""Days before a model's last day from which on it is told of."""

THRESHOLDS = (60, 30, 7, 0)
MOVING = ("video", "image-to-video")


@dataclasses.dataclass(frozen=True)
class Suggestion:
    """A model that could take the place of another one; what a usual call of it costs."""

    key: str
    name: str
    expected: Decimal


@dataclasses.dataclass(frozen=True)
class Leaving:
    """A model that leaves soon, or has left; `routes` of the table in force name it, in words."""

    model: CatalogueModel
    ending: Ending
    days: int | None  # left; negative once it is gone
    routes: Sequence[str]
    suggestion: Suggestion | None = None

    @property
    def gone(self) -> bool:
        return self.ending.retired or (self.days is not None and self.days < 0)

    @property
    def threshold(self) -> str:
        """What managers are told of once: the least of the thresholds that the days left have reached."""
        if self.ending.retired:
            return "retired"
        reached = [days for days in THRESHOLDS if self.days is not None and self.days <= days]
        return str(min(reached)) if reached else ""


def listed(
    workspace: Workspace, *, accounts: frozenset[str], now: datetime.datetime, used_only: bool = False
) -> list[Leaving]:
    """Models that leave within SOON days, and those gone that a route still names; the first to go first.

    Models of which the workspace has a word of its own are listed too, unless `used_only`.
    """
    routes = _routes(workspace)
    rows = _candidates(workspace, set(routes), now.date(), used_only=used_only)
    found = [
        Leaving(row, ending, _days(ending, now.date()), routes.get(key, ()))
        for key, ending in endings.of(workspace, rows).items()
        if (row := rows[key])
    ]
    shown = [one for one in found if _is_shown(one, used_only=used_only)]
    followers = _suggestions(workspace, shown, accounts, now)
    told = [dataclasses.replace(one, suggestion=followers.get(one.model.key)) for one in shown]
    never = datetime.date.max
    return sorted(told, key=lambda one: (not one.routes, one.ending.until or never, one.model.key))


def warn(workspace: Workspace, *, accounts: frozenset[str], now: datetime.datetime) -> int:
    """Tells managers of models in use that leave, once for each model, day and threshold.

    Answers how many models there is to tell of; who was told before is not told again.
    """
    managers = notices.members_with(workspace, Role.MANAGER)
    told = 0
    for one in listed(workspace, accounts=accounts, now=now, used_only=True):
        if not one.threshold:
            continue
        name = hashlib.sha256(one.model.key.encode()).hexdigest()[:16]
        told += 1
        notices.notify(
            members=managers,
            kind=NoticeKind.MODEL_LEAVING,
            title=_title(one),
            body=_body(one),
            url=f"/w/{workspace.slug}/routing/",
            dedupe=f"{name}:{one.ending.until}:{one.threshold}",
            now=now,
        )
    return told


def _title(one: Leaving) -> str:
    number = words.plural(len(one.routes), "route")
    if one.gone:
        return f"{one.model.name} is gone; {number} {'names' if len(one.routes) == 1 else 'name'} it"
    return f"{one.model.name} leaves in {words.plural(one.days or 0, 'day')}; {number} in force use it"


def _body(one: Leaving) -> str:
    lines = [f"{one.model.key} can be used until {one.ending.until} ({one.ending.source}).", *one.routes]
    if one.suggestion:
        lines.append(f"{one.suggestion.key} could follow: the cheapest of its kinds and tier.")
    return "\n".join(lines)


def _routes(workspace: Workspace) -> dict[str, list[str]]:
    """By model, the routes of the table in force that name it."""
    found: dict[str, list[str]] = collections.defaultdict(list)
    try:
        table: Table = tables.current(workspace)
    except tables.NoTable:
        return found
    for route in table.routes:
        rules = [choice for rule in route.criteria for choice in rule.choices]
        for model in dict.fromkeys(c.model for c in (*route.choices, *route.fallbacks, *rules)):
            found[model].append(words.subject(route))
    return found


def _candidates(
    workspace: Workspace, used: set[str], today: datetime.date, *, used_only: bool
) -> dict[str, CatalogueModel]:
    if used_only:
        return catalogue.models_by_key(workspace, used)
    known = ModelEnding.objects.filter(workspace=workspace).values("model_key")
    soon = Q(available_until__gte=today, available_until__lte=today + datetime.timedelta(days=SOON))
    rows = CatalogueModel.objects.filter(Q(workspace=None) | Q(workspace=workspace))
    keys = rows.filter(soon | Q(key__in=known) | Q(key__in=used)).values_list("key", flat=True)
    return catalogue.models_by_key(workspace, set(keys))


def _is_shown(one: Leaving, *, used_only: bool) -> bool:
    if one.threshold and (one.routes or not one.gone):
        return True
    return one.ending.row is not None and not used_only


def _days(ending: Ending, today: datetime.date) -> int | None:
    return (ending.until - today).days if ending.until else None


def _suggestions(
    workspace: Workspace, leaving: Iterable[Leaving], accounts: frozenset[str], now: datetime.datetime
) -> dict[str, Suggestion]:
    """For each model the cheapest of its tier that does what it does and can be used; a fixed number of
    queries."""
    wanted = {one.model.key: one.model for one in leaving if one.threshold}
    if not wanted:
        return {}
    tiers = {row.tier for row in wanted.values()}
    rows = CatalogueModel.objects.filter(Q(workspace=None) | Q(workspace=workspace), tier__in=tiers)
    others = [row for row in rows.order_by("key") if row.key not in wanted and not _for_drills(row)]
    known = facts.gather(workspace=workspace, keys=[row.key for row in others], now=now, accounts=accounts)
    found = {}
    for key, model in wanted.items():
        fitting = [row for row in others if _could_follow(row, model)]
        if model.kinds and (best := _cheapest(fitting, model.kinds[0], known, now)):
            found[key] = best
    return found


def _for_drills(row: CatalogueModel) -> bool:
    return "drill" in row.capabilities


def _could_follow(row: CatalogueModel, model: CatalogueModel) -> bool:
    """Same tier, and it does all that the other does. The sketching renderer follows none but itself."""
    sketches = row.provider == BUILTIN
    return (
        row.tier == model.tier
        and set(model.kinds) <= set(row.kinds)
        and sketches == (model.provider == BUILTIN)
    )


def _cheapest(
    rows: Iterable[CatalogueModel], kind: str, known: Facts, now: datetime.datetime
) -> Suggestion | None:
    seconds = Decimal(5) if kind in MOVING else None
    step = Step(key=kind, kind=kind, width=1280, height=720, duration_seconds=seconds)
    brief = Brief(category="", phase="")
    priced: list[Suggestion] = []
    for row in rows:
        choice = eligibility.assess(
            ModelChoice(row.key), brief=brief, step=step, facts=known, tier=row.tier, fallback=False
        )
        if choice.eligible and choice.expected is not None and not _leaves(known, row.key, now):
            priced.append(Suggestion(row.key, row.name, choice.expected))
    return min(priced, key=lambda one: (one.expected, one.key), default=None)


def _leaves(known: Facts, key: str, now: datetime.datetime) -> bool:
    until = known.models[key].available_until
    return until is not None and (until - now.date()).days <= SOON
