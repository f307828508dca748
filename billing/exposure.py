"""On whom a month's spend hangs: shares by provider and by price row, and how concentrated it is."""

from __future__ import annotations

import collections
import uuid
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from billing import months, spend_days
from billing.models import PriceRow
from billing.spend_days import Spent
from projects.models import Workspace

MONTHS = 12
NOBODY = ""


class Share(NamedTuple):
    """`share` is of what was spent in the month; None of what gave back more than it took, and of all in a
    month of which that is true."""

    key: str
    amount: Decimal
    share: Fraction | None


class Exposure(NamedTuple):
    """A month. `rows` are price rows; what was booked at none stands under its model, or its provider."""

    month: str
    spend: Decimal
    providers: list[Share]
    rows: list[Share]

    @property
    def by_provider(self) -> Fraction | None:
        return concentration(self.providers)

    @property
    def by_row(self) -> Fraction | None:
        return concentration(self.rows)

    @property
    def spent(self) -> Decimal:
        """What the shares are of: spend, without providers that gave back more than they took."""
        return _positive(share.amount for share in self.providers)

    @property
    def largest(self) -> Share | None:
        return self.providers[0] if self.providers and self.providers[0].share is not None else None

    def share_of(self, provider: str) -> Share | None:
        return next((share for share in self.providers if share.key == provider), None)


def concentration(shares: Sequence[Share]) -> Fraction | None:
    """Σ share², from 0 to 1: 1 where all hangs on one, 1/n where n have the same.

    Herfindahl, Concentration in the Steel Industry (1950); Hirschman, The American Economic Review 54
    (1964), 761.
    """
    found = [each.share for each in shares if each.share is not None]
    return sum((share * share for share in found), Fraction(0)) if found else None


def shares(amounts: Mapping[str, Decimal]) -> list[Share]:
    """The largest first, of the sum of those above zero; those that add up to nothing are left out."""
    has_shares, whole = sum(amounts.values()) > 0, _positive(amounts.values())
    found = [
        Share(key, amount, Fraction(amount) / Fraction(whole) if has_shares and amount > 0 else None)
        for key, amount in amounts.items()
        if amount
    ]
    return sorted(found, key=lambda share: (-share.amount, share.key))


def _positive(amounts: Iterable[Decimal]) -> Decimal:
    return sum((amount for amount in amounts if amount > 0), Decimal(0))


def of_months(workspace: Workspace, *, until: str, count: int = MONTHS) -> list[Exposure]:
    """So many months up to `until` (YYYY-MM), the latest first. Raises Invalid (422) for no month."""
    names = [until]
    while len(names) < count:
        names.append(months.before(names[-1]))
    by_month: dict[str, list[Spent]] = collections.defaultdict(list)
    for spent in spend_days.of_months(workspace, names):
        by_month[spent.month].append(spent)
    return [_exposure(name, by_month[name]) for name in names]


def _exposure(month: str, spent: Sequence[Spent]) -> Exposure:
    providers: dict[str, Decimal] = collections.defaultdict(Decimal)
    rows: dict[str, Decimal] = collections.defaultdict(Decimal)
    for each in spent:
        providers[each.provider] += each.amount
        rows[str(each.price_row or each.model or each.provider)] += each.amount
    whole = sum((each.amount for each in spent), Decimal(0))
    return Exposure(month, whole, shares(providers), shares(rows))


class NamedRow(NamedTuple):
    """A share by price row with the row itself, where it is one."""

    share: Share
    row: PriceRow | None

    @property
    def model(self) -> str:
        return self.row.model_key if self.row else self.share.key


def named(workspace: Workspace, found: Sequence[Share]) -> list[NamedRow]:
    """Shares by price row with their rows; one query."""
    ids = [key for share in found if (key := _row_id(share.key)) is not None]
    rows = PriceRow.objects.filter(workspace=workspace).in_bulk(ids)
    return [
        NamedRow(share, rows.get(key) if (key := _row_id(share.key)) is not None else None) for share in found
    ]


def _row_id(key: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(key)
    except ValueError:
        return None
