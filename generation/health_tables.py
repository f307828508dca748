"""The tables of the page of health as lines of CSV, the header first. Times are seconds, shares of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from generation import facts, health
from generation.health import Figures, Report
from projects.models import Membership
from routing import breakers, leaving

Row = Sequence[Any]
HEAD = (
    *("calls", "succeeded", "failed", "cancelled", "success_share"),
    *("p50_seconds", "p95_seconds", "wait_p50_seconds", "wait_p95_seconds"),
)
MOVES = ("at", "model", "before", "after", "reason", "error_class", "calls", "failures", "retry_at")


def _figures(figures: Figures) -> tuple[Any, ...]:
    seconds = (figures.p50, figures.p95, figures.wait50, figures.wait95)
    share = None if figures.success is None else figures.success.quantize(Decimal("0.0001"))
    return (
        *(figures.calls, figures.succeeded, figures.failed, figures.cancelled, share),
        *(None if one is None else f"{one:.3f}" for one in seconds),
    )


def models(member: Membership, report: Report, model: str, provider: str) -> list[Row]:
    now = breakers.current(member, now=report.until)
    return [
        ("model", "provider", *HEAD, "breaker"),
        *(
            (one.key, one.provider, *_figures(one), now[one.key].state if one.key in now else "closed")
            for one in report.models
        ),
    ]


def providers(member: Membership, report: Report, model: str, provider: str) -> list[Row]:
    return [("provider", *HEAD), *((one.key, *_figures(one)) for one in report.providers)]


def times(member: Membership, report: Report, model: str, provider: str) -> list[Row]:
    return [("from", *HEAD), *((at.isoformat(), *_figures(one)) for at, one in report.slots)]


def errors(member: Membership, report: Report, model: str, provider: str) -> list[Row]:
    rows = health.errors(member, report.total)
    return [
        ("error_class", "words", "calls", "share", "leads_to"),
        *((row.key, row.words, row.calls, f"{row.share:.4f}", row.leads_to) for row in rows),
    ]


def changes(member: Membership, report: Report, model: str, provider: str) -> list[Row]:
    rows = breakers.changes(member, since=report.since, model=model, provider=provider)
    names = ["model_key" if name == "model" else name for name in MOVES]
    return [MOVES, *(tuple(getattr(row, name) for name in names) for row in rows)]


def ending(member: Membership, report: Report, model: str, provider: str) -> list[Row]:
    accounts = facts.providers_with_account(member.workspace)
    rows = leaving.listed(member.workspace, accounts=accounts, now=report.until)
    return [
        ("model", "last_day", "days_left", "routes"),
        *((row.model.key, row.ending.until, row.days, "; ".join(row.routes)) for row in rows),
    ]


TABLES: dict[str, Callable[[Membership, Report, str, str], list[Row]]] = {
    "models": models,
    "providers": providers,
    "times": times,
    "errors": errors,
    "breakers": changes,
    "leaving": ending,
}
