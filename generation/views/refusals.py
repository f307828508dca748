"""How pages show a refusal: where the action was, with its status, and with the way on."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

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
    """The refusal as an answer; `ways` and `lines` of the problem are shown with it."""
    htmx = bool(request.headers.get("HX-Request"))
    template = "generation/refused.html#words" if htmx else "generation/refused.html"
    context = {"refused": refused, "back": request.headers.get("Referer", "")}
    return render(request, template, context, status=refused.status)
