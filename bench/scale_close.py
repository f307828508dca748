"""Closing the largest month of the largest workspace, step by step as two people do; needs Django set up."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from bench import scale_data
from billing import closing, closing_checks, months, sampling
from billing.acceptances import Month
from billing.exports import entries
from billing.models import MonthClose
from billing.models.closing import Settlement
from generation.demo import cast
from projects.models import Membership, Workspace

LIMIT_SECONDS = 60


def measured(month: str) -> dict[str, Any]:
    """Seconds of each step; the month stays closed. Answers what it found where it was closed before."""
    workspace = Workspace.objects.get(slug=scale_data.slug(1))
    first, second = (
        Membership.objects.select_related("person", "workspace").get(
            workspace=workspace, person__email=one.email
        )
        for one in (cast.FARAH, cast.GUS)
    )
    took: dict[str, float] = {}
    of: dict[str, Any] = {"workspace": workspace, "month": month}
    with _timed(took, "review begun"):
        closing.begin(**of, by=first)
    with _timed(took, "exceptions read"):
        closing.read_exceptions(**of, by=first)
    with _timed(took, "providers settled"):
        for provider in closing_checks.providers(workspace, months.span(workspace, month)):
            said: dict[str, Any] = {"settlement": Settlement.USAGE, "note": "Compared with its usage export."}
            closing.settle_provider(**of, by=first, provider=provider, **said)
    with _timed(took, "sample looked at"):
        for each in sampling.sample(workspace, month):
            sampling.judge(**of, take_id=each.take.pk, by=first, agrees=True)
    with _timed(took, "signed"):
        closing.sign(**of, by=first)
    with _timed(took, "closed"):
        row = closing.close(**of, by=second)
    with _timed(took, "read again and compared"):
        unlike = closing.differs(row)
    return {
        "month": month,
        "entries": entries.count(Month(workspace, months.span(workspace, month))),
        "rows_frozen": row.entries,
        "differs": unlike,
        "seconds": {name: round(seconds, 2) for name, seconds in took.items()},
    }


def is_closed(month: str) -> bool:
    return MonthClose.objects.filter(workspace__slug=scale_data.slug(1), month=month).exists()


@contextlib.contextmanager
def _timed(took: dict[str, float], name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    took[name] = time.perf_counter() - began
