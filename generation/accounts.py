"""Provider accounts: stored with their keys encrypted, changed with an overlap, tested against the provider.

What a provider's accounts need (a key or none, a base address, a region, a webhook secret) its profile says.
"""

from __future__ import annotations

import asyncio
import datetime
import secrets
from collections.abc import Mapping
from typing import Any

import httpx
from django.db import IntegrityError, transaction
from django.utils import timezone

from generation import account_checks, keyring
from generation.models import ProviderAccount
from generation.providers import clients, registry
from generation.providers.profile import SecretFrom
from generation.providers.protocol import Account, ProviderError
from projects import access, events
from projects.access import Right
from projects.models import Membership
from projects.plain import made_plain
from projects.problems import Invalid

TEST_SECONDS = 45.0
"""Somebody waits for a test's answer, and a process of the web server with them."""

OVERLAP = datetime.timedelta(hours=24)
"""How long a replaced key serves what was begun under it, and a replaced secret what it has signed."""

UNTESTED: Mapping[str, Any] = {"tested_at": None, "test_result": "", "test_works": None}
"""Columns of an account whose key or place is new."""


def add(
    *,
    provider: str,
    name: str,
    key: str = "",
    by: Membership,
    base_url: str = "",
    region: str = "",
    extra: Mapping[str, str] | None = None,
    webhook_secret: str = "",
    concurrency: int | None = None,
    rate_per_minute: int | None = None,
    webhooks: bool = False,
    now: datetime.datetime | None = None,
) -> ProviderAccount:
    """Stores an account with its key encrypted; needs the right to administer. Raises Invalid.

    A key of several parts is a JSON object of them. Without a `concurrency` it is the profile's.
    """
    access.require(by, Right.ADMINISTER)
    key = key.strip()
    account_checks.check(
        provider, name=name, key=key, base_url=base_url, region=region, webhook_secret=webhook_secret
    )
    try:
        with transaction.atomic():
            row = ProviderAccount.objects.create(
                workspace=by.workspace,
                provider=provider,
                name=name.strip(),
                encrypted_key=keyring.encrypt(key),
                key_hint=_hint(provider, key),
                encrypted_webhook_secret=_sealed(webhook_secret),
                base_url=base_url.strip(),
                region=region,
                extra={k: v.strip() for k, v in (extra or {}).items() if v.strip()},
                concurrency=concurrency or registry.get(provider).profile.concurrency,
                rate_per_minute=rate_per_minute,
                webhooks=webhooks,
                webhook_token=secrets.token_urlsafe(32),
                created_by=by.person,
            )
            record(row, by, "account.added", now)
    except IntegrityError:
        raise Invalid({"name": [f"There is a {provider} account of this name already."]}) from None
    return row


def change_key(
    *,
    account: ProviderAccount,
    key: str,
    by: Membership,
    overlap: datetime.timedelta = OVERLAP,
    now: datetime.datetime | None = None,
) -> None:
    """Puts a new key in the place of the old one, which cannot be read any more.

    For the time of `overlap` the old one still serves the calls that were made under it; nothing begins
    under it. No overlap forgets it at once, as after a leak.
    """
    access.require(by, Right.ADMINISTER)
    key, now = key.strip(), now or timezone.now()
    account_checks.check(
        account.provider, name=account.name, key=key, base_url=account.base_url, region=account.region
    )
    changes = new_key(account.provider, key, now=now)
    with transaction.atomic():
        _replace(account, by, changes, overlap=overlap, now=now)
        record(account, by, "account.key_changed", now)


def new_key(provider: str, key: str, *, now: datetime.datetime) -> dict[str, Any]:
    """The columns of a key that was not tested yet."""
    return {
        "encrypted_key": keyring.encrypt(key),
        "key_hint": _hint(provider, key),
        "key_changed_at": now,
        **UNTESTED,
    }


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
        record(account, by, "account.enabled" if enabled else "account.disabled", now)


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
        record(account, by, "account.limits_changed", now)


