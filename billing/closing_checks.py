"""What a month needs before it is signed and closed, each with whether it is done and what is to be done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from django.db import connection

from billing import exceptions, money, months, roll_forward, sampling, unsettled
from billing.accruals import total
from billing.invoices import statement
from billing.models import MonthStep
from billing.models.closing import Settlement, StepKind
from billing.months import Span
from billing.standing import Standing
from projects.models import Workspace

PROVIDERS = """
    SELECT provider, count(*), sum(amount) FROM billing_entry
    WHERE workspace_id = %(workspace)s AND effective_at >= %(start)s AND effective_at < %(until)s
      AND kind <> 'transfer' AND provider NOT IN ('', 'builtin')
    GROUP BY 1 HAVING sum(amount) <> 0 ORDER BY 3 DESC, 1
"""


class Check(NamedTuple):
    """One line of the checklist. `words` says how things are, `remedy` what is to be done."""

    key: str
    label: str
    done: bool
    words: str
    remedy: str = ""


def all_of(workspace: Workspace, month: str, standing: Standing) -> list[Check]:
    """The checklist of a month (YYYY-MM); what is not `done` keeps it from being signed."""
    return [
        _identity(workspace, month),
        _unsettled(workspace, month),
        _providers(workspace, month, standing.steps),
        _exceptions(workspace, month, standing.steps),
        _sample(workspace, month),
    ]


def providers(workspace: Workspace, span: Span) -> dict[str, str]:
    """Providers that have cash in a span, dearest first, with the amount in the workspace's currency."""
    with connection.cursor() as cursor:
        cursor.execute(PROVIDERS, {"workspace": workspace.pk, "start": span.start, "until": span.end})
        return {provider: amount for provider, _, amount in cursor.fetchall()}


def settled(steps: list[MonthStep]) -> Mapping[str, MonthStep]:
    """What was said last of each provider."""
    return {step.provider: step for step in steps if step.kind == StepKind.PROVIDER}


def _identity(workspace: Workspace, month: str) -> Check:
    found = roll_forward.roll_forward(workspace, month)
    label = "The roll-forward holds"
    if found.holds:
        return Check("identity", label, True, "Opening and spend equal what came out, term by term.")
    return Check(
        "identity",
        label,
        False,
        f"{len(found.differences)} differences between the books and their rows: {found.differences[0]}",
        "Run `manage.py doctor`, and close nothing before it is sound.",
    )


def _unsettled(workspace: Workspace, month: str) -> Check:
    calls = unsettled.before(workspace, months.span(workspace, month).end)
    label = "Unsettled calls are accrued"
    if not calls:
        return Check("unsettled", label, True, "Every call of the month has its charge.")
    amount = f"{money.exact(total(calls))} {workspace.currency}"
    words = f"{len(calls)} calls have no charge yet: {amount} will be accrued, and given back on the first."
    return Check("unsettled", label, True, words)


def _providers(workspace: Workspace, month: str, steps: list[MonthStep]) -> Check:
    label = "Every provider is settled"
    wanted, said = providers(workspace, months.span(workspace, month)), settled(steps)
    missing = [name for name in wanted if name not in said]
    if missing:
        words = f"Not settled: {', '.join(missing)}."
        remedy = (
            "Reconcile each to its invoice, usage export or balance, or say when the invoice is expected."
        )
        return Check("providers", label, False, words, remedy)
    if loose := [name for name in wanted if _came_apart(workspace, month, said[name])]:
        words = f"Reconciled to its invoice once, and not any more: {', '.join(loose)}."
        return Check("providers", label, False, words, "Settle the open differences, and say so again.")
    words = f"{len(wanted)} settled." if wanted else "No provider has cash in this month."
    return Check("providers", label, True, words)


def _came_apart(workspace: Workspace, month: str, step: MonthStep) -> bool:
    """Whether differences are open again, or a bill came, since it was reconciled to its invoice."""
    if step.settlement != Settlement.INVOICE:
        return False
    return not statement.statement(workspace, step.provider, month).reconciled


def _exceptions(workspace: Workspace, month: str, steps: list[MonthStep]) -> Check:
    label = "The exceptions are read"
    number = exceptions.number(workspace=workspace, month=month)
    if not number:
        return Check("exceptions", label, True, "There are none.")
    read = [step for step in steps if step.kind == StepKind.EXCEPTIONS_READ]
    if read and read[-1].digest == exceptions.digest(workspace=workspace, month=month):
        return Check("exceptions", label, True, f"{number} read by {read[-1].by}.")
    if read:
        return Check("exceptions", label, False, "Others have come since they were read.", "Read them again.")
    return Check("exceptions", label, False, f"{number} are unread.", "Read them and say so.")


def _sample(workspace: Workspace, month: str) -> Check:
    looked = sampling.sample(workspace, month)
    open_ = sum(each.verdict is None for each in looked)
    label = "The sample is looked at again"
    if not looked:
        return Check("sample", label, True, "Nothing was accepted in this month.")
    if open_:
        words = f"{open_} of {len(looked)} takes have not been looked at."
        return Check("sample", label, False, words, "Look at each, and say whether you would accept it.")
    wrong = sum(not each.verdict.agrees for each in looked if each.verdict)
    return Check("sample", label, True, f"{len(looked)} looked at, {wrong} would not be accepted again.")
