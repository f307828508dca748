"""Takes that were made or finished by hand: a retouch, an edit, stock, a tool without an API.

They count and cost like any other: with a source take as refinement, else as generation.
"""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from decimal import Decimal
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from billing import ledger, money, rates
from billing.entries import Charge
from billing.models.ledger import Stage
from generation import assets, caps, take_rows, takes
from generation.media.store import Readable
from projects import access, board, decisions, events
from projects.access import Right
from projects.models import (
    Asset,
    Campaign,
    Deliverable,
    Membership,
    Phase,
    ReferenceAnchor,
    Round,
    Take,
    TakeAsset,
)
from projects.models.takes import TakeState
from projects.problems import Invalid
from routing import tables

PROVIDER = "manual"
ZERO = Decimal(0)


@dataclasses.dataclass(frozen=True)
class Made:
    """What a person says about an upload: with which tool, and what it cost."""

    made_with: str
    amount: Decimal = ZERO
    currency: str = ""
    note: str = ""


def upload(
    *,
    deliverable: Deliverable,
    file: Readable | Path,
    made: Made,
    by: Membership,
    phase: str = Phase.DRAFT,
    source_take: Take | None = None,
    round_id: uuid.UUID | None = None,
    now: datetime.datetime | None = None,
) -> Take:
    """A take from a file, ready at once and charged at its amount, or nothing at all.

    A second call with the same `round_id` answers the take that is there: a double click makes one.
    Raises Invalid, BadFile, NoRoom, NotOpen or CapReached.
    """
    access.require(by, Right.MAKE)
    now = now or timezone.now()
    rate = _checked(deliverable, made, phase, source_take, now)
    takes.check_open(deliverable)
    asset = assets.keep(workspace=deliverable.workspace, source=file)
    with transaction.atomic():
        decisions.lock(deliverable)
        sent = Take.objects.filter(round=round_id, deliverable=deliverable, poster=asset)
        if round_id and (known := sent.first()):
            return known
        takes.check_unused(Round, round_id)
        takes.check_open(deliverable)
        _check_cap(deliverable, phase)
        take = _take(deliverable, asset, made, phase, source_take, round_id, by, now)
        TakeAsset.objects.create(take=take, asset=asset, role=TakeAsset.Role.OUTPUT)
        if made.amount:
            _charge(take, made, rate, by, now)
        events.record(
            workspace=deliverable.workspace,
            kind="take.uploaded",
            by=by,
            at=now,
            deliverable=deliverable,
            take=take,
            number=take.number,
            made_with=made.made_with,
        )
        board.refresh(deliverable.pk)
    return take


def add_reference(
    *, campaign: Campaign, file: Readable | Path, by: Membership, label: str = ""
) -> ReferenceAnchor:
    """A picture that holds the campaign's identity; takes that follow are made with it."""
    access.require(by, Right.MAKE)
    asset = assets.keep(workspace=campaign.workspace, source=file)
    if asset.kind != Asset.Kind.IMAGE:
        raise Invalid({"file": ["A reference is a picture."]}, remedy="Send a PNG, JPEG or WebP.")
    with transaction.atomic():
        position = campaign.anchors.count()
        anchor = ReferenceAnchor.objects.create(
            workspace=campaign.workspace,
            campaign=campaign,
            asset=asset,
            label=label.strip()[:120],
            position=position,
            added_by=by.person,
        )
        events.record(workspace=campaign.workspace, kind="campaign.reference_added", by=by, campaign=campaign)
    return anchor


def remove_reference(*, anchor: ReferenceAnchor, by: Membership) -> None:
    """Takes a picture out of the identity; takes that were made with it keep it."""
    access.require(by, Right.MAKE)
    with transaction.atomic():
        removed = ReferenceAnchor.objects.filter(pk=anchor.pk, removed_at__isnull=True).update(
            removed_at=timezone.now()
        )
        if removed:
            events.record(
                workspace=by.workspace,
                kind="campaign.reference_removed",
                by=by,
                campaign=anchor.campaign,
            )


def _checked(
    deliverable: Deliverable,
    made: Made,
    phase: str,
    source_take: Take | None,
    now: datetime.datetime,
) -> Decimal:
    """The exchange rate of the amount; raises Invalid or NoRate."""
    errors: dict[str, list[str]] = {}
    if not made.made_with.strip() or len(made.made_with) > 120:
        errors["made_with"] = ["Say with which tool or by whom it was made, in 1 to 120 characters."]
    if not made.amount.is_finite() or not 0 <= made.amount < 10**10:
        errors["amount"] = ["Give an amount from 0 on."]
    if phase not in Phase.values:
        errors["phase"] = ["Choose draft or hero."]
    if source_take is not None and source_take.deliverable_id != deliverable.pk:
        errors["source_take"] = ["That take belongs to another deliverable."]
    if errors:
        raise Invalid(errors)
    currency = made.currency or deliverable.workspace.currency
    return rates.required(deliverable.workspace, currency, now)


def _check_cap(deliverable: Deliverable, phase: str) -> None:
    try:
        table = tables.current(deliverable.workspace)
    except tables.NoTable:
        table = None
    usage, limit = caps.usage(deliverable, phase), caps.cap_of(table, deliverable, phase)
    caps.check_room(limit=limit, used=usage.used, asked=1, in_flight=usage.in_flight)


def _take(
    deliverable: Deliverable,
    asset: Asset,
    made: Made,
    phase: str,
    source_take: Take | None,
    round_id: uuid.UUID | None,
    by: Membership,
    now: datetime.datetime,
) -> Take:
    round_ = takes.open_round(deliverable, by=by, round_id=round_id, now=now)
    return Take.objects.create(
        workspace=deliverable.workspace,
        deliverable=deliverable,
        round=round_,
        number=take_rows.next_number(deliverable),
        phase=phase,
        kind=Take.Kind.UPLOADED,
        state=TakeState.READY,
        source_take=source_take,
        made_with=made.made_with.strip(),
        note=made.note.strip(),
        requested_by=by.person,
        requested_by_email=by.person.email,
        requested_at=now,
        started_at=now,
        ended_at=now,
        counted_at=now,
        provider=PROVIDER,
        poster=asset,
        progress=1,
    )


def _charge(take: Take, made: Made, rate: Decimal, by: Membership, now: datetime.datetime) -> None:
    currency = made.currency or take.workspace.currency
    ledger.charge_without_hold(
        workspace=take.workspace,
        take=take,
        deliverable=take.deliverable,
        charge=Charge(
            amount=money.exchanged(made.amount, rate),
            native_amount=made.amount,
            native_currency=currency,
            rate=rate,
            service_at=now,
            stage=Stage.REFINEMENT if take.source_take_id else Stage.GENERATION,
            provider=PROVIDER,
            person=by.person,
            person_email=by.person.email,
            calculation=f"{made.amount} {currency}, as entered with the upload",
        ),
        now=now,
    )
