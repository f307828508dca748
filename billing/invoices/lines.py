"""A line of a bill as it is read, matched and stored: plain, because a bill may have 200,000 of them."""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from django.db import connection

from billing.invoices import plans, writing
from billing.models import InvoiceLine
from billing.models.invoices import LineKind
from projects.identifiers import new_id
from projects.models import Workspace

#: Of a line in the table; workspace, provider and invoice stand beside them.
COLUMNS = (
    *("number", "kind", "job_id", "model", "service_at", "day_only", "quantity", "unit"),
    *("native_amount", "currency", "rate", "amount", "description", "key", "digest", "id"),
)
UNMATCHED = f"""
    SELECT {", ".join(f"l.{name}" for name in COLUMNS)}
    FROM billing_invoiceline l JOIN billing_invoice i ON i.id = l.invoice_id
    WHERE l.workspace_id = %(workspace)s AND l.provider = %(provider)s AND i.month = %(month)s
      AND NOT EXISTS (SELECT FROM billing_linematch m WHERE m.line_id = l.id)
      AND NOT EXISTS (SELECT FROM ({plans.SETTLED}) d WHERE d.line_id = l.id)
"""  # noqa: S608 - of constants alone
KNOWN = """
    SELECT digest FROM billing_invoiceline
    WHERE workspace_id = %(workspace)s AND provider = %(provider)s AND digest = ANY(%(digests)s)
"""


@dataclasses.dataclass(slots=True)
class Line:
    """What `InvoiceLine` holds, but its workspace, provider and invoice."""

    number: int
    kind: str
    job_id: str
    model: str
    service_at: datetime.datetime
    day_only: bool
    quantity: Decimal | None
    unit: str
    native_amount: Decimal
    currency: str
    rate: Decimal
    amount: Decimal
    description: str
    key: str
    digest: str
    id: uuid.UUID = dataclasses.field(default_factory=new_id)

    def get_kind_display(self) -> str:
        return str(LineKind(self.kind).label)


def unmatched(workspace: Workspace, provider: str, month: str) -> list[Line]:
    """The lines of a month's bills that were neither matched nor settled."""
    values: dict[str, Any] = {"workspace": workspace.pk, "provider": provider, "month": month}
    with plans.sets() as cursor:
        cursor.execute(UNMATCHED, values)
        return [Line(*row) for row in cursor.fetchall()]


def known(workspace: Workspace, provider: str, lines: Iterable[Line]) -> Collection[str]:
    """The digests among these that an earlier bill has."""
    values: dict[str, Any] = {"workspace": workspace.pk, "provider": provider}
    values["digests"] = [line.digest for line in lines]
    with connection.cursor() as cursor:
        cursor.execute(KNOWN, values)
        return {digest for (digest,) in cursor.fetchall()}


def insert(lines: Iterable[Line], *, invoice: uuid.UUID, workspace: Workspace, provider: str) -> None:
    """Writes lines of an invoice, which may itself follow in the same transaction."""
    beside: Mapping[str, Any] = {"workspace_id": workspace.pk, "invoice_id": invoice, "provider": provider}
    writing.copy(InvoiceLine, COLUMNS, _cells(lines), beside)


def _cells(lines: Iterable[Line]) -> Iterator[list[Any]]:
    for line in lines:
        yield [getattr(line, name) for name in COLUMNS]
