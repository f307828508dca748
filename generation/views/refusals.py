"""How pages show a refusal: where the action was, with its status, and with the way on."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from billing import money
from billing.budgets import BudgetRefused
from generation.figures import decimal_or_none
from projects import access
from projects.access import Right
from projects.problems import Refused

View = Callable[..., HttpResponseBase]


def shows_refusals(view: View) -> View:
    """Turns a `Refused` of the view into its words: a part for htmx, a page otherwise."""

    @functools.wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except Refused as refused:
            return refusal(request, refused)

    return answered


def refusal(request: HttpRequest, refused: Refused) -> HttpResponse:
    """The refusal as an answer, with its bad lines, or with the way to the budget that said no."""
    htmx = bool(request.headers.get("HX-Request"))
    template = "generation/refused.html#words" if htmx else "generation/refused.html"
    context = {
        "refused": refused,
        "layout": "" if request.user.is_authenticated else "entrance.html",
        "heading": refused.title if htmx else "",  # a page has it above
        "back": request.headers.get("Referer", ""),
        "ways": _ways(request, refused),
        "again": _again(request, refused),
    }
    return render(request, template, context, status=refused.status)


def _again(request: HttpRequest, refused: Refused) -> dict[str, Any] | None:
    """The same form once more at the price that it has now, where the price alone stood in the way."""
    prices = [name for name in request.POST if name == "confirmed" or name.startswith("at_most")]
    amount = decimal_or_none(refused.extra.get("at_most"))
    if amount is None or not prices:
        return None
    without = (*prices, "csrfmiddlewaretoken")
    fields = [(name, value) for name, said in request.POST.lists() for value in said if name not in without]
    return {
        "action": request.path,
        "amount": amount,
        "fields": [*fields, *((name, amount) for name in prices)],
    }


def _ways(request: HttpRequest, refused: Refused) -> list[dict[str, str]]:
    """Where the obstacle stands and can be moved."""
    member = getattr(request, "membership", None)
    if member is None or not isinstance(refused, BudgetRefused):
        return []
    place, budget = [member.workspace.slug], refused.budget.pk
    ways = [{"label": "See the budget", "href": reverse("billing:budget", args=[*place, budget])}]
    rights = access.rights_of(member)
    if Right.SET_BUDGETS in rights:
        ways.append(
            {"label": "Change its limit", "href": reverse("billing:budget_limit", args=[*place, budget])}
        )
    elif Right.MAKE in rights:
        more = f"?more={money.unit_price(refused.needed - refused.left)}"
        href = reverse("billing:raise_budget", args=[*place, budget])
        ways.append({"label": "Ask to raise it", "href": f"{href}{more}"})
    return ways
