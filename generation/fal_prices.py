"""fal's own price list as proposals: what it names for the models of the catalogue, beside the price book.

fal's answer names a price of a unit and no conditions. A model whose price in force depends on conditions is
left to a person; so is a unit that the price book does not know. What fal names as it is in force changes
nothing, and a second look on the same day proposes nothing anew.
"""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import httpx
from django.db.models import Q
from django.utils import timezone

from billing import months, prices, rates
from billing.models import PriceRow
from billing.models.prices import Unit
from generation import keyring
from generation.models import ProviderAccount
from generation.providers import answers, clients
from generation.providers.protocol import Account, ErrorClass, ProviderError
from projects import access
from projects.access import Right
from projects.models import Membership
from projects.plain import is_plain
from projects.problems import Invalid, Refused
from routing.models import CatalogueModel

PLATFORMS = {"https://queue.fal.run": "https://api.fal.ai"}
"""Prices are asked on another host than jobs; anywhere else they are taken to lie beside it."""

PATH = "/v1/models/pricing"
AT_ONCE = 25
SECONDS = 45.0
SOURCE = "fal's price list"
UNITS = {
    "image": Unit.IMAGE,
    "megapixel": Unit.MEGAPIXEL,
    "second": Unit.SECOND,
    "compute second": Unit.COMPUTE_SECOND,
    "request": Unit.REQUEST,
}
Offers = Mapping[str, Mapping[str, Any]]


class NoPrices(Refused):
    """fal did not tell its prices."""

    status = 502
    title = "fal did not tell its prices"


class Left(NamedTuple):
    """A model whose price was not proposed, and why."""

    model_key: str
    reason: str


class Told(NamedTuple):
    """What came of fal's price list: proposals, models whose price is as fal says, and those left out."""

    proposed: list[PriceRow]
    same: int
    left: list[Left]


def propose(*, by: Membership, now: datetime.datetime | None = None) -> Told:
    """Asks fal for the prices of the catalogue's models and proposes those that differ from what is in force.

    Needs the right to keep the books, and an enabled account at fal. Raises NoPrices (502) where fal does
    not answer as its reference says; then nothing is proposed.
    """
    access.require(by, Right.KEEP_BOOKS)
    now = now or timezone.now()
    account = (
        ProviderAccount.objects.visible_to(by).filter(provider="fal", enabled=True).order_by("pk").first()
    )
    if account is None:
        raise NoPrices(
            "The workspace has no account at fal that is switched on.",
            status=409,
            remedy="An admin adds one under Settings, Providers.",
        )
    seen = Q(workspace=None) | Q(workspace=by.workspace)
    known = CatalogueModel.objects.filter(seen, key__startswith="fal/")
    keys = sorted(set(known.values_list("key", flat=True)))
    endpoints = [key.partition("/")[2] for key in keys]
    try:
        opened = keyring.opened(account, provider="fal")
        offers = asyncio.run(_ask(opened, endpoints))
    except TimeoutError:
        raise NoPrices("fal did not end its answer in time.", remedy="Try again later.") from None
    except ProviderError as error:
        raise NoPrices(error.detail, remedy="Try again later, or enter the prices by hand.") from None
    except keyring.KeyLost as lost:
        raise NoPrices(lost.detail, status=409, remedy="An admin enters the key anew.") from None
    return _beside_the_book(keys, offers, by, now)


async def _ask(account: Account, endpoints: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """fal's offers by endpoint, a few endpoints a request; raises ProviderError."""
    base = account.base_url.rstrip("/")
    address = f"{PLATFORMS.get(base, base)}{PATH}"
    found: dict[str, Mapping[str, Any]] = {}
    async with clients.opened() as client, asyncio.timeout(SECONDS):
        for start in range(0, len(endpoints), AT_ONCE):
            found |= await _page(client, account, address, endpoints[start : start + AT_ONCE])
    return found


async def _page(
    client: httpx.AsyncClient, account: Account, address: str, endpoints: Sequence[str]
) -> dict[str, Mapping[str, Any]]:
    response = await answers.ask(
        client,
        "GET",
        address,
        who="fal",
        params=[("endpoint_id", endpoint) for endpoint in endpoints],
        headers={"Authorization": f"Key {account.key}"},
    )
    listed = answers.read_object(response).get("prices")
    if response.status_code != 200 or not isinstance(listed, list):
        kind = answers.CLASS_BY_STATUS.get(response.status_code)
        words = f"fal answered {response.status_code} to the question for prices."
        raise ProviderError(kind or ErrorClass.UNKNOWN, words)
    wanted = set(endpoints)
    return {
        each["endpoint_id"]: each
        for each in listed
        if isinstance(each, dict) and each.get("endpoint_id") in wanted
    }


def _beside_the_book(keys: Sequence[str], offers: Offers, by: Membership, now: datetime.datetime) -> Told:
    in_force = prices.in_force(by.workspace, keys, now)
    day = now.astimezone(months.zone_of(by.workspace)).date()
    start = months.first_instant(day, months.zone_of(by.workspace))
    proposed: list[PriceRow] = []
    left: list[Left] = []
    same = 0
    for key in keys:
        offer = offers.get(key.partition("/")[2])
        if offer is None:
            left.append(Left(key, "fal names no price for it."))
            continue
        amount, unit, currency = _read(offer)
        row = in_force.get(key)
        if amount is None or unit is None or not rates.CURRENCY.fullmatch(currency):
            left.append(Left(key, f"fal's words cannot be taken over: {_words(offer)}."))
        elif row and (row.amount, row.unit, row.currency) == (amount, unit, currency):
            same += 1
        elif row and (row.conditions or row.first_amount is not None):
            words = f"its price depends on more than fal tells ({_words(offer)}): look, and enter it by hand."
            left.append(Left(key, words))
        else:
            try:
                made = prices.add_row(
                    model_key=key,
                    unit=unit,
                    amount=amount,
                    currency=currency,
                    starts_at=start,
                    by=by,
                    source=SOURCE,
                )
                proposed.append(made)
            except Invalid as invalid:
                left.append(Left(key, " ".join(word for many in invalid.errors.values() for word in many)))
    return Told(proposed, same, left)


def _read(offer: Mapping[str, Any]) -> tuple[Decimal | None, str | None, str]:
    """Amount, unit and currency as the price book has them; None where it does not."""
    named = str(offer.get("unit", "")).strip().lower().replace("_", " ")
    unit = UNITS.get(named) or UNITS.get(named.removesuffix("s"))
    try:
        amount: Decimal | None = Decimal(str(offer.get("unit_price")))
    except InvalidOperation:
        amount = None
    if amount is not None and not (amount.is_finite() and amount > 0):
        amount = None
    return amount, unit, str(offer.get("currency", "")).upper()


def _words(offer: Mapping[str, Any]) -> str:
    said = f"{offer.get('unit_price')} {offer.get('currency')} a {offer.get('unit')}"[:80]
    return said if is_plain(said) else "unreadable"
