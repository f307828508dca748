"""An account's later life: another name or address, and its removal, which keeps what its calls refer to."""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from collections.abc import Collection, Mapping

from django.db import IntegrityError, transaction
from django.db.models import Count, ProtectedError, Q
from django.utils import timezone

from generation import account_checks, accounts, keyring
from generation.models import Call, ProviderAccount
from generation.models.runs import CALLS_IN_FLIGHT, RUNS_IN_FLIGHT, CallState
from generation.providers import registry
from projects import access
from projects.access import Right
from projects.models import Membership
from projects.problems import Invalid, Refused

NEEDS_ACCOUNT = Q(state__in=CALLS_IN_FLIGHT) | Q(run__state__in=RUNS_IN_FLIGHT)
"""Calls that are asked about, fetched or settled with the account's key."""

ONLY_MONEY = Q(state=CallState.UNKNOWN, ended_at__isnull=False)
"""Calls of which nothing but the charge is not known: a person says it, and no key is needed."""

FORGOTTEN: Mapping[str, object] = {**dict.fromkeys(keyring.ENCRYPTED[2:]), "old_until": None}
"""Columns of an account that has no former key or secret."""


@dataclasses.dataclass(frozen=True)
class Use:
    """How many calls were made under an account, and how many of them still need it."""

    calls: int = 0
    in_flight: int = 0


class StillUnderWay(Refused):
    """Calls are in flight there that the person was not told of."""

    title = "Calls are under way there"


def uses(rows: Collection[uuid.UUID]) -> dict[uuid.UUID, Use]:
    """By account; those without any call are left out. One query."""
    counted = Call.objects.filter(account__in=rows).values("account").order_by("account")
    needed = Count("pk", filter=NEEDS_ACCOUNT & ~ONLY_MONEY)
    return {
        row["account"]: Use(row["calls"], row["in_flight"])
        for row in counted.annotate(calls=Count("pk"), in_flight=needed)
    }


def change_place(
    *,
    account: ProviderAccount,
    name: str,
    base_url: str = "",
    region: str = "",
    key: str = "",
    by: Membership,
    now: datetime.datetime | None = None,
) -> None:
    """Gives the account another name, region or address; what is not another is left as it is.

    A key is sent to no address but the one that it was entered for: another one needs it again. Raises
    Invalid, and StillUnderWay where calls are in flight that are asked for at the place before; then nothing
    was changed.
    """
    access.require(by, Right.ADMINISTER)
    now, name, base_url, key = now or timezone.now(), name.strip(), base_url.strip(), key.strip()
    try:
        with transaction.atomic():
            row = _locked(account, by)
            account_checks.check_place(row.provider, name=name, base_url=base_url, region=region)
            changes: dict[str, object] = {"name": name, "base_url": base_url, "region": region}
            place = base_url or registry.base_url(row.provider, region=region)
            moves = place != (row.base_url or registry.base_url(row.provider, region=row.region))
            if moves:
                _check_move(row, base_url, key)
                changes |= accounts.UNTESTED
            if moves and key:
                account_checks.check_key(row.provider, key)
                changes |= {**accounts.new_key(row.provider, key, now=now), **FORGOTTEN}
            ProviderAccount.objects.filter(pk=row.pk).update(**changes)
            if moves or name != row.name:
                kind, before, row.name = "account.moved" if moves else "account.renamed", row.name, name
                accounts.record(row, by, kind, now, before=before)
    except IntegrityError:
        raise Invalid({"name": [f"There is a {account.provider} account of this name already."]}) from None
    account.refresh_from_db()


def remove(
    *, account: ProviderAccount, seen: int, by: Membership, now: datetime.datetime | None = None
) -> bool:
    """Deletes an account that nothing refers to; else retires it, kept for the history. True where deleted.

    A retired account takes nothing new. Its calls in flight are finished with its key, which is forgotten
    when the last has ended. Raises StillUnderWay where more of them are in flight than the person has `seen`;
    then nothing was changed.
    """
    access.require(by, Right.ADMINISTER)
    now = now or timezone.now()
    with transaction.atomic():
        row = _locked(account, by)
        use = uses([row.pk]).get(row.pk, Use())
        if use.in_flight > seen:
            raise StillUnderWay(
                f"{_calls(use.in_flight)} in flight at {row.name}.",
                remedy="They would be finished with its key, and nothing new be sent. Remove it once more if "
                "that is right.",
                extra={"in_flight": use.in_flight},
            )
        accounts.record(row, by, "account.removed", now, calls=use.calls)
        if not use.calls and _deleted(row):
            return True
        ProviderAccount.objects.filter(pk=row.pk).update(enabled=False, retired_at=now)
    forget_retired(now=now)
    return False


def forget_retired(*, now: datetime.datetime) -> int:
    """Wipes the keys of retired accounts that no call needs any more; answers of how many."""
    needed = Call.objects.filter(NEEDS_ACCOUNT & ~ONLY_MONEY, account__retired_at__isnull=False)
    rows = ProviderAccount.objects.filter(retired_at__lte=now).exclude(encrypted_key=b"")
    empty = {**dict.fromkeys(keyring.ENCRYPTED[:2], b""), **FORGOTTEN}
    return rows.exclude(pk__in=needed.values("account")).update(**empty)


def _locked(account: ProviderAccount, by: Membership) -> ProviderAccount:
    rows = ProviderAccount.objects.visible_to(by).filter(retired_at__isnull=True)
    row = rows.select_for_update().filter(pk=account.pk).first()
    if row is None:
        raise Refused("There is no such account here any more.", remedy="Reload the page.", status=404)
    return row


def _check_move(row: ProviderAccount, base_url: str, key: str) -> None:
    in_flight = uses([row.pk]).get(row.pk, Use()).in_flight
    if in_flight:
        raise StillUnderWay(
            f"{_calls(in_flight)} in flight at {row.name}, and would be asked for at the new address.",
            remedy="Switch the account off and wait until they have ended, or add a second account.",
            extra={"in_flight": in_flight},
        )
    profile = registry.get(row.provider).profile
    if base_url != row.base_url and row.key_hint and not key and profile.key:
        raise Invalid(
            {"key": ["Enter the key again: it is sent to no other address than that it was entered for."]}
        )


def _deleted(row: ProviderAccount) -> bool:
    """Whether the row could go; False where a call was made under it at this moment."""
    try:
        with transaction.atomic():
            row.delete()
    except (ProtectedError, IntegrityError):
        return False
    return True


def _calls(count: int) -> str:
    return "1 call is" if count == 1 else f"{count} calls are"
