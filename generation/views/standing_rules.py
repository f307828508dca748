"""Standing rules for hero renders: which are in force, what they approved, set and end."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing import audit_tables
from generation import standing_rules
from generation.forms.standing_rules import StandingRuleForm
from generation.views.refusals import shows_refusals
from generation.views.saving import saved, status
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.models import HeroDecision, StandingRule

PAGE_SIZE = 50
NOTE = (
    "What it covers is approved without anybody looking: it counts as approved by you, is marked on the "
    "request and the take, and stands among the exceptions of its month. What you ask for yourself still "
    "waits for another manager."
)


@require_safe
@workspace_page(Right.READ)
def listed(request: WorkspaceRequest) -> HttpResponse:
    """The rules in force with what is left of their month, and what rules have approved."""
    workspace = request.membership.workspace
    page = Paginator(_uses(request), PAGE_SIZE).get_page(request.GET.get("page"))
    rules = standing_rules.in_force(workspace, now=timezone.now())
    return render(request, "generation/standing_rules.html", {"rules": rules, "page": page})


@require_safe
@workspace_page(Right.READ)
def uses(request: WorkspaceRequest) -> HttpResponse:
    """Every approval by a rule, as CSV."""
    lines: list[audit_tables.Row] = [("at", "decision", "deliverable", "asked by", "rule of", "amount")]
    for row in _uses(request).iterator(chunk_size=2000):
        asked = row.hero_request
        lines.append(
            (row.at.isoformat(), row.decision, asked.deliverable, asked.requested_by, row.by, row.amount)
        )
    answer = HttpResponse(audit_tables.csv_text(lines), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="standing-rules.csv"'
    return answer


@require_http_methods(["GET", "POST"])
@workspace_page(Right.APPROVE)
def new(request: WorkspaceRequest) -> HttpResponse:
    """A rule for a client or brand; it takes the place of the one in force."""
    member = request.membership
    form = StandingRuleForm(
        request.POST or None, membership=member, initial={"project": request.GET.get("project")}
    )
    if request.method == "POST" and saved(form, standing_rules.set_rule, by=member):
        messages.success(request, f"{form.cleaned_data['project']}: the standing rule is in force.")
        return redirect("generation:standing_rules", member.workspace.slug)
    context = {"form": form, "title": "New standing rule", "submit": "Set rule", "note": NOTE}
    return render(request, "generation/form.html", context, status=status(form))


@require_POST
@workspace_page(Right.APPROVE)
@shows_refusals
def end(request: WorkspaceRequest, rule_id: uuid.UUID) -> HttpResponse:
    rule = get_object_or_404(StandingRule.objects.visible_to(request.membership), pk=rule_id)
    standing_rules.end_rule(rule=rule, by=request.membership)
    messages.success(request, f"{rule.project}: the standing rule has ended.")
    return redirect("generation:standing_rules", request.membership.workspace.slug)


def _uses(request: WorkspaceRequest) -> QuerySet[HeroDecision]:
    """Approvals by a rule and what was taken back of them, the newest first."""
    rows: QuerySet[HeroDecision] = HeroDecision.objects.visible_to(request.membership)
    named = ("by", "hero_request__deliverable__campaign__project", "hero_request__requested_by")
    return rows.filter(standing_rule__isnull=False).select_related(*named).order_by("-sequence")
