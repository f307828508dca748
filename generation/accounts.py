"""Provider accounts: keys encrypted at rest, opened only for a call, tested against the provider.

`settings.ENCRYPTION_KEYS` are Fernet keys: the first encrypts, all of them decrypt, so a new key is put in
front and `rotate` encrypts anew what the older ones had encrypted.
"""

from __future__ import annotations

import asyncio
import datetime
import secrets
import uuid

import httpx
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from generation.models import ProviderAccount
from generation.providers import clients, registry
from generation.providers.protocol import Account, ErrorClass, ProviderError
from projects import access, events
from projects.access import Right
from projects.models import Membership
from projects.problems import Invalid


class KeyLost(ProviderError):
    """No encryption key of these settings opens the account's key; nothing was sent."""

    def __init__(self) -> None:
        super().__init__(
            ErrorClass.AUTH,
            "The key of this account was encrypted with an ENCRYPTION_KEYS entry that is gone: "
            "enter the key again, or bring the entry back.",
            charged=False,
        )


def cipher() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])


def encrypt(key: str) -> bytes:
    return cipher().encrypt(key.encode())


def decrypt(token: bytes | memoryview) -> str:
    """The key in the clear; raises KeyLost."""
    try:
        return cipher().decrypt(bytes(token)).decode()
    except InvalidToken:
        raise KeyLost from None


def opened(row: ProviderAccount | None, *, provider: str) -> Account:
    """The account as an adapter takes it. The built-in renderer needs none; raises KeyLost."""
    if row is None:
        return Account(id="", provider=provider, key="", base_url="")
    return Account(
        id=str(row.pk),
        provider=row.provider,
        key=decrypt(row.encrypted_key),
        base_url=row.base_url or registry.base_url(row.provider),
    )


def add(
    *,
    provider: str,
    name: str,
    key: str,
    by: Membership,
    base_url: str = "",
    concurrency: int = 20,
    rate_per_minute: int | None = None,
    webhooks: bool = False,
    now: datetime.datetime | None = None,
) -> ProviderAccount:
    """Stores an account with its key encrypted; needs the right to administer. Raises Invalid."""
    access.require(by, Right.ADMINISTER)
    _check(provider, name, key)
    try:
        with transaction.atomic():
            row = ProviderAccount.objects.create(
                workspace=by.workspace,
                provider=provider,
                name=name.strip(),
                encrypted_key=encrypt(key.strip()),
                key_hint=key.strip()[-4:],
                base_url=base_url.strip(),
                concurrency=concurrency,
                rate_per_minute=rate_per_minute,
                webhooks=webhooks,
                webhook_token=secrets.token_urlsafe(32),
                created_by=by.person,
            )
            _record(row, by, "account.added", now)
    except IntegrityError:
        raise Invalid({"name": [f"There is a {provider} account of this name already."]}) from None
    return row


def change_key(
    *, account: ProviderAccount, key: str, by: Membership, now: datetime.datetime | None = None
) -> None:
    """Puts a new key in the place of the old one, which cannot be read any more."""
    access.require(by, Right.ADMINISTER)
    _check(account.provider, account.name, key)
    with transaction.atomic():
        ProviderAccount.objects.visible_to(by).filter(pk=account.pk).update(
            encrypted_key=encrypt(key.strip()),
            key_hint=key.strip()[-4:],
            tested_at=None,
            test_result="",
        )
        _record(account, by, "account.key_changed", now)


def set_enabled(
    *,
    account: ProviderAccount,
    enabled: bool,
    by: Membership,
    now: datetime.datetime | None = None,
) -> None:
    """Switches an account on or off; what is under way is finished in either case."""
    access.require(by, Right.ADMINISTER)
    with transaction.atomic():
        ProviderAccount.objects.visible_to(by).filter(pk=account.pk).update(enabled=enabled)
        _record(account, by, "account.enabled" if enabled else "account.disabled", now)


def set_limits(
    *,
    account: ProviderAccount,
    concurrency: int,
    rate_per_minute: int | None,
    webhooks: bool,
    by: Membership,
    now: datetime.datetime | None = None,
) -> None:
    """How much may be under way at once and be asked a minute, and whether webhooks are asked for."""
    access.require(by, Right.ADMINISTER)
    if concurrency < 1:
        raise Invalid({"concurrency": ["At least one job must be allowed; else switch the account off."]})
    with transaction.atomic():
        ProviderAccount.objects.visible_to(by).filter(pk=account.pk).update(
            concurrency=concurrency, rate_per_minute=rate_per_minute, webhooks=webhooks
        )
        _record(account, by, "account.limits_changed", now)


def rotate() -> int:
    """Encrypts every key anew with the first of ENCRYPTION_KEYS; answers how many."""
    count = 0
    for pk, token in ProviderAccount.objects.order_by("pk").values_list("pk", "encrypted_key"):
        fresh = cipher().rotate(bytes(token))
        count += ProviderAccount.objects.filter(pk=pk, encrypted_key=bytes(token)).update(encrypted_key=fresh)
    return count


def check_connection(
    *, account: ProviderAccount, by: Membership, now: datetime.datetime | None = None
) -> tuple[bool, str]:
    """Asks the provider whether the key works, by looking for a job that does not exist; keeps the answer.

    Nothing is made and nothing costs money: a provider that says "no such job" has accepted the key.
    """
    access.require(by, Right.ADMINISTER)
    works, words = asyncio.run(_probe(opened(account, provider=account.provider)))
    ProviderAccount.objects.visible_to(by).filter(pk=account.pk).update(
        tested_at=now or timezone.now(), test_result=words[:200]
    )
    return works, words


async def _probe(account: Account) -> tuple[bool, str]:
    provider = registry.get(account.provider)
    job = str(uuid.uuid4())
    async with clients.opened() as client:
        try:
            status = await provider.poll(
                client, account=account, job_id=job, handle={"endpoint": "circletake/test"}
            )
        except ProviderError as error:
            return False, _why_not(error, account.provider)
    return True, f"{account.provider} accepted the key ({status.state.value})."


def _why_not(error: ProviderError, provider: str) -> str:
    """In words of the page, where the network is at fault; else what the provider said."""
    cause = error.__cause__
    if not isinstance(cause, httpx.RequestError):
        return f"{error.error_class.value}: {error.detail}"
    if clients.timed_out(cause):
        return f"{provider} does not answer (timed out). Check the network and the base URL."
    return f"{provider} cannot be reached. Check the network and the base URL."


def _check(provider: str, name: str, key: str) -> None:
    errors: dict[str, list[str]] = {}
    if provider not in registry.names() or provider == "builtin":
        errors["provider"] = [f"There is no provider {provider} that needs an account."]
    if not name.strip():
        errors["name"] = ["Give the account a name, such as the team that pays."]
    if not key.strip():
        errors["key"] = ["Paste the key that the provider gave you."]
    if errors:
        raise Invalid(errors)


def _record(row: ProviderAccount, by: Membership, kind: str, now: datetime.datetime | None) -> None:
    events.record(workspace=by.workspace, kind=kind, by=by, at=now, provider=row.provider, name=row.name)
