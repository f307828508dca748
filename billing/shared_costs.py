"""What is paid for a whole campaign: booked by hand or taken over from a take, undone by reversal.

A shared cost is cash of a campaign without a deliverable. Each acceptance takes its share of it
(`billing.spreading`), so that nothing here is spread by hand.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import uuid
from decimal import Decimal
from typing import Any, NamedTuple, cast

from django.db import connection, transaction
from django.db.models import Q, QuerySet, Sum
from django.utils import timezone
from django.utils.text import slugify

from billing import entries, money, periods, pots, rates, shared_rules
from billing.entries import Charge, Scope
from billing.models import Assignment, Entry
from billing.models.ledger import EntryKind, Stage
from projects import access, decisions, events
from projects.access import Right
from projects.identifiers import new_id
from projects.models import Campaign, Decision, Membership, Take
from projects.problems import Invalid, Refused

BY_HAND = "entered by hand"
#: What the cash of a take says of how it was made, and of whom.
MADE_BY = (
    *("provider", "model", "tier", "stage", "credit", "price_row", "failed_charged"),
    *("routing_version", "pipeline", "prompt_template", "seed_policy"),
)
PERSON = ("person_id", "person_email")
#: What a form says of a cost; sent again, it says the same.
SAID = (
    *("workspace_id", "campaign_id", "deliverable_id", "kind", "native_amount", "native_currency"),
    *("service_at", "stage", "provider", "external_id", "note"),
)
#: What an adjustment has of its own; all else is its entry's.
OWN = {"id", "kind", "debit", "amount", "native_amount", "computed_amount", "effective_at", "booked_at"} | {
    *("refunds", "corrects", "decision", "hold", "external_id", "calculation", "note", "units"),
}


class NothingLeft(Refused):
    """The take has no cash that could be taken over."""

    title = "Nothing to take over"


class Changed(Refused):
    """The cost is not what the page showed any more."""

    title = "This cost has changed"


class SentBefore(Refused):
    """The id stands for another cost."""

    title = "This form was sent before"


class Cost(NamedTuple):
    """A shared cost: the entry it began with, and what it amounts to with its adjustments and refunds."""

    entry: Entry
    amount: Decimal


def book(
    *,
    campaign: Campaign,
    amount: Decimal,
    currency: str,
    service_on: datetime.date,
    reason: str,
    evidence: str,
    by: Membership,
    provider: str = "",
    stage: str = Stage.CONTROL,
    entry_id: uuid.UUID | None = None,
    now: datetime.datetime | None = None,
) -> Entry:
    """Books a cost of a whole campaign. `evidence` says where the bill is; needs the right to keep the books.

    `provider`, whom it is paid to, is kept as a key: “Adobe Stock” becomes `adobe-stock`. A date in a closed
    month keeps its service date and counts from now on. `entry_id` is the id that the entry gets: the same
    cost under it again books nothing and answers the first entry. Raises Invalid (422), NoRate (422) where a
    foreign amount has no rate on or before its date, and SentBefore (409) for another cost under that id.
    """
    access.require(by, Right.KEEP_BOOKS)
    now = now or timezone.now()
    at = shared_rules.noon(by, service_on)
    errors = shared_rules.wrong(amount, currency, at, reason, evidence, stage, provider, now)
    if errors:
        raise Invalid(errors)
    rate = rates.required(by.workspace, currency, at)
    charge = Charge(
        amount=money.exchanged(amount, rate),
        service_at=at,
        stage=stage,
        provider=slugify(provider)[:40],
        native_amount=amount,
        native_currency=currency,
        rate=rate,
        person=by.person,
        calculation=BY_HAND if rate == 1 else f"{BY_HAND} at {rate.normalize():f}",
        external_id=evidence.strip()[:200],
        note=reason.strip()[:300],
    )
    with transaction.atomic():
        scope = entries.scope_of(workspace=by.workspace, campaign=campaign)
        row = entries.cash(scope=scope, charge=charge, now=now, open_from=periods.open_from(by.workspace_id))
        row.id = entry_id or row.id
        if entry_id and (before := _sent_before(row)):
            return before
        pots.book([row])
        _tell("booked", campaign, by, now, row.amount, reason)
    return row


def take_over(
    *, campaign: Campaign, take: Take, reason: str, by: Membership, now: datetime.datetime | None = None
) -> list[Entry]:
    """Lets a campaign bear what a take cost: a pair of entries for each model and stage, dated now.

    The take stays what it was made for, counted as it was; only its cash moves. Answers the campaign's
    entries. Raises NothingLeft (409) where the take has no cash (any more).
    """
    access.require(by, Right.KEEP_BOOKS)
    if not reason.strip():
        raise Invalid({"reason": ["Say what the take serves the campaign for."]})
    if take.deliverable.campaign_id != campaign.pk:
        raise Invalid({"take": ["This take is one of another campaign."]})
    now = now or timezone.now()
    with transaction.atomic():
        pots.lock([take.deliverable_id])
        groups = _left_of(take)
        if not groups:
            raise NothingLeft(
                f"Take {take.number} of {take.deliverable} has no cash that could be taken over.",
                remedy="A take that costs nothing, or was taken over before, leaves nothing.",
            )
        inner = entries.scope_of_take(take.pk)
        outer = entries.scope_of(workspace=by.workspace, campaign=campaign)
        named = f"taken over from take {take.number} of {take.deliverable.key}"
        pairs = [_pair(group, inner, outer, named, by, now) for group in groups]
        for entry in (entry for pair in pairs for entry in pair):
            entry.note = reason.strip()[:300]
        pots.book([entry for pair in pairs for entry in pair])
        amount = sum((back.amount for _, back in pairs), Decimal(0))
        _tell("taken_over", campaign, by, now, amount, reason)
    return [back for _, back in pairs]


def adjust(
    *,
    entry: Entry,
    amount: Decimal,
    was: Decimal,
    reason: str,
    by: Membership,
    now: datetime.datetime | None = None,
) -> Entry:
    """Books the difference between what a shared cost is (`was`, as it was shown) and `amount`.

    With nothing the cost is undone; what came from a take goes back to it, what was unclaimed to the period
    costs. Raises Changed (409) where it is not `was` any more, Invalid (422) for an amount that changes
    nothing, or other than nothing for what came from elsewhere.
    """
    access.require(by, Right.KEEP_BOOKS)
    errors = {} if reason.strip() else {"reason": ["Say why."]}
    if not amount.is_finite() or not 0 <= amount < shared_rules.MOST or amount != money.booked(amount):
        errors["amount"] = ["Give an amount from zero on, with at most eight decimals."]
    elif amount == was:
        errors["amount"] = ["This changes nothing."]
    elif entry.kind == EntryKind.ADJUSTMENT and amount:
        errors["amount"] = ["What came from a take can go back to it whole; its price is corrected there."]
    if errors:
        raise Invalid(errors)
    now = now or timezone.now()
    with transaction.atomic():
        origin = _origin(entry)
        pots.lock([origin.deliverable_id if origin else None])
        _lock(entry.id)
        present = _amount(entry)
        if present != was:
            raise Changed(
                f"It is {money.exact(present)} now, not {money.exact(was)}.", remedy="Reload the page."
            )
        first = periods.open_from(entry.workspace_id)
        rows = [_adjustment(entry, amount - was, reason, now, first)]
        if origin is not None:
            rows.append(_adjustment(origin, was - amount, reason, now, first))
        pots.book(rows)
        _tell("adjusted", cast(Campaign, entry.campaign), by, now, amount - was, reason)
    return rows[0]


def end_campaign(*, campaign: Campaign, by: Membership, now: datetime.datetime | None = None) -> Decision:
    """Ends a campaign: what of its shared costs is not spread is written off, and so is what comes later.

    Needs the right to keep the books. Raises AgainstGrammar (409) where it has ended already.
    """
    access.require(by, Right.KEEP_BOOKS)
    now = now or timezone.now()
    with transaction.atomic():
        present = Campaign.objects.select_for_update(of=("self",), no_key=True).get(pk=campaign.pk)
        row = decisions.end_campaign(campaign=present, workspace=by.workspace, by=by.person, at=now)
        pots.move_cash([row])
        events.record(workspace=by.workspace, kind="campaign.ended", by=by, at=now, campaign=present)
    campaign.ended_at = now
    return row


def listed(campaign: Campaign) -> list[Cost]:
    """The shared costs of a campaign, newest first; those that amount to nothing now as well."""
    rows = list(_cash(campaign).order_by("-service_at", "-id"))
    own = {row.id for row in rows}
    roots = {row.id: next((key for key in (row.refunds, row.corrects) if key in own), row.id) for row in rows}
    sums: dict[uuid.UUID, Decimal] = collections.defaultdict(Decimal)
    for row in rows:
        sums[roots[row.id]] += row.amount
    return [Cost(row, sums[row.id]) for row in rows if roots[row.id] == row.id]


def found(by: Membership, campaign: Campaign, entry_id: uuid.UUID) -> Cost | None:
    """One of the campaign's shared costs, for a member of its workspace."""
    if campaign.workspace_id != by.workspace_id:
        return None
    return next((cost for cost in listed(campaign) if cost.entry.id == entry_id), None)


