"""Who has signed a month: what stands at the foot of its statement."""

from __future__ import annotations

import datetime
from typing import NamedTuple

from billing.models import MonthClose, MonthStep
from billing.models.closing import StepKind
from projects.models import Person, Workspace


class Signature(NamedTuple):
    role: str
    name: str
    at: datetime.datetime


class Signing(NamedTuple):
    """`said` is the state in words; `digest` is that under which a closed month is frozen."""

    state: str
    said: str
    signatures: list[Signature]
    digest: str


def of(workspace: Workspace, month: str) -> Signing:
    """The signatures on a month (YYYY-MM) as it stands now."""
    close = (
        MonthClose.objects.filter(workspace=workspace, month=month)
        .select_related("signed_by", "closed_by")
        .defer("document")
        .first()
    )
    if close:
        return _closed(close)
    steps = MonthStep.objects.filter(workspace=workspace, month=month).select_related("by").order_by("id")
    standing: list[MonthStep] = []
    for step in steps:
        standing = [] if step.kind == StepKind.BACK else [*standing, step]
    if not standing:
        return Signing("open", "Open, not signed: figures may still change.", [], "")
    signed = [
        _signature("First signature", step.by, step.at) for step in standing if step.kind == StepKind.SIGNED
    ]
    words = "Under review, signed by one of two: not closed." if signed else "Under review, not signed."
    return Signing("under_review", words, signed[-1:], "")


def _closed(close: MonthClose) -> Signing:
    if close.single_signature:
        signatures = [_signature("Signed and closed", close.closed_by, close.closed_at)]
        words = "Closed with a single signature."
    else:
        signatures = [
            _signature("First signature", close.signed_by, close.signed_at),
            _signature("Second signature, closed", close.closed_by, close.closed_at),
        ]
        words = "Closed."
    return Signing("closed", words, signatures, close.digest)


def _signature(role: str, person: Person, at: datetime.datetime) -> Signature:
    return Signature(role, f"{person.name} ({person.email})" if person.name else person.email, at)