def change_webhook_secret(
    *,
    account: ProviderAccount,
    webhook_secret: str,
    by: Membership,
    overlap: datetime.timedelta = OVERLAP,
    now: datetime.datetime | None = None,
) -> None:
    """Puts a new webhook secret in the place of the old one; for the time of `overlap` both hold."""
    access.require(by, Right.ADMINISTER)
    now = now or timezone.now()
    if registry.get(account.provider).profile.webhook_secret is not SecretFrom.ENTERED:
        raise Invalid({"webhook_secret": ["This provider's webhooks need no secret from you."]})
    if not webhook_secret.strip():
        raise Invalid({"webhook_secret": ["Paste the secret that signs the provider's webhooks."]})
    changes = {"encrypted_webhook_secret": _sealed(webhook_secret)}
    with transaction.atomic():
        _replace(account, by, changes, overlap=overlap, now=now)
        record(account, by, "account.webhook_secret_changed", now)


def _replace(
    account: ProviderAccount,
    by: Membership,
    changes: Mapping[str, Any],
    *,
    overlap: datetime.timedelta,
    now: datetime.datetime,
) -> None:
    """Writes new secrets and keeps those before them until their overlap ends, in a transaction."""
    row = ProviderAccount.objects.visible_to(by).select_for_update().get(pk=account.pk)
    kept: dict[str, Any] = {}
    for name in ("encrypted_key", "encrypted_webhook_secret"):
        if name in changes:
            kept[f"old_{name}"] = bytes(getattr(row, name)) if overlap and getattr(row, name) else None
    if overlap:
        kept["old_until"] = max(now + overlap, row.old_until or now)
    ProviderAccount.objects.filter(pk=row.pk).update(**changes, **kept)


def check_connection(
    *, account: ProviderAccount, by: Membership, now: datetime.datetime | None = None
) -> tuple[bool, str]:
    """Asks the provider whether the key works, by something that costs nothing; keeps the answer."""
    access.require(by, Right.ADMINISTER)
    try:
        works, words = asyncio.run(_test(keyring.opened(account, provider=account.provider)))
    except keyring.KeyLost as lost:
        works, words = False, lost.detail
    words = made_plain(words)
    ProviderAccount.objects.visible_to(by).filter(pk=account.pk).update(
        tested_at=now or timezone.now(), test_result=words[:200], test_works=works
    )
    return works, words


async def _test(account: Account) -> tuple[bool, str]:
    provider = registry.get(account.provider)
    async with clients.opened() as client:
        try:
            async with asyncio.timeout(TEST_SECONDS):
                return True, await provider.test(client, account=account)
        except TimeoutError:
            return False, f"{provider.profile.title} did not end its answer within {TEST_SECONDS:g} s."
        except ProviderError as error:
            return False, _why_not(error, provider.profile.title)


def _why_not(error: ProviderError, provider: str) -> str:
    """In words of the page, where the network is at fault; else what the provider said."""
    cause = error.__cause__
    if not isinstance(cause, httpx.RequestError):
        return f"It does not work: {error.detail}"
    if clients.timed_out(cause):
        return f"{provider} does not answer (timed out). Check the network and the address."
    return f"{provider} cannot be reached. Check the network and the address."


def _hint(provider: str, key: str) -> str:
    """The last four characters of the key, or of the last of its parts."""
    parts = registry.get(provider).profile.key
    if len(parts) < 2:
        return key[-4:]
    return Account(id="", provider=provider, key=key, base_url="").part(parts[-1].name)[-4:]


def _sealed(secret: str) -> bytes:
    return keyring.encrypt(secret.strip()) if secret.strip() else b""


def record(
    row: ProviderAccount, by: Membership, kind: str, now: datetime.datetime | None, **said: Any
) -> None:
    """The event of a change, in its transaction."""
    about: dict[str, Any] = {"provider": row.provider, "name": row.name, **said}
    events.record(workspace=by.workspace, kind=kind, by=by, at=now, **about)
