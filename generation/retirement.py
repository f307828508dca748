"""Following models to their end: dates are read daily, managers told, an answer "retired" is remembered."""

from __future__ import annotations

import datetime
import functools

import httpx
import structlog
from django_q.models import Schedule

from generation import facts, keyring, lanes, published_ends
from generation.models import ProviderAccount
from generation.providers.protocol import Account, ProviderError
from generation.wire import Wire
from projects.models import Workspace
from routing import endings, leaving
from routing.leaving import Leaving
from routing.models import CatalogueModel

log = structlog.get_logger(__name__)

NAME = "endings of models"


def ensure_schedule() -> None:
    """The queue's own schedule: once a day, beside the sweep's."""
    Schedule.objects.update_or_create(
        name=NAME,
        defaults={"func": lanes.TASKS["endings"], "schedule_type": Schedule.DAILY, "repeats": -1},
    )


def follow(*, now: datetime.datetime) -> int:
    """Reads what providers publish and tells managers what leaves; answers of how many models."""
    read_published(now=now)
    told = 0
    for workspace in Workspace.objects.order_by("pk"):
        try:
            told += leaving.warn(workspace, accounts=facts.providers_with_account(workspace), now=now)
        except Exception:
            log.exception("the endings of models could not be told", workspace=workspace.slug)
    if told:
        lanes.ring("notify")
    return told


def read_published(*, now: datetime.datetime) -> int:
    """Asks each provider that publishes last days, once a workspace; answers how many days have changed.

    A provider that cannot be asked today is asked tomorrow: what was read before stays.
    """
    rows = ProviderAccount.objects.filter(provider__in=published_ends.ASKED, enabled=True)
    oldest = {
        (row.workspace_id, row.provider): row
        for row in rows.select_related("workspace").order_by("-created_at", "-pk")
    }
    work = {}
    for place, row in oldest.items():
        try:
            account = keyring.opened(row, provider=row.provider, now=now)
        except ProviderError as error:
            log.warning("last days of models were not read", provider=row.provider, error=str(error))
            continue
        work[place] = functools.partial(_ask, account=account)
    changed = 0
    with Wire() as wires:
        for batch in wires.each(work):
            changed += sum(_kept(oldest[place], told, now) for place, told in batch.items())
    return changed


async def _ask(client: httpx.AsyncClient, *, account: Account) -> published_ends.Dates:
    asking, _ = published_ends.ASKED[account.provider]
    return await asking(client, account)


def _kept(account: ProviderAccount, told: object, now: datetime.datetime) -> int:
    if not isinstance(told, dict):
        log.warning("last days of models were not read", provider=account.provider, error=str(told)[:200])
        return 0
    _, source = published_ends.ASKED[account.provider]
    known = CatalogueModel.objects.filter(provider=account.provider, workspace=None)
    called = {key: _called(endpoint) for key, endpoint in known.values_list("key", "endpoint")}
    return endings.published(
        workspace=account.workspace,
        dates={key: told[name] for key, name in called.items() if name in told},
        asked=called,
        source=f"{source}, read {now:%Y-%m-%d}",
        now=now,
    )


def _called(endpoint: str) -> str:
    """The provider's own name: a suffix after it stands for a setting that has its own price."""
    return endpoint.partition("/")[0]


def answered_retired(*, workspace: Workspace, model_key: str, words: str, now: datetime.datetime) -> None:
    """Remembers that a provider has the model no longer, and tells managers where a route names it."""
    if endings.answered(workspace=workspace, model_key=model_key, words=words, now=now):
        leaving.warn(workspace, accounts=facts.providers_with_account(workspace), now=now)
        lanes.ring("notify")


def listed(workspace: Workspace, *, now: datetime.datetime, used_only: bool = False) -> list[Leaving]:
    """Models that leave, with what could follow at the providers that the workspace has accounts with."""
    accounts = facts.providers_with_account(workspace)
    return leaving.listed(workspace, accounts=accounts, now=now, used_only=used_only)
