"""A history in the product: the import of its two files, then all that was kept, through the product's verbs.

Takes, runs and holds are there from the beginning, written in bulk; what settles them, and all else, comes in
the order in which it happened.
"""

from __future__ import annotations

import datetime
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal

from django.db import connection, transaction
from PIL import Image

from billing import (
    closing,
    closing_checks,
    credits,
    exceptions,
    ledger,
    money,
    partitions,
    pots,
    rates,
    sampling,
    shared_costs,
)
from billing import months as calendar
from billing.models import Entry, ImportedCharge
from generation import charges, settle, uploads
from generation import history as importing
from projects.models import Membership, Role, Workspace
from tests import factories
from tests.billing.ground import Ground, model_key, place_of
from tests.billing.histories import History
from tests.billing.making import Row
from tests.billing.naive_rows import instant, rows_of

NOTE = "Its export of the month: equal."


@contextmanager
def imported(history: History) -> Iterator[Workspace]:
    """A workspace that holds this history and nothing else, until the block ends."""
    with transaction.atomic():
        zone, currency = history.settings.time_zone, history.settings.currency
        workspace = factories.workspace(time_zone=zone, currency=currency)
        put_in(workspace, history.charges, history.decisions)
        if history.kept is not None:
            Player(workspace, history.kept).play()
        connection.check_constraints()
        yield workspace
        transaction.set_rollback(True)


def put_in(workspace: Workspace, charges: str, decisions: str) -> None:
    importing.import_history(
        workspace=workspace,
        charges=io.BytesIO(charges.encode()),
        decisions=io.BytesIO(decisions.encode()),
        by=None,
    )


@contextmanager
def in_one_piece() -> Iterator[None]:
    """The ledger as one partition, until the block ends: to plan over dozens of months is slow.

    For histories alone, which lie in these two years; nothing may be in the ledger yet.
    """
    years = [(year, month) for year in (2024, 2025) for month in range(1, 13)]
    seen = partitions._seen
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass",
                ["billing_entry"],
            )
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP TABLE {name}")
            cursor.execute(
                "CREATE TABLE billing_entry_2024_2025 PARTITION OF billing_entry"
                " FOR VALUES FROM ('2024-01-01 00:00+00') TO ('2026-01-01 00:00+00')"
            )
        partitions._seen = set(years)
        try:
            yield
        finally:
            partitions._seen = seen
            transaction.set_rollback(True)


def picture() -> io.BytesIO:
    found = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 90, 40)).save(found, "PNG")
    found.seek(0)
    return found


