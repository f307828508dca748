"""What the take desk shows: the strip of takes, the take in the viewer, the request, and the price."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db.models import Sum
from django.urls import reverse
from django.utils import timezone

from billing.models import Entry
from billing.models.ledger import EntryKind
from generation import facts, prompts, quotes, recall, requests, reviews
from generation.models import ControlProfile, Recipe, Run
from generation.quotes import Quote
from projects import access
from projects.access import Right
from projects.models import (
    Asset,
    CapRequest,
    Deliverable,
    HeroRequest,
    Membership,
    Phase,
    Take,
    TakeAsset,
)
from projects.models.takes import TAKES_IN_FLIGHT, TakeMark, TakeState
from projects.problems import Refused
from routing import catalogue, tables
from routing.decision import Outcome, WayOut
from routing.facts import named_models

ZERO = Decimal(0)
#: Which of a take's files is shown: its result, else what its last step brought.
SHOWN_ROLES = (TakeAsset.Role.OUTPUT, TakeAsset.Role.STEP)


@dataclasses.dataclass(frozen=True)
class Price:
    """The button: what it costs, what stays after it, or why it cannot be pressed and what to do."""

    amount: Decimal | None = None
    at_most: Decimal | None = None
    left_after: Decimal | None = None
    used: int = 0
    cap: int | None = None
    tier: str = ""
    obstacle: str = ""
    remedy: str = ""
    ways_out: Sequence[WayOut] = ()
    notes: Sequence[str] = ()

    @property
    def pressable(self) -> bool:
        return not self.obstacle


def strip(deliverable: Deliverable, *, current: int | None, slug: str) -> list[dict[str, Any]]:
    """The thumbnails of all takes by number; those in flight with their progress."""
    rows = Take.objects.filter(deliverable=deliverable).select_related("poster").order_by("number")
    base = reverse("generation:desk", args=[slug, deliverable.pk])
    format_key = deliverable.format.key if deliverable.format else "16x9"
    return [_thumbnail(row, base, slug, format_key, current) for row in rows]


def chosen(deliverable: Deliverable, number: str | None) -> Take | None:
    """The take of this number, else the newest that is ready, else the newest."""
    rows = Take.objects.filter(deliverable=deliverable).select_related(
        "poster", "workspace", "deliverable__category", "deliverable__workspace"
    )
    if number and number.isdecimal():
        return rows.filter(number=int(number)).first()
    ready = rows.filter(state=TakeState.READY).order_by("-number").first()
    return ready or rows.order_by("-number").first()


def viewer(take: Take, *, slug: str) -> dict[str, Any] | None:
    """Address, poster and size of what the take shows; None while there is nothing."""
    files = list(
        TakeAsset.objects.filter(take=take, role__in=SHOWN_ROLES)
        .exclude(asset__kind=Asset.Kind.TEXT)
        .select_related("asset")
        .order_by("role", "-position")
    )
    files = [file for file in files if file.asset.name]
    if not files:
        return None
    best = next((file for file in files if file.role == TakeAsset.Role.OUTPUT), files[0]).asset
    return {
        "kind": best.kind,
        "src": _media(slug, best, "proxy" if best.kind == Asset.Kind.VIDEO else ""),
        "original": _media(slug, best, ""),
        "poster": _media(slug, best, "poster") if best.kind == Asset.Kind.VIDEO else "",
        "width": best.width,
        "height": best.height,
        "seconds": best.duration_seconds,
        "label": f"Take {take.number}",
    }


def details(take: Take, *, by: Membership) -> dict[str, Any]:
    """What stands beside the take: cost, runs, request, marks, and what this member may do with it."""
    recipe = Recipe.objects.filter(take=take).first()
    hero = HeroRequest.objects.filter(take=take).order_by("-requested_at").first()
    rights = access.rights_of(by)
    ready = take.state == TakeState.READY
    draft = take.phase == Phase.DRAFT
    delivered_as_hero = take.deliverable.category.delivered_in == Phase.HERO
    open_ = take.deliverable.state == "open"
    return {
        "cost": cost_of(take),
        "runs": Run.objects.filter(take=take).prefetch_related("calls").order_by("position"),
        "recipe": recipe,
        "carried": requests.carried_over(recipe.request) if recipe else {},
        "hero_request": hero,
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
        "can_retry": Right.MAKE in rights
        and open_
        and draft
        and recipe is not None
        and take.state in (TakeState.FAILED, TakeState.CANCELLED, TakeState.STOPPED_BY_BUDGET),
    }


def cost_of(take: Take) -> Decimal:
    """Cash booked on the take, refunds deducted."""
    found = (
        Entry.objects.filter(take=take)
        .exclude(kind=EntryKind.TRANSFER)
        .aggregate(total=Sum("amount"))["total"]
    )
    return found or ZERO


def draft_price(deliverable: Deliverable, wanted: Mapping[str, Any]) -> Price:
    """The price of what the form asks for, as it stands."""
    try:
        if wanted.get("recalled"):
            return _recalled_price(deliverable, wanted)
        quote = quotes.quote(
            deliverable=deliverable,
            phase=Phase.DRAFT,
            count=wanted.get("count") or 1,
            prompt=wanted.get("prompt") or None,
            control_profile=wanted.get("control_profile") or None,
            model=wanted.get("model") or None,
            switch=wanted.get("switch") or "",
        )
    except Refused as refused:
        return Price(obstacle=refused.detail, remedy=refused.remedy)
    return price_of(quote)


def hero_price(take: Take) -> Price:
    """What the hero render of a selected draft would cost."""
    try:
        quote = quotes.quote(deliverable=take.deliverable, phase=Phase.HERO, source_take=take)
    except Refused as refused:
        return Price(obstacle=refused.detail, remedy=refused.remedy)
    return price_of(quote)


def price_of(quote: Quote) -> Price:
    """A quote as its button."""
    decision = quote.decision
    lefts = [Decimal(budget["left"]) for budget in quote.budgets]
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
        left_after=min(lefts) - quote.at_most if lefts else None,
        used=quote.takes_used,
        cap=quote.cap,
        tier=generating[-1].tier if generating else "",
        obstacle=" ".join(obstacles[-1:]) if blocked else "",
        ways_out=decision.cap.ways_out if decision.outcome == Outcome.CAP else (),
        notes=notes,
    )


def profiles(deliverable: Deliverable) -> list[tuple[str, str]]:
    """The newest version of each control profile, as choices of the form."""
    rows = ControlProfile.objects.filter(workspace=deliverable.workspace_id).order_by("slug", "-version")
    newest = {row.slug: row for row in reversed(rows)}
    return [("", "As the campaign says"), *((str(row), row.name) for row in newest.values())]


def models(deliverable: Deliverable) -> list[tuple[str, str]]:
    """The models that the table in force names and that can make a step of a draft, as choices."""
    table = tables.parsed(tables.in_force(deliverable.workspace))
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


def waiting_cap_request(deliverable: Deliverable) -> CapRequest | None:
    return CapRequest.objects.filter(deliverable=deliverable, state="waiting").first()


def _recalled_price(deliverable: Deliverable, wanted: Mapping[str, Any]) -> Price:
    take = Take.objects.get(deliverable=deliverable, number=wanted["recalled"])
    request = recall.recall(take=take, what=recall.What.ALL).request
    count = wanted.get("count") or 1
    decision = requests.priced(deliverable=deliverable, request=request, count=count)
    found = facts.budgets_left(
        deliverable, Phase.DRAFT, [choice.model for plan in decision.steps for choice in plan.choices],
        timezone.now(),
    )  # fmt: skip
    return price_of(quotes.of(decision, found))


def _thumbnail(row: Take, base: str, slug: str, format_key: str, current: int | None) -> dict[str, Any]:
    has_picture = row.poster is not None and bool(row.poster.name)
    return {
        "href": f"{base}?take={row.number}",
        "number": row.number,
        "thumbnail": _media(slug, row.poster, "thumbnail") if has_picture and row.poster else "",
        "alt": f"Take {row.number}",
        "format": format_key,
        "kind": row.poster.kind if row.poster else "image",
        "seconds": row.poster.duration_seconds if row.poster else None,
        "state": row.state,
        "mark": row.mark,
        "phase": row.phase,
        "starred": row.starred,
        "progress": int(row.progress * 100),
        "current": row.number == current,
    }


def _media(slug: str, asset: Asset, kind: str) -> str:
    if not kind:
        return reverse("generation:asset", args=[slug, asset.pk])
    return reverse("generation:rendition", args=[slug, asset.pk, kind])
