"""What the take desk knows of a take: what may be done with it, its cost, its request, and prices."""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db.models import Q, Sum
from django.utils import timezone

from billing import budgets, price_decisions
from billing.budgets import BudgetLeft
from billing.models import Entry
from billing.models.budgets import Scope
from billing.models.ledger import EntryKind
from generation import caps, facts, prompts, quotes, recall, requests, reviews
from generation.models import ControlProfile, Recipe, Run
from generation.models.runs import RunState
from generation.quotes import Quote
from projects import access
from projects.access import Right
from projects.models import (
    CapRequest,
    Deliverable,
    HeroRequest,
    Membership,
    Phase,
    Take,
    TakeNote,
)
from projects.models.takes import TAKES_IN_FLIGHT, TakeMark, TakeState
from projects.models.work import BoardColumn
from projects.problems import Invalid, Refused
from routing import catalogue, tables
from routing.decision import Decision, Outcome, WayOut
from routing.facts import named_models

ZERO = Decimal(0)


@dataclasses.dataclass(frozen=True)
class Price:
    """The button: what it costs, what stays after it, or why it cannot be pressed and what to do."""

    amount: Decimal | None = None
    at_most: Decimal | None = None
    left_after: Decimal | None = None
    left_in: str = ""  # the budget that has least
    each: Decimal | None = None  # of one take
    used: int = 0
    cap: int | None = None
    tier: str = ""
    obstacle: str = ""
    remedy: str = ""
    ways_out: Sequence[WayOut] = ()
    notes: Sequence[str] = ()
    switches: Sequence[tuple[WayOut, Price]] = ()  # the ways past the cap that spend, each with its own
    fitting: Price | None = None  # of as many takes as the cap still leaves, where more were wanted

    @property
    def left(self) -> int:
        """Takes that the cap still leaves."""
        return max(0, (self.cap or 0) - self.used)

    @property
    def pressable(self) -> bool:
        return not self.obstacle


def details(take: Take, *, by: Membership) -> dict[str, Any]:
    """What stands beside the take: cost, runs, request, marks, and what this member may do with it."""
    recipe = Recipe.objects.filter(take=take).first()
    runs = list(Run.objects.filter(take=take).prefetch_related("calls").order_by("position"))
    asked = Q(take=take) | Q(hero_take=take)  # of a draft, or for a hero take
    hero = HeroRequest.objects.filter(asked).order_by("-requested_at").first()
    rights = access.rights_of(by)
    ready = take.state == TakeState.READY
    draft = take.phase == Phase.DRAFT
    delivered_as_hero = take.deliverable.category.delivered_in == Phase.HERO
    open_ = take.deliverable.state == "open"
    return {
        "cost": cost_of(take),
        "runs": runs,
        "lost": next((run for run in runs if run.state == RunState.UNKNOWN), None)
        if take.state in TAKES_IN_FLIGHT
        else None,
        "notes": list(TakeNote.objects.filter(take=take).select_related("by").order_by("frame", "at")),
        "recipe": recipe,
        "carried": requests.carried_over(recipe.request) if recipe else {},
        "hero_request": hero,
        "rejected_for": reviews.rejected_for(take),
        "can_select": Right.MAKE in rights and ready and draft and open_,
        "can_reject": Right.MAKE in rights and ready and take.mark != TakeMark.ACCEPTED,
        "can_accept": ready and open_ and reviews.may_accept(take, by),
        "as_is": draft and delivered_as_hero,
        "can_reverse": take.mark == TakeMark.ACCEPTED and reviews.may_accept(take, by),
        "can_ask_hero": Right.MAKE in rights
        and ready
        and draft
        and open_
        and take.mark == TakeMark.SELECTED
        and (hero is None or hero.state in ("declined", "void")),
        "can_cancel": take.state in TAKES_IN_FLIGHT
        and (take.requested_by_id == by.person_id or Right.APPROVE in rights),
        "can_run_next": Right.MAKE in rights
        and take.requested_by_id == by.person_id
        and take.state in (TakeState.PLANNED, TakeState.QUEUED),
        "can_retry": Right.MAKE in rights
        and open_
        and draft
        and recipe is not None
        and take.state in (TakeState.FAILED, TakeState.CANCELLED, TakeState.STOPPED_BY_BUDGET),
        "retry_round": uuid.uuid4(),
    }


