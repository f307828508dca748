"""Keys and secrets of provider accounts: encrypted at rest, opened only for a call, changed with an overlap.

`settings.ENCRYPTION_KEYS` are Fernet keys: the first encrypts, all of them decrypt, so a new key is put in
front and `rotate` encrypts anew what the older ones had encrypted.
"""

from __future__ import annotations

import datetime

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils import timezone

from billing.models import ChatHook
from generation.models import ProviderAccount
from generation.providers import registry
from generation.providers.protocol import Account, ErrorClass, ProviderError

ENCRYPTED = (
    *("encrypted_key", "encrypted_webhook_secret"),
    *("old_encrypted_key", "old_encrypted_webhook_secret"),
)


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


def opened(
    row: ProviderAccount | None,
    *,
    provider: str,
    begun_at: datetime.datetime | None = None,
    now: datetime.datetime | None = None,
) -> Account:
    """The account as an adapter takes it, with the key under which a call that began then was made.

    Webhook secrets are all that hold now. The built-in renderer needs no account; raises KeyLost.
    """
    if row is None:
        return Account(id="", provider=provider, key="", base_url="")
    now = now or timezone.now()
    overlap = row.old_until is not None and now < row.old_until
    key = row.old_encrypted_key if overlap and is_old(row, begun_at) else row.encrypted_key
    kept = [row.encrypted_webhook_secret, row.old_encrypted_webhook_secret if overlap else None]
    return Account(
        id=str(row.pk),
        provider=row.provider,
        key=decrypt(key or row.encrypted_key),
        base_url=row.base_url or registry.base_url(row.provider, region=row.region),
        region=row.region,
        extra=dict(row.extra),
        webhook_secrets=tuple(decrypt(secret) for secret in kept if secret),
    )


def is_old(row: ProviderAccount, begun_at: datetime.datetime | None) -> bool:
    """Whether a call that began then was made under the key before the present one."""
    changed_at = row.key_changed_at
    return begun_at is not None and changed_at is not None and begun_at < changed_at


def rotate() -> int:
    """Encrypts every key, secret and chat address anew with the first key; answers of how many accounts."""
    count = 0
    for row in ProviderAccount.objects.order_by("pk").values("pk", *ENCRYPTED):
        pk = row.pop("pk")
        kept = {name: bytes(token) for name, token in row.items() if token}
        fresh = {name: cipher().rotate(token) for name, token in kept.items()}
        count += ProviderAccount.objects.filter(pk=pk, **kept).update(**fresh)
    for hook in ChatHook.objects.filter(removed_at__isnull=True).order_by("pk"):
        address = bytes(hook.encrypted_address)
        same = ChatHook.objects.filter(pk=hook.pk, encrypted_address=address)
        same.update(encrypted_address=cipher().rotate(address))
    return count


def forget_old(*, now: datetime.datetime) -> int:
    """Wipes keys and secrets whose overlap has ended; answers of how many accounts."""
    ended = ProviderAccount.objects.filter(old_until__lte=now)
    return ended.update(old_encrypted_key=None, old_encrypted_webhook_secret=None, old_until=None)
