"""Under which number bookkeeping knows each account of ours; the mapping is kept in versions."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from billing.models import JournalSetup, Pot
from projects import access, events
from projects.access import Right
from projects.models import Membership, Workspace
from projects.problems import Invalid

ACCRUALS, ROUNDING, PROVIDERS = "accruals", "rounding", "providers"
#: Our accounts, what they are, and the number that they have until somebody says otherwise.
ACCOUNTS: dict[str, tuple[str, str]] = {
    Pot.WIP: ("Work in progress", "1090"),
    Pot.ACCEPTED: ("Cost of accepted", "5900"),
    Pot.WRITTEN_OFF: ("Written off", "5960"),
    Pot.PERIOD: ("Period costs", "5990"),
    PROVIDERS: ("Owed to providers", "1600"),
    ACCRUALS: ("Accrued, not yet charged", "0970"),
    ROUNDING: ("Rounding differences", "5980"),
}
NUMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z./-]{0,19}")
#: What a column of the CSV may hold.
FIELDS = (
    *("date", "month", "account", "name", "counter_account", "counter_name", "cost_centre", "debit"),
    *("credit", "amount", "currency", "text", "reference"),
)
COLUMNS = tuple((name, name) for name in FIELDS if name not in ("month", "counter_name"))


@dataclasses.dataclass(frozen=True)
class Setup:
    """What finance said last, or the defaults."""

    accounts: Mapping[str, str]
    columns: tuple[tuple[str, str], ...] = COLUMNS
    consultant: int | None = None
    client: int | None = None
    account_length: int = 4
    year_begins_in: int = 1
    tax_rate: str = "Tax Exempt"
    tracking: str = "Cost centre"

    def number(self, account: str) -> str:
        """Of an account of ours; a provider without a number of its own has that of all providers."""
        if account in self.accounts:
            return self.accounts[account]
        known = account if account in ACCOUNTS else PROVIDERS
        return self.accounts.get(known, ACCOUNTS[known][1])


def name(account: str) -> str:
    """What people call an account of ours."""
    if account in ACCOUNTS:
        return ACCOUNTS[account][0]
    return f"Owed to {account.removeprefix('provider:')}"


def of(workspace: Workspace) -> Setup:
    row = JournalSetup.objects.filter(workspace=workspace).order_by("-id").first()
    if row is None:
        return Setup({})
    said = {field.name: getattr(row, field.name) for field in dataclasses.fields(Setup)}
    return Setup(**{**said, "columns": tuple((title, field) for title, field in row.columns)})


def say(
    *, by: Membership, accounts: Mapping[str, str], columns: Iterable[tuple[str, str]], **said: Any
) -> None:
    """Keeps a new version of the mapping; needs the right to keep the books. Raises Invalid (422)."""
    access.require(by, Right.KEEP_BOOKS)
    columns = tuple(columns) or COLUMNS
    errors = {
        key: ["Give letters and digits, at most twenty."]
        for key, number in accounts.items()
        if not NUMBER.fullmatch(number)
    }
    if unknown := [field for _, field in columns if field not in FIELDS]:
        errors["columns"] = [f"“{unknown[0]}” is no column. There are {', '.join(FIELDS)}."]
    if errors:
        raise Invalid(errors)
    with transaction.atomic():
        JournalSetup.objects.create(
            workspace=by.workspace,
            accounts=dict(accounts),
            columns=[list(pair) for pair in columns],
            author=by.person,
            made_at=timezone.now(),
            **said,
        )
        events.record(workspace=by.workspace, kind="journal.mapped", by=by)