def _cash(campaign: Campaign) -> QuerySet[Entry]:
    rows = Entry.objects.filter(workspace=campaign.workspace_id, campaign=campaign, deliverable=None)
    return rows.exclude(kind=EntryKind.TRANSFER).select_related("person")


def _amount(entry: Entry) -> Decimal:
    own = Entry.objects.filter(workspace=entry.workspace_id, campaign=entry.campaign_id, deliverable=None)
    rows = own.filter(Q(id=entry.id) | Q(corrects=entry.id) | Q(refunds=entry.id))
    total: Decimal = rows.aggregate(total=Sum("amount"))["total"]
    return total


def _left_of(take: Take) -> list[dict[str, Any]]:
    rows = Entry.objects.filter(take=take).exclude(kind=EntryKind.TRANSFER)
    groups = rows.order_by().values(*MADE_BY, *PERSON)
    return [dict(group) for group in groups.annotate(total=Sum("amount")) if group["total"]]


def _pair(
    group: dict[str, Any], inner: Scope, outer: Scope, named: str, by: Membership, now: datetime.datetime
) -> tuple[Entry, Entry]:
    """Out of the take, from whoever made it, and into the campaign, which names the entry it came out by."""
    amount = group["total"]
    said = {
        **{name: group[name] for name in MADE_BY},
        "kind": EntryKind.ADJUSTMENT,
        "service_at": now,
        "booked_at": now,
        "effective_at": now,
        "calculation": named,
    }
    made_by = {name: group[name] for name in PERSON}
    taken_by = {"person_id": by.person_id, "person_email": by.person.email}
    out = Entry(id=new_id(), **dataclasses.asdict(inner), amount=-amount, **said, **made_by)
    back = Entry(
        id=new_id(), **dataclasses.asdict(outer), amount=amount, corrects=out.id, **{**said, **taken_by}
    )
    back.failed_charged = False  # that is said of takes
    return out, back


