"""The take desk as it is looked at: viewer, strip, request, price. What is done there: `desk_actions`."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.models.budgets import Scope
from generation import desks, heroes, queues, recall, reviews, strips
from generation.forms import desk as forms
from generation.views.campaigns import deliverables
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.models import Deliverable, RejectReason, Round, Take
from projects.plain import whole_number

REASON_KEYS = "1234567890"
#: Tells the form on the page to ask for its price anew; the form itself keeps what was typed.
REPRICE = json.dumps({"desk-changed": {"target": "#desk"}})


@require_safe
@workspace_page(Right.READ)
def desk(request: WorkspaceRequest, deliverable_id: uuid.UUID) -> HttpResponse:
    """The whole desk; `?take=` is in the viewer, `?with=` beside it.

    htmx gets the part that changes with a take. While takes are in flight the strip asks again, with what
    it has `seen`: as long as nothing but progress has changed, it gets the strip alone.
    """
    deliverable = find(request, deliverable_id)
    context = _shown(request, deliverable)
    if not _is_part(request):
        return render(request, "generation/desk.html", {**context, **_forms(request, deliverable)})
    if request.GET.get("seen") == context["seen"]:
        return render(request, "generation/desk.html#strip", context)
    answer = render(request, "generation/desk.html#desk", context)
    answer.headers["HX-Trigger"] = REPRICE
    if "seen" in request.GET:
        answer.headers["HX-Retarget"] = "#desk"
        answer.headers["HX-Reswap"] = "outerMorph"
    elif not request.headers.get("HX-Current-URL", "").endswith(request.get_full_path()):
        answer.headers["HX-Push-Url"] = request.get_full_path()
    return answer


@require_safe
@workspace_page(Right.READ)
def quote(request: WorkspaceRequest, deliverable_id: uuid.UUID) -> HttpResponse:
    """The button as the form changes: price, what stays, or the ways out; with `more`, the price of these."""
    deliverable = find(request, deliverable_id)
    if "more" in request.GET:
        more = forms.CapForm(request.GET)
        more.is_valid()
        price = desks.draft_price(
            deliverable, {"count": more.cleaned_data.get("more") or 1}, by=request.membership
        )
        return render(request, "generation/desk_ask.html#price", {"price": price})
    return render(request, "generation/desk_make.html", _priced(request, deliverable))


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


def choices(deliverable: Deliverable) -> dict[str, Any]:
    """What the form of a take lets one choose from."""
    return {"profiles": desks.profiles(deliverable), "models": desks.models(deliverable)}


def own_prompt(deliverable: Deliverable, text: str) -> str | None:
    """What the person wrote; None where it is what the brief and its template say anyway."""
    text = text.strip().replace("\r\n", "\n")
    return None if text in ("", desks.usual_prompt(deliverable)) else text


def _is_part(request: WorkspaceRequest) -> bool:
    """Whether htmx asks for a part; a page that it restores from history is a whole one."""
    return request.headers.get("HX-Request-Type") == "partial"


def _shown(request: WorkspaceRequest, deliverable: Deliverable) -> dict[str, Any]:
    """Head, strip, viewer and what can be done with the take in it."""
    member, slug = request.membership, request.membership.workspace.slug
    take = strips.chosen(deliverable, request.GET.get("take"))
    other = strips.chosen(deliverable, request.GET["with"]) if request.GET.get("with") else None
    current, beside = take.number if take else None, other.number if other else None
    rows = strips.rows(deliverable, current=current, beside=beside, slug=slug)
    undecided = desks.undecided(deliverable)
    context: dict[str, Any] = {
        "deliverable": deliverable,
        "take": take,
        "other": other,
        "takes": rows,
        "poll_seconds": strips.seconds_to_poll(rows, undecided),
        "being_drawn": any(row["being_drawn"] for row in rows if row["number"] in (current, beside)),
        "poll": strips.address(deliverable, slug, take=request.GET.get("take"), with_=beside),
        "reasons": list(zip(REASON_KEYS, RejectReason.choices, strict=True)),
        "queue": queues.summary(member),
        "budget": desks.tightest_budget(deliverable, now=timezone.now()),
        "usage": desks.usage(deliverable),
        "settled": reviews.settled(deliverable),
    }
    if context["budget"]:
        context["budget_scope"] = Scope(context["budget"].scope).label
    context["spent"], context["reserved"] = desks.spent_on(deliverable)
    if take is not None:
        reviews.opened(take=take, by=member)
        context |= desks.details(take, by=member)
        context["moves"] = strips.moves(
            rows, current=take.number, beside=beside, base=strips.address(deliverable, slug)
        )
        context["changes"] = heroes.changes_asked(context["hero_request"])
        context["taken_back"] = strips.taken_back(take)
        context["partner"] = strips.compared_with(rows, take.number)
        shown = [one for one in (take, other) if one and one.state == "ready"]
        viewers = strips.viewers(shown, slug=slug)
        context["viewer"] = viewers.get(take.pk)
        context["beside"] = viewers.get(other.pk) if other else None
        if context["can_ask_hero"]:
            context["hero_price"] = desks.hero_price(take, by=member)
    context["primary"] = desks.primary(context)
    states = [run.state for run in context.get("runs", ())]
    context["seen"] = strips.fingerprint(rows, [current, beside, *states, *undecided, deliverable.state])
    return context


def _forms(request: WorkspaceRequest, deliverable: Deliverable) -> dict[str, Any]:
    """What only the whole page has: the form of the next take with its price, and the dialogs' forms."""
    return {
        **_priced(request, deliverable),
        "upload_form": forms.UploadForm(initial={"phase": deliverable.category.delivered_in}),
        "reason_form": forms.ReasonForm(auto_id="drop_%s"),
        "reopen_form": forms.ReasonForm(auto_id="reopen_%s"),
    }


