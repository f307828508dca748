"""Where a month stands on the way to its close, from the steps that were taken."""

from __future__ import annotations

from typing import NamedTuple

from billing.models import MonthClose, MonthStep
from billing.models.closing import StepKind
from projects.models import Workspace


class Standing(NamedTuple):
    """`state` is open, under_review, signed or closed; `steps` are those that count."""

    state: str
    steps: list[MonthStep]
    close: MonthClose | None

    @property
    def signed(self) -> MonthStep | None:
        return next((step for step in reversed(self.steps) if step.kind == StepKind.SIGNED), None)


def standing(workspace: Workspace, month: str) -> Standing:
    """Where a month (YYYY-MM) stands; steps before the last one back do not count any more."""
    steps: list[MonthStep] = []
    rows = MonthStep.objects.filter(workspace=workspace, month=month).select_related("by").order_by("id")
    for step in rows:
        steps = [] if step.kind == StepKind.BACK else [*steps, step]
    close = (
        MonthClose.objects.filter(workspace=workspace, month=month)
        .select_related("workspace", "signed_by", "closed_by")
        .first()
    )
    if close:
        return Standing("closed", steps, close)
    signed = any(step.kind == StepKind.SIGNED for step in steps)
    return Standing("signed" if signed else "under_review" if steps else "open", steps, None)


def state_of(workspace: Workspace, month: str) -> tuple[str, str | None]:
    """The state of a month and, where it is closed, its digest."""
    found = (
        MonthClose.objects.filter(workspace=workspace, month=month).values_list("digest", flat=True).first()
    )
    return ("closed", found) if found else (standing(workspace, month).state, None)
