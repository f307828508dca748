"""Balances asked of the providers themselves, kept beside ours of that moment; nothing is booked."""

from __future__ import annotations

import asyncio
import datetime
from decimal import Decimal

from django.utils import timezone

from billing import credit_books, money
from billing.models import ProviderBalance
from generation import keyring
from generation.models import ProviderAccount
from generation.providers import clients, registry
from generation.providers.protocol import Account, ErrorClass, Provider, ProviderError
from projects import access
from projects.access import Right
from projects.models import Membership
from projects.problems import Refused

SECONDS = 45.0


class NoBalance(Refused):
    """The provider did not tell what is left."""

    status = 502
    title = "The provider did not tell its balance"


def tellers() -> list[str]:
    """The providers that can be asked what is left of their credits."""
    names = registry.with_accounts()
    return sorted(name for name in names if type(registry.get(name)).balance is not Provider.balance)


def ask(*, provider: str, by: Membership, now: datetime.datetime | None = None) -> ProviderBalance:
    """Asks for the balance of the oldest account that is switched on and keeps it beside ours.

    No provider says whose wallet a key draws on, and two keys often draw on one: so one account is asked, and
    named in the source. Needs the right to keep the books. Raises NoBalance (409, 502) where there is no such
    account, or it does not tell; then nothing is kept.
    """
    access.require(by, Right.KEEP_BOOKS)
    rows = ProviderAccount.objects.visible_to(by).filter(provider=provider, enabled=True).order_by("pk")
    account = rows.first() if provider in tellers() else None
    if account is None:
        raise NoBalance(
            f"There is no account at {provider} that is switched on and can be asked.",
            status=409,
            remedy="Enter the balance by hand, or let an admin add an account under Settings, Providers.",
        )
    try:
        left = asyncio.run(_asked(provider, keyring.opened(account, provider=provider)))
    except TimeoutError:
        raise NoBalance(f"{provider} did not answer in time.", remedy="Try again later.") from None
    except ProviderError as error:
        raise NoBalance(error.detail, remedy="Try again later, or enter the balance by hand.") from None
    except keyring.KeyLost as lost:
        raise NoBalance(lost.detail, status=409, remedy="An admin enters the key anew.") from None
    return credit_books.told(
        unit=f"credit:{provider}",
        credits_left=money.booked(left),
        source=f"{provider}'s answer for {account.name}"[:200],
        by=by,
        read_at=now or timezone.now(),
    )


async def _asked(provider: str, account: Account) -> Decimal:
    """What an account has left; raises ProviderError."""
    async with clients.opened() as client, asyncio.timeout(SECONDS):
        left = await registry.get(provider).balance(client, account=account)
    if left is None:
        raise ProviderError(ErrorClass.UNKNOWN, f"{provider} names no number of credits.")
    return left