class Player(Ground):
    """What was kept, played in its order."""

    def play(self) -> None:
        self.enter_rates()
        self.brief()
        self.ask()
        for at, happens, row in self.events():
            self.expire(at)
            happens(row, at)
            self.expire(at)
        self.expire(self.kept.last)

    def expire(self, at: datetime.datetime) -> None:
        """As every hour does; only where a rest may be due, for that is asked often."""
        today = at.astimezone(calendar.zone_of(self.workspace)).date()
        if any(day < today for day in self.last_days):
            credits.expire_due(now=at, workspace=self.workspace)
            self.last_days = {day for day in self.last_days if day >= today}

    def events(self) -> list[tuple[datetime.datetime, Callable[[Row, datetime.datetime], None], Row]]:
        kinds = {
            "call": self.settle,
            "uploaded": self.upload,
            "refund": self.refund,
            "charge": self.charge,
            "entered": self.enter,
        }
        found = []
        for row in self.rows:
            kind = "call" if row["asked_at"] else row["kind"]
            found.append((instant(row["booked_at"]), int(row["step"]), kinds[kind], row))
        for text, at, happens in (
            (self.kept.decisions, "at", self.decide),
            (self.kept.packs, "entered_at", self.buy),
            (self.kept.closes, "closed_at", self.close),
        ):
            found += [(instant(row[at]), int(row["step"]), happens, row) for row in rows_of(text)]
        found.sort(key=lambda event: event[:2])
        return [(at, happens, row) for at, _, happens, row in found]

    # What happens

    def settle(self, row: Row, at: datetime.datetime) -> None:
        """The provider's answer: a charge as it reports it, or none."""
        call = self.calls[row["id"]]
        if row["charge"] == "failed":
            assert settle.void(call=call, reason="failed", now=at)
            return
        call.reported_charge, call.reported_currency = Decimal(row["amount"]), row["currency"]
        call.ended_at = instant(row["occurred_at"])
        failed = {call.pk} if row["charge"] == "failed_charged" else set()
        books = charges.open_books([call], now=at)
        made = settle.post_all(calls=[call], books=books, now=at, failed=failed, with_media={call.pk})
        self.entries[row["id"]] = made[call.pk]

    def upload(self, row: Row, at: datetime.datetime) -> None:
        place = place_of(row)
        made = uploads.Made("Brush", Decimal(row["amount"]), row["currency"])
        take = uploads.upload(
            deliverable=self.deliverables[place],
            file=picture(),
            made=made,
            by=self.member(row["person"]),
            phase=row["phase"],
            source_take=self.takes[place, row["source_take"]] if row["source_take"] else None,
            now=at,
        )
        self.takes[place, row["take"]] = take
        if made.amount:
            self.entries[row["id"]] = Entry.objects.get(take=take)

    def member(self, email: str) -> Membership:
        person = self.people[email]
        found = Membership.objects.filter(workspace=self.workspace, person=person).first()
        return found or factories.membership(self.workspace, *Role.values, person=person)

    def charge(self, row: Row, at: datetime.datetime) -> None:
        """A charge that nobody had planned: of a deliverable, a campaign, or of none."""
        place, service_at = place_of(row), instant(row["occurred_at"])
        rate = rates.required(self.workspace, row["currency"], service_at)
        said = ledger.Charge(
            amount=money.exchanged(Decimal(row["amount"]), rate),
            native_amount=Decimal(row["amount"]),
            native_currency=row["currency"],
            rate=rate,
            service_at=service_at,
            stage=row["stage"],
            provider=row["provider"],
            model=model_key(row),
            tier=row["tier"],
            person_email=row["person"],
            failed_charged=row["charge"] == "failed_charged",
        )
        self.entries[row["id"]] = ledger.charge_without_hold(
            workspace=self.workspace,
            charge=said,
            project=self.projects.get(place[0]),
            campaign=self.campaigns.get(place[:2]),
            deliverable=self.deliverables.get(place),
            now=at,
        )

    def enter(self, row: Row, at: datetime.datetime) -> None:
        """A shared cost that is entered by hand, with the day of its bill."""
        service_at = instant(row["occurred_at"])
        self.entries[row["id"]] = shared_costs.book(
            campaign=self.campaigns[place_of(row)[:2]],
            amount=Decimal(row["amount"]),
            currency=row["currency"],
            service_on=service_at.astimezone(calendar.zone_of(self.workspace)).date(),
            reason="Serves all",
            evidence="Bill 7",
            by=self.finance,
            provider=row["provider"],
            stage=row["stage"],
            now=at,
        )

    def refund(self, row: Row, at: datetime.datetime) -> None:
        charge = self.entries.get(row["refunds"])
        if charge is None:
            known = ImportedCharge.objects.get(workspace=self.workspace, external_id=row["refunds"])
            charge = Entry.objects.get(id=known.entry)
        ledger.refund(entry=charge, at=instant(row["occurred_at"]), now=at)
        if row["currency"].startswith("credit:"):
            packs = rows_of(self.kept.packs)
            days = {pack["expires_on"] for pack in packs if instant(pack["entered_at"]) <= at}
            self.last_days |= {datetime.date.fromisoformat(day) for day in days if day}

    def decide(self, row: Row, at: datetime.datetime) -> None:
        place, word = place_of(row), row["decision"]
        if word == "end_campaign":
            shared_costs.end_campaign(campaign=self.campaigns[place[:2]], by=self.finance, now=at)
            return
        pots.decide(
            deliverable=self.deliverables[place],
            take=self.takes[place, row["take"]] if row["take"] else None,
            decision="reopen" if word == "reverse" and not row["take"] else word,
            by=self.finance,
            at=at,
        )

    def buy(self, row: Row, at: datetime.datetime) -> None:
        expires_on = datetime.date.fromisoformat(row["expires_on"]) if row["expires_on"] else None
        self.last_days |= {expires_on} if expires_on else set()
        credits.buy(
            unit=row["unit"],
            credits=Decimal(row["credits"]),
            bonus=Decimal(row["bonus"]),
            price=Decimal(row["price"]),
            currency=row["currency"],
            bought_on=datetime.date.fromisoformat(row["bought_on"]),
            expires_on=expires_on,
            source=f"Order {row['step']}",
            by=self.finance,
            now=at,
        )

    def close(self, row: Row, at: datetime.datetime) -> None:
        """By two people, with everything that a close needs."""
        month = row["month"]
        closing.begin(workspace=self.workspace, month=month, by=self.finance, now=at)
        said = {"workspace": self.workspace, "month": month, "by": self.finance}
        for looked in sampling.sample(self.workspace, month):
            sampling.judge(**said, take_id=looked.take.pk, agrees=True)
        for provider in closing_checks.providers(self.workspace, calendar.span(self.workspace, month)):
            closing.settle_provider(**said, provider=provider, settlement="usage", note=NOTE)
        if exceptions.number(workspace=self.workspace, month=month):
            closing.read_exceptions(**said)
        closing.sign(**said, now=at)
        closing.close(**{**said, "by": self.second}, now=at)