def primary(details: Mapping[str, Any]) -> str:
    """The one action that comes next: sign off, ask for the hero render, or make another take."""
    if details.get("can_accept") and not details.get("as_is"):
        return "accept"
    return "hero" if details.get("can_ask_hero") else "make"


def cost_of(take: Take) -> Decimal:
    """Cash booked on the take, refunds deducted."""
    found = (
        Entry.objects.filter(take=take)
        .exclude(kind=EntryKind.TRANSFER)
        .aggregate(total=Sum("amount"))["total"]
    )
    return found or ZERO


def draft_price(deliverable: Deliverable, wanted: Mapping[str, Any], *, by: Membership) -> Price:
    """The price of what the form asks for, as it stands and for who asks."""
    price = _draft_price(deliverable, wanted, by)
    if not price.ways_out:
        return price
    ways = [way for way in price.ways_out if way.way == "switch" and not wanted.get("recalled")]
    return dataclasses.replace(
        price,
        switches=[(way, _draft_price(deliverable, {**wanted, "switch": way.criterion}, by)) for way in ways],
        fitting=_draft_price(deliverable, {**wanted, "count": price.left}, by) if price.left else None,
    )


def _draft_price(deliverable: Deliverable, wanted: Mapping[str, Any], by: Membership) -> Price:
    try:
        if wanted.get("recalled"):
            return _recalled_price(deliverable, wanted, by)
        count = wanted.get("count") or 1
        quote = quotes.quote(
            deliverable=deliverable,
            phase=Phase.DRAFT,
            count=count,
            prompt=wanted.get("prompt") or None,
            control_profile=wanted.get("control_profile") or None,
            model=wanted.get("model") or None,
            switch=wanted.get("switch") or "",
            person_id=by.person_id,
        )
    except Refused as refused:
        return Price(obstacle=refused.detail, remedy=refused.remedy)
    price = price_of(quote)
    notes = [*price.notes, *_unapproved(quote.decision)]
    return dataclasses.replace(price, each=quote.amount / count, notes=notes)


def hero_price(take: Take, *, by: Membership) -> Price:
    """What the hero render of a selected draft would cost."""
    try:
        quote = quotes.quote(
            deliverable=take.deliverable, phase=Phase.HERO, source_take=take, person_id=by.person_id
        )
    except Refused as refused:
        return Price(obstacle=refused.detail, remedy=refused.remedy)
    return price_of(quote)


def price_of(quote: Quote) -> Price:
    """A quote as its button."""
    decision = quote.decision
    scarcest = min(quote.budgets, key=lambda budget: Decimal(budget["left"]), default=None)
    blocked = decision.outcome not in (Outcome.GO, Outcome.WAIT)
    generating = [plan for plan in decision.steps if plan.stage == "generation" and plan.chosen]
    notes = [
        f"{choice.model}: {note}"
        for plan in decision.steps
        if (choice := plan.chosen)
        for note in choice.notes
    ]
    obstacles = [reason for reason in decision.reasons if ", the first choice" not in reason]
    return Price(
        amount=quote.amount,
        at_most=quote.at_most,
        left_after=Decimal(scarcest["left"]) - quote.at_most if scarcest else None,
        left_in=scarcest["name"] if scarcest else "",
        used=quote.takes_used,
        cap=quote.cap,
        tier=generating[-1].tier if generating else "",
        obstacle=" ".join(obstacles[-1:]) if blocked else "",
        ways_out=decision.cap.ways_out if decision.outcome == Outcome.CAP else (),
        notes=notes,
    )


def _unapproved(decision: Decision) -> list[str]:
    """A note for each chosen model whose price finance has not approved."""
    chosen = [plan.chosen for plan in decision.steps if plan.chosen and plan.chosen.price_row]
    waiting = price_decisions.without_approval({uuid.UUID(choice.price_row) for choice in chosen})
    models = dict.fromkeys(choice.model for choice in chosen if uuid.UUID(choice.price_row) in waiting)
    return [f"{model}: finance has not approved its price yet" for model in models]


