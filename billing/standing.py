"""Where a month stands on the way to its close, from the steps that were taken."""

from __future__ import annotations

import datetime
from typing import NamedTuple

from billing import months
from billing.models import MonthClose, MonthStep
from billing.models.closing import StepKind
from projects.access import Right, rights_of
from projects.models import Membership, Workspace
from projects.problems import Refused


class SoftClosed(Refused):
    """A month is under review: by hand only finance books into it."""

    title = "That month is under review"


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


def require_by_hand(*, workspace: Workspace, at: datetime.datetime, by: Membership, what: str) -> None:
    """Raises SoftClosed (409) where `at` lies in a month under review and `by` does not keep the books.

    What providers report is booked all the same: it is what the review waits for.
    """
    if Right.KEEP_BOOKS in rights_of(by):
        return
    month = months.month_of(workspace, at)
    if standing(workspace, month).state in ("under_review", "signed"):
        raise SoftClosed(
            f"{what} is dated into {month}, which is under review.",
            remedy="Date it into a later month, or let a person of finance book it.",
        )


def state_of(workspace: Workspace, month: str) -> tuple[str, str | None]:
    """The state of a month and, where it is closed, its digest."""
    found = (
        MonthClose.objects.filter(workspace=workspace, month=month).values_list("digest", flat=True).first()
    )
    return ("closed", found) if found else (standing(workspace, month).state, None)
