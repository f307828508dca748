"""What is done at the take desk: make, decide, note, star, cancel, upload. Each answers with the desk."""

from __future__ import annotations

import contextlib
import functools
import urllib.parse
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from django.db.models import F
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from generation import cancel as cancelling
from generation import caps, desks, heroes, recall, reviews, strips, takes, uploads
from generation.forms import desk as forms
from generation.views.approvals import on_to_next
from generation.views.desk import REPRICE, choices, find, find_take, own_prompt
from generation.views.refusals import refusal
from generation.views.saving import values
from projects import notes
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.models import Deliverable, Take
from projects.problems import Refused

View = Callable[..., HttpResponseBase]


def at_the_desk(view: View) -> View:
    """A POST of the desk: what is refused is said in the desk's own place, and prices are asked for anew."""

    @require_POST
    @functools.wraps(view)
    def answered(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except Refused as refused:
            answer = refusal(request, refused)
            if request.headers.get("HX-Request"):
                answer.headers["HX-Retarget"] = "#desk-said"
                answer.headers["HX-Reswap"] = "innerHTML"
                answer.headers["HX-Trigger"] = REPRICE
            return answer

    return answered


@at_the_desk
@workspace_page(Right.MAKE)
def make(request: WorkspaceRequest, deliverable_id: uuid.UUID) -> HttpResponse:
    """Makes takes as the form asks, before one's others where `next` is given; a double click makes once."""
    deliverable = find(request, deliverable_id)
    wanted = values(forms.MakeForm(request.POST, **choices(deliverable)))
    common = {
        "deliverable": deliverable,
        "by": request.membership,
        "round_id": wanted["round_id"],
        "count": wanted["fitting"] or wanted["count"],
        "confirmed": _confirmed(request, wanted),
    }
    if wanted["recalled"]:
        source = get_object_or_404(Take, deliverable=deliverable, number=wanted["recalled"])
        request_ = recall.recall(take=source, what=recall.What.ALL).request
        round_ = takes.make(request=request_, **common)
    else:
        round_ = takes.make(
            prompt=own_prompt(deliverable, wanted["prompt"]),
            seed=wanted["seed"],
            control_profile=wanted["control_profile"] or None,
            model=wanted["model"] or None,
            switch=wanted["switch"],
            **common,
        )
    if request.POST.get("next"):
        for take in round_.takes.order_by("-number"):
            with contextlib.suppress(Refused):  # it is under way already
                takes.run_next(take=take, by=request.membership)
    return redirect(strips.address(deliverable, request.membership.workspace.slug))


@at_the_desk
@workspace_page(Right.MAKE)
def ask_for_more(request: WorkspaceRequest, deliverable_id: uuid.UUID) -> HttpResponse:
    """Asks a manager for more takes, with what they may cost at most."""
    deliverable = find(request, deliverable_id)
    wanted = values(forms.CapForm(request.POST))
    price = desks.draft_price(deliverable, {"count": wanted["more"]}, by=request.membership)
    caps.request(deliverable=deliverable, by=request.membership, at_most=price.at_most, **wanted)
    return _back(request, deliverable)


@at_the_desk
@workspace_page(Right.READ)
def review(request: WorkspaceRequest, take_id: uuid.UUID) -> HttpResponse:
    """Select, sign off, reject, withdraw; `back=approvals` returns to the inbox."""
    take = find_take(request, take_id)
    reviews.review(take=take, by=request.membership, **values(forms.ReviewForm(request.POST)))
    if request.POST.get("back") == "approvals":
        return on_to_next(request)
    return _back(request, take.deliverable, take)


@at_the_desk
@workspace_page(Right.MAKE)
def note(request: WorkspaceRequest, take_id: uuid.UUID) -> HttpResponse:
    """Writes a note, at the frame that the viewer stood at."""
    take = find_take(request, take_id)
    notes.add(take=take, by=request.membership, **values(forms.NoteForm(request.POST)))
    return _back(request, take.deliverable, take)


@at_the_desk
@workspace_page(Right.MAKE)
def ask_for_hero(request: WorkspaceRequest, take_id: uuid.UUID) -> HttpResponse:
    take = find_take(request, take_id)
    said = values(forms.HeroForm(request.POST))
    heroes.request(take=take, by=request.membership, note=said["note"], seen=said["at_most"])
    return _back(request, take.deliverable, take)


@at_the_desk
@workspace_page(Right.MAKE)
def cancel(request: WorkspaceRequest, take_id: uuid.UUID) -> HttpResponse:
    take = find_take(request, take_id)
    cancelling.cancel(take=take, by=request.membership)
    return _back(request, take.deliverable, take)


@at_the_desk
@workspace_page(Right.MAKE)
def run_next(request: WorkspaceRequest, take_id: uuid.UUID) -> HttpResponse:
    take = find_take(request, take_id)
    takes.run_next(take=take, by=request.membership)
    return _back(request, take.deliverable, take)


@at_the_desk
@workspace_page(Right.MAKE)
def retry(request: WorkspaceRequest, take_id: uuid.UUID) -> HttpResponse:
    """Runs exactly the same request again, as a take of its own; a double click runs it once."""
    take = find_take(request, take_id)
    said = values(forms.RetryForm(request.POST))
    same = recall.recall(take=take, what=recall.What.ALL).request
    round_ = takes.make(deliverable=take.deliverable, request=same, by=request.membership, **said)
    number = round_.takes.order_by("-number").values_list("number", flat=True).first()
    return redirect(strips.address(take.deliverable, request.membership.workspace.slug, take=number))


@at_the_desk
@workspace_page(Right.MAKE)
def star(request: WorkspaceRequest, take_id: uuid.UUID) -> HttpResponse:
    rows = Take.objects.visible_to(request.membership).select_related("deliverable")
    take = get_object_or_404(rows, pk=take_id)
    Take.objects.filter(pk=take.pk).update(starred=~F("starred"))
    return _back(request, take.deliverable, take)


@at_the_desk
@workspace_page(Right.MAKE)
def upload(request: WorkspaceRequest, deliverable_id: uuid.UUID) -> HttpResponse:
    """Keeps a file as a take, charged at what it cost; a double click keeps it once."""
    deliverable = find(request, deliverable_id)
    said = values(forms.UploadForm(request.POST, request.FILES))
    source = None
    if said["source_take"]:
        source = get_object_or_404(Take, deliverable=deliverable, number=said["source_take"])
    made = uploads.Made(made_with=said["made_with"], amount=said["amount"] or desks.ZERO, note=said["note"])
    take = uploads.upload(
        deliverable=deliverable,
        file=said["file"],
        phase=said["phase"],
        made=made,
        source_take=source,
        round_id=said["round_id"],
        by=request.membership,
    )
    return _back(request, deliverable, take)


@at_the_desk
@workspace_page(Right.APPROVE)
def write_off(request: WorkspaceRequest, deliverable_id: uuid.UUID) -> HttpResponse:
    deliverable = find(request, deliverable_id)
    said = values(forms.ReasonForm(request.POST))
    reviews.write_off(deliverable=deliverable, by=request.membership, **said)
    return _back(request, deliverable)


@at_the_desk
@workspace_page(Right.APPROVE)
def reopen(request: WorkspaceRequest, deliverable_id: uuid.UUID) -> HttpResponse:
    deliverable = find(request, deliverable_id)
    reviews.reopen(deliverable=deliverable, by=request.membership, **values(forms.ReasonForm(request.POST)))
    return _back(request, deliverable)


def _confirmed(request: WorkspaceRequest, wanted: Mapping[str, Any]) -> Decimal | None:
    """The price at most beside the button that was pressed: make, switch, or as many as the cap leaves."""
    which = wanted["switch"] or ("fitting" if wanted["fitting"] else "")
    price = request.POST.get(f"at_most-{which}" if which else "at_most", "")
    said: Decimal | None = values(forms.PriceForm({"at_most": price}))["at_most"]
    return said


def _back(request: WorkspaceRequest, deliverable: Deliverable, take: Take | None = None) -> HttpResponse:
    """To the desk as htmx had it, so that who follows the newest take goes on doing so; else to the take."""
    slug = request.membership.workspace.slug
    try:
        here = urllib.parse.urlsplit(request.headers.get("HX-Current-URL", ""))
    except ValueError:
        here = urllib.parse.urlsplit("")
    if here.path == strips.address(deliverable, slug):
        query = urllib.parse.parse_qs(here.query)
        kept = {f"{name}_": query[name][0] for name in ("take", "with") if name in query}
        return redirect(strips.address(deliverable, slug, **kept))
    return redirect(strips.address(deliverable, slug, take=take.number if take else None))