def profiles(deliverable: Deliverable) -> list[tuple[str, str]]:
    """The newest version of each control profile, as choices of the form."""
    newest = ControlProfile.objects.newest(deliverable.workspace)
    return [("", "As the campaign says"), *((str(row), row.name) for row in newest)]


def models(deliverable: Deliverable) -> list[tuple[str, str]]:
    """The models that the table in force names and that can make a step of a draft, as choices."""
    table = tables.current(deliverable.workspace)
    kinds = {"image", "edit", "image-to-video", "video"}
    rows = catalogue.models_by_key(deliverable.workspace, named_models(table)).values()
    fitting = [row for row in rows if kinds & set(row.kinds)]
    names = sorted((row.key, f"{row.name} ({row.key})") for row in fitting)
    return [("", "As the route says"), *names]


def usual_prompt(deliverable: Deliverable) -> str:
    """The prompt that the brief and its template make; empty where they lack a value."""
    try:
        return prompts.for_deliverable(deliverable)[0]
    except Refused:
        return ""


def spent_on(deliverable: Deliverable) -> tuple[Decimal, Decimal]:
    """Cash of the deliverable to date, and what is held on top."""
    cost = getattr(deliverable, "cost", None)
    if cost is None:
        return ZERO, ZERO
    return cost.generation + cost.control + cost.refinement, cost.reserved


@dataclasses.dataclass(frozen=True)
class Usage:
    """Drafts used against the cap of the table in force; `cap` None where there is none.

    `switched` are the takes that a switch of the table allows on top, once the cap is passed.
    """

    used: int
    cap: int | None
    routing_version: int | None
    switched: int = 0

    @property
    def limit(self) -> int | None:
        return None if self.cap is None else self.cap + self.switched


def usage(deliverable: Deliverable) -> Usage:
    """How far the cap on drafts is used, as the head of the desk says it."""
    try:
        table = tables.current(deliverable.workspace)
    except tables.NoTable:
        return Usage(deliverable.drafts_used, deliverable.cap, None)
    cap, used = caps.cap_of(table, deliverable), deliverable.drafts_used
    switched = caps.switched_of(table, deliverable) if cap is not None and used > cap else 0
    return Usage(used, cap, table.version, switched)


def tightest_budget(deliverable: Deliverable, *, now: datetime.datetime) -> BudgetLeft | None:
    """The deliverable's own budget, else the one of those above it that is used most."""
    found = budgets.left(deliverable=deliverable, phase=Phase.DRAFT, providers=(), now=now)
    return max(found, key=lambda row: (row.scope == Scope.DELIVERABLE, _used(row)), default=None)


def _used(row: BudgetLeft) -> Decimal:
    return row.used / row.limit if row.limit else Decimal(1)


def undecided(deliverable: Deliverable) -> list[str]:
    """What waits for a manager: requests by their ids, and where the deliverable stands."""
    waiting = [
        model.objects.filter(deliverable=deliverable, state="waiting").values_list("id")
        for model in (HeroRequest, CapRequest)
    ]
    found = [str(id_) for (id_,) in waiting[0].union(waiting[1])]
    return [*sorted(found), *([BoardColumn.REVIEW] if deliverable.board_column == BoardColumn.REVIEW else [])]


def waiting_cap_request(deliverable: Deliverable) -> CapRequest | None:
    return (
        CapRequest.objects.filter(deliverable=deliverable, state="waiting")
        .select_related("requested_by")
        .first()
    )


def _recalled_price(deliverable: Deliverable, wanted: Mapping[str, Any], by: Membership) -> Price:
    take = Take.objects.filter(deliverable=deliverable, number=wanted["recalled"]).first()
    if take is None:
        raise Invalid({"recalled": ["There is no such take."]}, remedy="Choose one of the takes below.")
    request = recall.recall(take=take, what=recall.What.ALL).request
    count = wanted.get("count") or 1
    decision = requests.priced(deliverable=deliverable, request=request, count=count, person_id=by.person_id)
    found = facts.budgets_left(
        deliverable, Phase.DRAFT, [choice.model for plan in decision.steps for choice in plan.choices],
        timezone.now(), by.person_id,
    )  # fmt: skip
    return price_of(quotes.of(decision, found))
