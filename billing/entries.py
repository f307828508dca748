"""Rows of the ledger: what a charge says, the scope that is copied onto it, and how rows are written."""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal

from django.db import connection

from billing import money, partitions, periods
from billing.models import Entry
from billing.models.ledger import EntryKind
from billing.price_rules import Use
from projects.models import Campaign, Deliverable, Person, Project, Take, Workspace

MANY = 500


@dataclasses.dataclass(frozen=True, kw_only=True)
class Charge:
    """What a provider charged for one call. `amount` is in the workspace's currency, from zero on.

    `native_amount` is in `native_currency` and was exchanged at `rate`. `service_at` is the provider's
    end of the job if stated, else when the final state was first seen. `calculation` says in words how
    the amount came about. `units` are those of the price row; where the provider reported its charge,
    `computed_amount` is what the price row makes of it. `use` is what a price with conditions looked at.
    """

    amount: Decimal
    service_at: datetime.datetime
    stage: str
    provider: str
    model: str = ""
    native_amount: Decimal | None = None
    native_currency: str = ""
    rate: Decimal | None = None
    failed_charged: bool = False
    tier: str = ""
    pipeline: str = ""
    routing_version: str = ""
    prompt_template: str = ""
    seed_policy: str = ""
    person: Person | None = None
    person_email: str = ""
    run: uuid.UUID | None = None
    call: uuid.UUID | None = None
    price_row: uuid.UUID | None = None
    units: Decimal | None = None
    computed_amount: Decimal | None = None
    calculation: str = ""
    external_id: str = ""
    note: str = ""
    use: Use | None = None


OF_ENTRY = tuple(field.name for field in dataclasses.fields(Charge) if field.name != "use")


@dataclasses.dataclass(frozen=True)
class Scope:
    """What an entry belongs to; copied when it is booked."""

    workspace_id: uuid.UUID
    project_id: uuid.UUID | None = None
    campaign_id: uuid.UUID | None = None
    deliverable_id: uuid.UUID | None = None
    take_id: uuid.UUID | None = None
    category: str = ""
    phase: str = ""


def scope_of_take(take_id: uuid.UUID) -> Scope:
    return scopes_of_takes({take_id})[take_id]


def scopes_of_takes(take_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Scope]:
    """The scopes of takes, in one query."""
    takes = Take.objects.filter(pk__in=take_ids)
    return {
        take.pk: dataclasses.replace(
            scope_of_deliverable(take.deliverable), take_id=take.pk, phase=take.phase
        )
        for take in takes.select_related("deliverable__campaign", "deliverable__category")
    }


def scope_of_deliverable(deliverable: Deliverable) -> Scope:
    return Scope(
        workspace_id=deliverable.workspace_id,
        project_id=deliverable.campaign.project_id,
        campaign_id=deliverable.campaign_id,
        deliverable_id=deliverable.pk,
        category=deliverable.category.key,
    )


def scope_of(
    *,
    workspace: Workspace,
    project: Project | None = None,
    campaign: Campaign | None = None,
    deliverable: Deliverable | None = None,
    take: Take | None = None,
) -> Scope:
    """The scope of the innermost object given; with none, a period cost of the workspace."""
    if take is not None:
        return scope_of_take(take.pk)
    if deliverable is not None:
        return scope_of_deliverable(deliverable)
    if campaign is not None:
        return Scope(workspace.pk, campaign.project_id, campaign.pk)
    return Scope(workspace.pk, project.pk if project else None)


def cash(
    *, scope: Scope, charge: Charge, now: datetime.datetime, open_from: datetime.datetime | None
) -> Entry:
    """An unsaved charge, without its pot. `open_from` is the first instant that is not closed."""
    if not charge.amount.is_finite() or charge.amount < 0:
        raise ValueError(f"A charge is never negative: {charge.amount}")
    said = {name: getattr(charge, name) for name in OF_ENTRY}
    said["amount"] = money.booked(charge.amount)
    said["person_email"] = charge.person.email if charge.person else charge.person_email
    said["calculation"], said["note"] = charge.calculation[:300], charge.note[:300]
    return Entry(
        **dataclasses.asdict(scope),
        **said,
        kind=EntryKind.CHARGE,
        credit=owed_to(charge.provider),
        booked_at=now,
        effective_at=periods.effective(charge.service_at, now, open_from),
    )


def period(*, workspace_id: uuid.UUID, charge: Charge, amount: Decimal, now: datetime.datetime) -> Entry:
    """An unsaved period cost of `amount`; a negative one is an adjustment. `charge` says what it is for."""
    said = dataclasses.replace(charge, amount=abs(amount))
    first = periods.open_from(workspace_id)
    row = cash(scope=Scope(workspace_id), charge=said, now=now, open_from=first)
    if amount < 0:
        row.kind, row.amount = EntryKind.ADJUSTMENT, money.booked(amount)
    return row


#: What each entry has of its own, whatever it repeats.
OWN = frozenset({"pk", "id", "kind", "amount", "booked_at", "effective_at"})


def like(entry: Entry, *, without: Collection[str], **said: object) -> Entry:
    """An unsaved entry that repeats all of another's columns but `OWN` and `without`; `said` fills them.

    It has an id of its own; its pot is laid out when it is booked.
    """
    left_out = OWN | {"debit"} | set(without) | set(said)
    fields = {
        field.attname: getattr(entry, field.attname)
        for field in Entry._meta.local_concrete_fields
        if field.attname not in left_out
    }
    return Entry(**fields, **said)


def owed_to(provider: str) -> str:
    """The account of what is owed to a provider."""
    return f"provider:{provider or 'unnamed'}"


def insert(rows: Sequence[Entry]) -> None:
    """Writes rows of any number in the caller's transaction; makes the months that they need."""
    partitions.ensure_months({partitions.month_of(row.effective_at) for row in rows})
    if len(rows) < MANY:
        Entry.objects.bulk_create(rows)
    else:
        _copy(rows)


def _copy(rows: Iterable[Entry]) -> None:
    fields = [field for field in Entry._meta.local_concrete_fields if field.column]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    names = [field.attname for field in fields]
    with (
        connection.cursor() as cursor,
        cursor.copy(f'COPY "{Entry._meta.db_table}" ({columns}) FROM STDIN') as copy,
    ):
        for row in rows:
            copy.write_row([getattr(row, name) for name in names])
