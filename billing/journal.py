"""The month as a journal for bookkeeping: balanced lines by account and cost centre.

Every entry of the ledger is a debit and a credit of the same amount; so is every line here, which adds up
the month's entries of one debit, one credit and one cost centre. What is accrued is owed to an account of its
own, and given back from it in the month after. Lines are rounded half-even to the currency's minor unit. Each
account's total is its exact total, rounded once: what the rounded lines lack of it stands in a line of its
own against the account of rounding differences. So debits equal credits, and every account equals the
month's figure, to the cent.
"""

from __future__ import annotations

import collections
import datetime
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from billing import money, months
from billing.journal_accounts import ROUNDING
from projects.models import Workspace

#: An accrual and what gives it back are of one kind; the one that names another entry gives back.
LINES = """
    SELECT e.debit,
           CASE WHEN e.kind = 'accrual' THEN 'accruals' ELSE e.credit END,
           COALESCE(g.cost_centre, ''),
           CASE WHEN e.kind <> 'accrual' THEN 'cost'
                WHEN e.corrects IS NULL THEN 'accrual' ELSE 'reversal' END,
           sum(e.amount)
    FROM (
        SELECT debit, credit, kind, CASE WHEN kind = 'accrual' THEN corrects END AS corrects, campaign_id,
               sum(amount) AS amount
        FROM billing_entry
        WHERE workspace_id = %(workspace)s AND effective_at >= %(start)s AND effective_at < %(until)s
        GROUP BY 1, 2, 3, 4, 5
    ) e
    LEFT JOIN projects_campaign g ON g.id = e.campaign_id
    GROUP BY 1, 2, 3, 4
    HAVING sum(e.amount) <> 0
    ORDER BY 4, 1, 2, 3
"""
TEXTS = {
    "cost": "Generative media",
    "accrual": "Accrued, not yet charged",
    "reversal": "Accrual of the month before, given back",
    "rounding": "Rounding difference",
}


class Line(NamedTuple):
    """A posting: `amount` (minor units, never negative) from the credit to the debit account."""

    what: str  # cost, accrual, reversal, rounding
    debit: str
    credit: str
    cost_centre: str
    amount: Decimal
    exact: Decimal  # before it was rounded

    @property
    def text(self) -> str:
        return TEXTS[self.what]


class Journal(NamedTuple):
    """A month's lines, and its accounts: exact totals and as they are posted, debits less credits.

    An account whose total rounds to nothing is posted as nothing.
    """

    month: str
    currency: str
    last_day: datetime.date
    lines: list[Line]
    exact: dict[str, Decimal]
    posted: dict[str, Decimal]

    @property
    def turnover(self) -> Decimal:
        return sum((line.amount for line in self.lines), Decimal(0))


def of(workspace: Workspace, month: str) -> Journal:
    """The journal of a month (YYYY-MM) as the books are now. Raises Invalid (422) for what is no month."""
    span = months.span(workspace, month)
    values: dict[str, Any] = {"workspace": workspace.pk, "start": span.start, "until": span.end}
    with connection.cursor() as cursor:
        cursor.execute(LINES, values)
        rows = cursor.fetchall()
    found = [
        _line(debit, credit, centre, what, exact, workspace.currency)
        for debit, credit, centre, what, exact in rows
    ]
    exact = balances((line.debit, line.credit, line.exact) for line in found)
    posted = balances((line.debit, line.credit, line.amount) for line in found)
    found += _rounding(exact, posted, workspace.currency)
    posted = balances((line.debit, line.credit, line.amount) for line in found)
    last = (span.end - datetime.timedelta(microseconds=1)).astimezone(months.zone_of(workspace)).date()
    lines = [line for line in found if line.amount]
    return Journal(month, workspace.currency, last, lines, exact, posted)


def balances(postings: Iterable[tuple[str, str, Decimal]]) -> dict[str, Decimal]:
    """Debits less credits of each account."""
    found: dict[str, Decimal] = collections.defaultdict(Decimal)
    for debit, credit, amount in postings:
        found[debit] += amount
        found[credit] -= amount
    return {account: found[account] for account in sorted(found)}


def _line(debit: str, credit: str, cost_centre: str, what: str, exact: Decimal, currency: str) -> Line:
    """A negative sum is posted the other way round."""
    if exact < 0:
        debit, credit, exact = credit, debit, -exact
    return Line(what, debit, credit, cost_centre, money.minor(exact, currency), exact)


def _rounding(exact: dict[str, Decimal], posted: dict[str, Decimal], currency: str) -> list[Line]:
    lines = []
    for account, total in exact.items():
        lack = money.minor(total, currency) - posted[account]
        if lack:
            debit, credit = (account, ROUNDING) if lack > 0 else (ROUNDING, account)
            lines.append(Line("rounding", debit, credit, "", abs(lack), Decimal(0)))
    return lines
