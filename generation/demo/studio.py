"""The workspace of the demo before anything was made: people, clients, campaigns, prices, rates, targets."""

from __future__ import annotations

import dataclasses
import datetime
import random
import zoneinfo
from decimal import Decimal

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password

from billing import prices, rates
from billing.models import PriceRow
from generation import workspaces
from generation.demo import calendar, cast, clients, market
from generation.demo.calendar import Year
from generation.demo.sizes import Size
from projects import people
from projects.models import (
    Campaign,
    Category,
    CategoryTarget,
    Format,
    Membership,
    Person,
    Project,
    Role,
    Workspace,
)

NAME = "Northlight Studio"
TARGETS = {
    "brand-film": "6.50",
    "social-cut": "3.60",
    "explainer": "3.00",
    "product-still": "0.75",
    "character-scene": "3.20",
    "concept-sketch": "0.15",
}
HOURLY = {Role.PRODUCER: "52", Role.REVIEWER: "58", Role.MANAGER: "84"}
RISE = Decimal("1.2")
RUNNING = 5  # campaigns that go on


@dataclasses.dataclass(frozen=True)
class Body:
    """A campaign of the history, with the client's subjects and the span in which it began things."""

    campaign: Campaign
    client: clients.Client
    starts: datetime.datetime
    ends: datetime.datetime


@dataclasses.dataclass(frozen=True)
class Studio:
    """Everything that stories refer to."""

    workspace: Workspace
    members: dict[str, Membership]  # by e-mail
    categories: dict[str, Category]
    formats: dict[str, Format]
    year: Year
    market: market.Market
    bodies: tuple[Body, ...]
    catalogue: Body
    winter_light: Campaign

    def member(self, character: cast.Character) -> Membership:
        return self.members[character.email]

    def person(self, character: cast.Character) -> Person:
        return self.members[character.email].person


def furnish(*, slug: str, size: Size, today: datetime.date, dice: random.Random) -> Studio:
    """A workspace with its cast and everything that was entered before the first take."""
    workspace, _ = people.create_workspace(
        slug=slug,
        currency="EUR",
        time_zone="Europe/Berlin",
        owner_email=cast.GUS.email,
        name=NAME,
        is_demo=True,
    )
    year = calendar.year_to(today, workspace)
    members = _people(workspace, year)
    workspaces.furnish(workspace=workspace, owner=members[cast.DARIO.email], now=year.start)
    _money(members[cast.FARAH.email], year, dice)
    _targets(workspace, members[cast.FARAH.email], year)
    winter_light, catalogue, bodies = _clients(workspace, size, year, dice)
    return Studio(
        workspace=workspace,
        members=members,
        categories={row.key: row for row in Category.objects.filter(workspace=workspace)},
        formats={row.key: row for row in Format.objects.filter(workspace=workspace)},
        year=year,
        market=market.Market(workspace),
        bodies=bodies,
        catalogue=catalogue,
        winter_light=winter_light,
    )


def _people(workspace: Workspace, year: Year) -> dict[str, Membership]:
    """The cast with one password, each address confirmed. The owner keeps an admin's rights alone."""
    password = make_password(cast.PASSWORD)
    found = {}
    for one in cast.EVERYBODY:
        person = people.find_or_make_person(one.email, name=one.name)
        person.name, person.password = one.name, password
        person.save(update_fields=["name", "password"])
        EmailAddress.objects.update_or_create(
            user=person, email=one.email, defaults={"verified": True, "primary": True}
        )
        member, _ = Membership.objects.update_or_create(
            workspace=workspace, person=person, defaults={"roles": [one.role]}
        )
        found[one.email] = member
    Membership.objects.filter(workspace=workspace).update(joined_at=year.start)
    return found


def _money(finance: Membership, year: Year, dice: random.Random) -> None:
    """Exchange rates of each month, what an hour costs, and the dearer price list of one provider."""
    rate = Decimal("0.9150")
    for month in year.months:
        day = datetime.date.fromisoformat(f"{month}-01")
        rates.add_rate(
            currency=market.USD, day=day, rate=rate, by=finance, source="reference rate of the day"
        )
        rate += Decimal(dice.randrange(-140, 141)) / 10_000
    first = datetime.date.fromisoformat(f"{year.months[0]}-01")
    for role, hourly in HOURLY.items():
        people.set_role_rate(role=role, hourly_rate=Decimal(hourly), starts_on=first, by=finance)
    own = PriceRow.objects.filter(
        workspace=finance.workspace,
        model_key__in=[key for key in market.models() if key.startswith(f"{market.FAL}/")],
    )
    for row in own.order_by("model_key"):
        _raise(row, finance, year.price_rise)


