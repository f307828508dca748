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
    """Asks for the balance of each account that is switched on and keeps their sum beside ours.

    Needs the right to keep the books. Raises NoBalance (409, 502) where there is no such account, or one of
    them does not tell; then nothing is kept.
    """
    access.require(by, Right.KEEP_BOOKS)
    rows = ProviderAccount.objects.visible_to(by).filter(provider=provider, enabled=True).order_by("pk")
    accounts = list(rows) if provider in tellers() else []
    if not accounts:
        raise NoBalance(
            f"There is no account at {provider} that is switched on and can be asked.",
            status=409,
            remedy="Enter the balance by hand, or let an admin add an account under Settings, Providers.",
        )
    try:
        opened = [keyring.opened(account, provider=provider) for account in accounts]
        left = asyncio.run(_asked(provider, opened))
    except TimeoutError:
        raise NoBalance(f"{provider} did not answer in time.", remedy="Try again later.") from None
    except ProviderError as error:
        raise NoBalance(error.detail, remedy="Try again later, or enter the balance by hand.") from None
    except keyring.KeyLost as lost:
        raise NoBalance(lost.detail, status=409, remedy="An admin enters the key anew.") from None
    names = ", ".join(account.name for account in accounts)
    return credit_books.told(
        unit=f"credit:{provider}",
        credits_left=money.booked(left),
        source=f"{provider}'s answer for {names}"[:200],
        by=by,
        read_at=now or timezone.now(),
    )


async def _asked(provider: str, accounts: list[Account]) -> Decimal:
    """What all accounts have left together; raises ProviderError."""
    teller, left = registry.get(provider), Decimal(0)
    async with clients.opened() as client, asyncio.timeout(SECONDS):
        for account in accounts:
            balance = await teller.balance(client, account=account)
            if balance is None:
                raise ProviderError(ErrorClass.UNKNOWN, f"{provider} names no number of credits.")
            left += balance
    return left