def _priced(request: WorkspaceRequest, deliverable: Deliverable) -> dict[str, Any]:
    form = _make_form(request, deliverable)
    context: dict[str, Any] = {
        "deliverable": deliverable,
        "form": form,
        "round_id": _fresh(form["round_id"].value()),
        "price": desks.draft_price(deliverable, _wanted(form, deliverable), by=request.membership),
        "cap_request": desks.waiting_cap_request(deliverable),
        "cap_form": forms.CapForm(auto_id="more_%s"),
    }
    if at := request.GET.get("at"):
        take = strips.chosen(deliverable, at)
        context["primary"] = desks.primary(desks.details(take, by=request.membership) if take else {})
    return context


def _fresh(round_id: Any) -> Any:
    """The id of the next round: the form's, as long as no round has it."""
    field = forms.MakeForm.base_fields["round_id"]
    try:
        asked = field.clean(round_id)
    except ValidationError:
        asked = None
    known = asked and Round.objects.filter(pk=asked).exists()
    return uuid.uuid4() if known or not asked else asked


def _make_form(request: WorkspaceRequest, deliverable: Deliverable) -> forms.MakeForm:
    """The form as the address says: filled from it, or from a take that is recalled."""
    given = choices(deliverable)
    if "count" in request.GET:
        return forms.MakeForm(request.GET, **given)
    initial: dict[str, Any] = {"round_id": uuid.uuid4(), "count": 1}
    initial["prompt"] = desks.usual_prompt(deliverable)
    what = request.GET.get("recall")
    if what in recall.What.values:
        number = whole_number(request.GET.get("take", "")) or 0
        source = Take.objects.filter(deliverable=deliverable, number=number).first()
        initial |= _recalled(source, what) if source else {}
    return forms.MakeForm(initial=initial, **given)


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
    return {**wanted, "prompt": own_prompt(deliverable, wanted.get("prompt") or "")}
