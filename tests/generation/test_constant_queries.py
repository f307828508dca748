"""Every page and every list of the API costs the same number of queries when the rows double."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing import budget_raises, budgets
from generation import batches, caps, chat, heroes, reviews, standing_rules, takes, uploads
from projects import people, tokens
from projects.models import Deliverable, Role, Take
from tests import factories, policy
from tests.cast import Cast
from tests.journeys import everything

MOST = 63
"""Queries of the dearest page."""

NO_LISTS = ("", "<path>", "v1/schema/", "v1/history/<job>/")


def more_work(cast: Cast, name: str) -> None:
    """Of each kind that lists show, one or two rows more."""
    client = factories.project(cast.workspace, f"client-{name}")
    campaign = factories.campaign(client, f"campaign-{name}")
    factories.deliverable(campaign, f"first-{name}", category=cast.brand_film, format=cast.format)
    waiting, capped, signed, batched = (
        factories.deliverable(
            cast.campaign, f"{key}-{name}", category=cast.brand_film, format=cast.format, brief="Fog"
        )
        for key in ("waiting", "capped", "signed", "batched")
    )
    drafts = [draft(cast, row, f"{name}{row.key}") for row in (waiting, capped, signed)]
    reviews.review(take=drafts[0], decision="select", by=cast.producer)
    heroes.request(take=Take.objects.get(pk=drafts[0].pk), by=cast.producer)
    caps.request(deliverable=capped, more=1, reason="Fog", by=cast.producer)
    reviews.review(take=drafts[2], decision="accept", as_is=True, note="Good as it is", by=cast.manager)
    batches.make(deliverables=[batched], count=1, by=cast.producer)
    takes.make(deliverable=waiting, by=cast.manager)
    usual: dict[str, Any] = {"scope": "campaign", "target": campaign, "limit": Decimal(9), "by": cast.manager}
    for window, days in (("month", None), ("rolling", 30)):
        budget = budgets.set_budget(**usual, window=window, rolling_days=days)
        budget_raises.ask(budget=budget, more=Decimal(3), reason="Fog", by=cast.producer)
    standing_rules.set_rule(
        project=client, up_to=Decimal(1), allowance=Decimal(2), until=None, by=cast.manager
    )
    chat.add(name=f"chat-{name}", address=f"https://chat.example/{name}", by=cast.admin)


def more_around(cast: Cast, name: str) -> None:
    """More members, invitations, tokens, categories, formats, and takes of one deliverable."""
    factories.membership(cast.workspace, Role.VIEWER)
    people.invite(email=f"{name}@example.com", roles=[Role.VIEWER], by=cast.admin)
    tokens.issue(membership=cast.manager, label=name)
    factories.category(cast.workspace, f"category-{name}")
    factories.format_(cast.workspace, f"format-{name}")
    for which in ("one", "two"):
        draft(cast, cast.deliverable, name + which)


def more_references(cast: Cast, name: str) -> None:
    """One more, for models take four at most."""
    shade = everything.picture(sum(map(ord, name)) % 256)
    uploads.add_reference(campaign=cast.campaign, file=shade, by=cast.producer, label=name)


def draft(cast: Cast, deliverable: Deliverable, name: str) -> Take:
    """An uploaded draft with a picture of its own, paid."""
    made = uploads.Made("Blender", Decimal("0.30"), "EUR")
    shade = everything.picture(sum(map(ord, name)) % 256)
    return uploads.upload(deliverable=deliverable, file=shade, made=made, by=cast.producer)


def lists_of_the_api(known: dict[str, Any]) -> list[str]:
    usual = known | {
        "project": "acme",
        "campaign": "acme/autumn",
        "deliverable": known["deliverable_id"],
        "month": "2025-10",
    }
    found = []
    for methods, _, address in policy.lines(policy.API):
        path = address.removeprefix("api/")
        names = [part.strip("<>") for part in path.split("/") if part.startswith("<")]
        if "GET" in methods and path not in NO_LISTS and all(name in usual for name in names):
            for name in names:
                path = path.replace(f"<{name}>", str(usual[name]))
            found.append(f"/api/{path}")
    return found


def counts(cast: Cast, addresses: list[tuple[str, str]], lists: list[str]) -> dict[str, int]:
    """Queries of each address, when it was opened once before."""
    found = {}
    clients: dict[Any, Client] = {}
    for right, address in addresses:
        member = everything.member_with(cast, right)
        if member is None or "nowhere" in address:
            continue
        if member.pk not in clients:
            clients[member.pk] = Client()
            clients[member.pk].force_login(member.person)
        found[address] = count(clients[member.pk], f"/{address}")
    token = Client(headers={"Authorization": f"Token {tokens.issue(membership=cast.manager)}"})
    return found | {path: count(token, path) for path in lists}


def count(client: Client, address: str) -> int:
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address).status_code == 200, address
    return len(captured)


def test_twice_the_rows_cost_the_same_number_of_queries(studio: Cast, settings: Any, tmp_path: Path) -> None:
    settings.DEMO, settings.EMAIL_FILE_PATH = True, str(tmp_path)
    known = everything.furnish(studio, tmp_path)
    Deliverable.objects.filter(pk=studio.deliverable.pk).update(cap=50)
    studio.deliverable.refresh_from_db()
    pages, lists = everything.addresses(known), lists_of_the_api(known)
    assert len(lists) > 15
    for name in ("a", "b"):
        more_work(studio, name)
        more_around(studio, name)
    more_references(studio, "b")
    before = counts(studio, pages, lists)
    for name in ("c", "d", "e"):
        more_work(studio, name)
        more_around(studio, name)
    more_references(studio, "d")
    after = counts(studio, pages, lists)
    assert {path: (before[path], after[path]) for path in before if before[path] != after[path]} == {}
    assert {path: number for path, number in after.items() if number > MOST} == {}