def _origin(entry: Entry) -> Entry | None:
    """What took a cost out of a take, or out of the charges of no take, for the campaign; None for others.

    Of an unclaimed charge that is the other entry of its assignment's pair, never the charge: what was used
    stays as it was.
    """
    if entry.kind != EntryKind.ADJUSTMENT or entry.corrects is None:
        return None
    assigned = Assignment.objects.filter(put_in=entry.id).values_list("taken_out", flat=True).first()
    return Entry.objects.filter(workspace=entry.workspace_id, id=assigned or entry.corrects).first()


def _adjustment(
    entry: Entry, amount: Decimal, reason: str, now: datetime.datetime, first: datetime.datetime | None
) -> Entry:
    fields = {
        field.attname: getattr(entry, field.attname)
        for field in Entry._meta.local_concrete_fields
        if field.attname not in OWN
    }
    return Entry(
        **fields,
        id=new_id(),
        kind=EntryKind.ADJUSTMENT,
        amount=amount,
        booked_at=now,
        effective_at=periods.effective(entry.service_at, now, first),
        corrects=entry.id,
        calculation=f"corrected from {money.exact(entry.amount)} by {money.exact(amount)}",
        note=reason.strip()[:300],
    )


def _sent_before(row: Entry) -> Entry | None:
    """The entry that has this one's id already; raises SentBefore where it says something else."""
    _lock(row.id)
    before = Entry.objects.filter(id=row.id).first()
    if before and any(getattr(before, name) != getattr(row, name) for name in SAID):
        raise SentBefore("It booked another cost.", remedy="Open it anew to book one more.")
    return before


def _lock(entry_id: uuid.UUID) -> None:
    """Two corrections of one cost come one after the other, and so do two bookings under one id."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", [str(entry_id)])


def _tell(
    what: str, campaign: Campaign, by: Membership, now: datetime.datetime, amount: Decimal, reason: str
) -> None:
    events.record(
        workspace=by.workspace,
        kind=f"shared_cost.{what}",
        by=by,
        at=now,
        campaign=campaign,
        amount=money.exact(amount),
        reason=reason.strip()[:300],
    )