def _raise(row: PriceRow, finance: Membership, at: datetime.datetime) -> None:
    """The same price, a fifth dearer, from an instant on."""
    conditions = dict(row.conditions)
    if heights := conditions.get("by_height"):
        conditions["by_height"] = {key: f"{Decimal(str(value)) * RISE:f}" for key, value in heights.items()}
    prices.add_row(
        model_key=row.model_key,
        unit=row.unit,
        amount=row.amount * RISE,
        first_amount=None if row.first_amount is None else row.first_amount * RISE,
        currency=row.currency,
        conditions=conditions,
        starts_at=at,
        by=finance,
        source="the provider's new price list",
    )


def _targets(workspace: Workspace, finance: Membership, year: Year) -> None:
    first = datetime.date.fromisoformat(f"{year.months[0]}-01")
    CategoryTarget.objects.bulk_create(
        CategoryTarget(
            workspace=workspace,
            category=category,
            amount=Decimal(TARGETS[category.key]),
            starts_on=first,
            set_by=finance.person,
        )
        for category in Category.objects.filter(workspace=workspace).order_by("key")
    )


def _clients(
    workspace: Workspace, size: Size, year: Year, dice: random.Random
) -> tuple[Campaign, Body, tuple[Body, ...]]:
    key, name = clients.LUMEN
    lumen = Project.objects.create(workspace=workspace, key=key, name=name)
    zone = zoneinfo.ZoneInfo(workspace.time_zone)
    key, name = clients.WINTER_LIGHT
    winter = Campaign.objects.create(
        workspace=workspace,
        project=lumen,
        key=key,
        name=name,
        palette=list(clients.WINTER_PALETTE),
        seed_policy="campaign",
        seed=20_261,
        job_number="LC-2401",
        starts_on=year.end.astimezone(zone).date(),
    )
    projects = [
        Project.objects.create(workspace=workspace, key=client.key, name=client.name)
        for client in clients.CLIENTS
    ]
    made = [
        _body(workspace, projects[index % len(projects)], index, size, year, dice)
        for index in range(size.campaigns)
    ]
    first = clients.CLIENTS[0]
    large = Campaign.objects.create(
        workspace=workspace,
        project=projects[0],
        key="catalogue",
        name="The whole catalogue",
        palette=list(first.palette),
        job_number="HA-1000",
        fee=Decimal(240_000),
    )
    Campaign.objects.filter(workspace=workspace).exclude(pk=winter.pk).update(created_at=year.start)
    Project.objects.filter(workspace=workspace).update(created_at=year.start)
    return winter, Body(large, first, year.start, year.end), tuple(made)


def _body(
    workspace: Workspace, project: Project, index: int, size: Size, year: Year, dice: random.Random
) -> Body:
    """A campaign of some months; together they cover the year, and the last ones run on."""
    client = clients.CLIENTS[index % len(clients.CLIENTS)]
    key, name = clients.CAMPAIGNS[index // len(clients.CLIENTS) % len(clients.CAMPAIGNS)]
    turn = index // (len(clients.CLIENTS) * len(clients.CAMPAIGNS))
    whole = year.end - year.start
    starts = year.start + whole * max(0, index - 2) * 7 / (10 * size.campaigns)
    lasts = whole if index >= size.campaigns - RUNNING else whole * dice.randrange(35, 60) / 100
    ends = min(year.end, starts + lasts)
    campaign = Campaign.objects.create(
        workspace=workspace,
        project=project,
        key=f"{key}-{turn + 1}" if turn else key,
        name=f"{name} {turn + 1}" if turn else name,
        palette=list(client.palette),
        starts_on=starts.date(),
        ends_on=None if ends >= year.end else ends.date(),
        job_number=f"{client.key[:2].upper()}-{1100 + index}",
        fee=Decimal(dice.randrange(12, 90) * 1000),
    )
    return Body(campaign, client, starts, ends)
