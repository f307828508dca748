"""The last days of models as providers publish them: asked for daily with a workspace's own account.

OpenAI names a `shutdown_date` in its list of models: the first day without the model. Other providers publish
no such list; what their pages say stands in the catalogue, or is entered by hand.
"""

from __future__ import annotations

import datetime
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from generation.providers import answers
from generation.providers.protocol import Account, ErrorClass, ProviderError

Dates = dict[str, datetime.date]
Asking = Callable[[httpx.AsyncClient, Account], Awaitable[Dates]]


async def openai(client: httpx.AsyncClient, account: Account) -> Dates:
    """By model, its last day; raises ProviderError where the list is not to be had."""
    named = {"OpenAI-Organization": "organization", "OpenAI-Project": "project"}
    extra = {header: account.extra[name] for header, name in named.items() if account.extra.get(name)}
    response = await answers.ask(
        client,
        "GET",
        f"{account.base_url.rstrip('/')}/models",
        who="OpenAI",
        headers={"Authorization": f"Bearer {account.key}", **extra},
    )
    if response.status_code != 200:
        raise ProviderError(ErrorClass.UNAVAILABLE, f"The list of models answered {response.status_code}.")
    rows = answers.read_object(response).get("data")
    return {
        str(row["id"]): first_day_without - datetime.timedelta(days=1)
        for row in (rows if isinstance(rows, list) else [])
        if (first_day_without := _day(row)) is not None and "id" in row
    }


def _day(row: Any) -> datetime.date | None:
    """The shutdown date of an entry; None where there is none, or it is no date."""
    told = row.get("shutdown_date") if isinstance(row, dict) else None
    try:
        return datetime.date.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        return None


#: How each provider that publishes last days is asked for them, and what pages name as their source.
ASKED: dict[str, tuple[Asking, str]] = {
    "openai": (openai, "OpenAI's list of models (shutdown_date)"),
}
