"""The take desk: make takes, look at them, compare, decide, recall, ask for the hero render."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from generation import cancel as cancelling
from generation import caps, desks, heroes, recall, reviews, takes, uploads
from generation.forms import desk as forms
from generation.views.campaigns import deliverables
from generation.views.refusals import shows_refusals
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.models import Deliverable, RejectReason, Take
from projects.models.takes import TAKES_IN_FLIGHT
from projects.problems import Invalid

REASON_KEYS = "1234567890"


@require_safe
@workspace_page(Right.READ)
def desk(request: WorkspaceRequest, deliverable_id: uuid.UUID) -> HttpResponse:
    """The whole desk; `?take=` is in the viewer, `?with=` beside it; htmx gets its strip alone."""
    deliverable = find(request, deliverable_id)
    if request.headers.get("HX-Target", "").endswith("strip"):
        return render(request, "generation/desk_strip.html", _strip(request, deliverable))
    form = _make_form(request, deliverable)
    context = {
        **_strip(request, deliverable),
        "form": form,
        "price": desks.draft_price(deliverable, _wanted(form, deliverable)),
        "cap_request": desks.waiting_cap_request(deliverable),
        "cap_form": forms.CapForm(),
        "upload_form": forms.UploadForm(initial={"phase": deliverable.category.delivered_in}),
        "reason_form": forms.ReasonForm(),
    }
    context["spent"], context["reserved"] = desks.spent_on(deliverable)
    return render(request, "generation/desk.html", context)


@require_safe
@workspace_page(Right.READ)
def quote(request: WorkspaceRequest, deliverable_id: uuid.UUID) -> HttpResponse:
    """The button as the form changes: price, what stays, or the ways out."""
    deliverable = find(request, deliverable_id)
    form = _make_form(request, deliverable)
    context = {
        "deliverable": deliverable,
        "form": form,
        "price": desks.draft_price(deliverable, _wanted(form, deliverable)),
        "cap_request": desks.waiting_cap_request(deliverable),
        "cap_form": forms.CapForm(),
    }
    return render(request, "generation/desk_make.html", context)


@require_POST
@workspace_page(Right.MAKE)
@shows_refusals
def make(request: WorkspaceRequest, deliverable_id: uuid.UUID) -> HttpResponse:
    """Makes takes as the form asks; a double click makes them once."""
    deliverable = find(request, deliverable_id)
    form = forms.MakeForm(request.POST, **_choices(deliverable))
    if not form.is_valid():
        raise Invalid({name: [str(e) for e in said] for name, said in form.errors.items()})
    wanted = form.cleaned_data
    common = {"deliverable": deliverable, "by": request.membership, "round_id": wanted["round_id"]}
    if wanted["recalled"]:
        source = get_object_or_404(Take, deliverable=deliverable, number=wanted["recalled"])
        request_ = recall.recall(take=source, what=recall.What.ALL).request
        round_ = takes.make(request=request_, count=wanted["count"], **common)
    else:
        round_ = takes.make(
            count=wanted["count"],
            prompt=_own_prompt(deliverable, wanted["prompt"]),
            seed=wanted["seed"],
            control_profile=wanted["control_profile"] or None,
            model=wanted["model"] or None,
            switch=wanted["switch"],
            **common,
        )
    newest = round_.takes.order_by("number").first()
    return _back(request, deliverable, newest)


@require_POST
@workspace_page(Right.MAKE)
@shows_refusals
def ask_for_more(request: WorkspaceRequest, deliverable_id: uuid.UUID) -> HttpResponse:
    deliverable = find(request, deliverable_id)
    form = forms.CapForm(request.POST)
    if not form.is_valid():
        raise Invalid({name: [str(e) for e in said] for name, said in form.errors.items()})
    caps.request(deliverable=deliverable, by=request.membership, **form.cleaned_data)
    return _back(request, deliverable)


@require_POST
@workspace_page(Right.READ)
@shows_refusals
def review(request: WorkspaceRequest, take_id: uuid.UUID) -> HttpResponse:
    take = find_take(request, take_id)
    form = forms.ReviewForm(request.POST)
    if not form.is_valid():
        raise Invalid({name: [str(e) for e in said] for name, said in form.errors.items()})
    reviews.review(take=take, by=request.membership, **form.cleaned_data)
    if request.POST.get("back") == "approvals":
        return redirect("generation:approvals", request.membership.workspace.slug)
    return _back(request, take.deliverable, take)


@require_POST
@workspace_page(Right.MAKE)
@shows_refusals
def ask_for_hero(request: WorkspaceRequest, take_id: uuid.UUID) -> HttpResponse:
    take = find_take(request, take_id)
    heroes.request(take=take, by=request.membership, note=request.POST.get("note", ""))
    return _back(request, take.deliverable, take)


@require_POST
@workspace_page(Right.MAKE)
@shows_refusals
def cancel(request: WorkspaceRequest, take_id: uuid.UUID) -> HttpResponse:
    take = find_take(request, take_id)
    cancelling.cancel(take=take, by=request.membership)
    return _back(request, take.deliverable, take)


@require_POST
@workspace_page(Right.MAKE)
@shows_refusals
def run_next(request: WorkspaceRequest, take_id: uuid.UUID) -> HttpResponse:
    take = find_take(request, take_id)
    takes.run_next(take=take, by=request.membership)
    return _back(request, take.deliverable, take)


@require_POST
@workspace_page(Right.MAKE)
@shows_refusals
def retry(request: WorkspaceRequest, take_id: uuid.UUID) -> HttpResponse:
    """Runs exactly the same request again, as a take of its own."""
    take = find_take(request, take_id)
    same = recall.recall(take=take, what=recall.What.ALL).request
    round_ = takes.make(deliverable=take.deliverable, request=same, by=request.membership)
    return _back(request, take.deliverable, round_.takes.first())


@require_POST
@workspace_page(Right.MAKE)
def star(request: WorkspaceRequest, take_id: uuid.UUID) -> HttpResponse:
    take = find_take(request, take_id)
    Take.objects.filter(pk=take.pk).update(starred=not take.starred)
    return _back(request, take.deliverable, take)


@require_POST
@workspace_page(Right.MAKE)
@shows_refusals
def upload(request: WorkspaceRequest, deliverable_id: uuid.UUID) -> HttpResponse:
    deliverable = find(request, deliverable_id)
    form = forms.UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        raise Invalid({name: [str(e) for e in said] for name, said in form.errors.items()})
    said = form.cleaned_data
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
        by=request.membership,
    )
    return _back(request, deliverable, take)


@require_POST
@workspace_page(Right.APPROVE)
@shows_refusals
def write_off(request: WorkspaceRequest, deliverable_id: uuid.UUID) -> HttpResponse:
    deliverable = find(request, deliverable_id)
    reason = request.POST.get("reason", "")
    reviews.write_off(deliverable=deliverable, reason=reason, by=request.membership)
    return _back(request, deliverable)


@require_POST
@workspace_page(Right.APPROVE)
@shows_refusals
def reopen(request: WorkspaceRequest, deliverable_id: uuid.UUID) -> HttpResponse:
    deliverable = find(request, deliverable_id)
    reason = request.POST.get("reason", "")
    reviews.reopen(deliverable=deliverable, reason=reason, by=request.membership)
    return _back(request, deliverable)


def find(request: WorkspaceRequest, deliverable_id: uuid.UUID) -> Deliverable:
    """The deliverable of an address, or 404."""
    return get_object_or_404(deliverables(request), pk=deliverable_id)


def find_take(request: WorkspaceRequest, take_id: uuid.UUID) -> Take:
    """The take of an address with its deliverable, or 404."""
    rows = Take.objects.visible_to(request.membership).select_related(
        "workspace",
        "poster",
        "deliverable__campaign__project",
        "deliverable__category",
        "deliverable__format",
        "deliverable__workspace",
    )
    return get_object_or_404(rows, pk=take_id)


def _strip(request: WorkspaceRequest, deliverable: Deliverable) -> dict[str, Any]:
    """Strip, viewer and what can be done with the take in it."""
    slug = request.membership.workspace.slug
    take = desks.chosen(deliverable, request.GET.get("take"))
    context: dict[str, Any] = {
        "deliverable": deliverable,
        "take": take,
        "takes": desks.strip(deliverable, current=take.number if take else None, slug=slug),
        "reasons": list(zip(REASON_KEYS, RejectReason.choices, strict=True)),
    }
    context["running"] = [row for row in context["takes"] if row["state"] in TAKES_IN_FLIGHT]
    if take is None:
        return context
    reviews.opened(take=take, by=request.membership)
    other = desks.chosen(deliverable, request.GET["with"]) if request.GET.get("with") else None
    context |= desks.details(take, by=request.membership)
    context["viewer"] = desks.viewer(take, slug=slug)
    context["other"] = other
    context["beside"] = desks.viewer(other, slug=slug) if other else None
    if context["can_ask_hero"]:
        context["hero_price"] = desks.hero_price(take)
    return context


def _make_form(request: WorkspaceRequest, deliverable: Deliverable) -> forms.MakeForm:
    """The form as the address says: filled from it, or from a take that is recalled."""
    choices = _choices(deliverable)
    if "count" in request.GET:
        return forms.MakeForm(request.GET, **choices)
    initial: dict[str, Any] = {"round_id": uuid.uuid4(), "count": 1}
    initial["prompt"] = desks.usual_prompt(deliverable)
    what = request.GET.get("recall")
    if what in recall.What.values and request.GET.get("take", "").isdecimal():
        source = Take.objects.filter(deliverable=deliverable, number=int(request.GET["take"])).first()
        initial |= _recalled(source, what) if source else {}
    return forms.MakeForm(initial=initial, **choices)


def _choices(deliverable: Deliverable) -> dict[str, Any]:
    return {"profiles": desks.profiles(deliverable), "models": desks.models(deliverable)}


def _own_prompt(deliverable: Deliverable, text: str) -> str | None:
    """What the person wrote; None where it is what the brief and its template say anyway."""
    text = text.strip().replace("\r\n", "\n")
    return None if text in ("", desks.usual_prompt(deliverable)) else text


def _recalled(take: Take, what: str) -> dict[str, Any]:
    """What a recall puts into the form."""
    if what == recall.What.ALL:
        return {"recalled": take.number, "prompt": take.prompt, "seed": take.seed}
    if what == recall.What.SEED:
        return {"seed": take.seed}
    profile = getattr(getattr(take, "recipe", None), "control_profile", "")
    if what == recall.What.PROMPT:
        return {"prompt": take.prompt}
    return {"prompt": take.prompt, "control_profile": profile}


def _wanted(form: forms.MakeForm, deliverable: Deliverable) -> dict[str, Any]:
    wanted = dict(form.initial)
    if form.is_bound:
        form.is_valid()
        wanted = form.cleaned_data
    return {**wanted, "prompt": _own_prompt(deliverable, wanted.get("prompt") or "")}


def _back(request: WorkspaceRequest, deliverable: Deliverable, take: Take | None = None) -> HttpResponse:
    address = reverse("generation:desk", args=[request.membership.workspace.slug, deliverable.pk])
    return redirect(f"{address}?take={take.number}" if take else address)
