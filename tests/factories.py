"""Rows for tests, made plainly. Each function fills what its caller does not care about."""

from __future__ import annotations

import datetime
import itertools
from typing import Any

from django.utils import timezone

from projects.models import (
    Campaign,
    Category,
    Deliverable,
    Format,
    Membership,
    Person,
    Phase,
    Project,
    Role,
    Round,
    Take,
    Workspace,
)

_numbers = itertools.count(1)


def person(email: str = "", **fields: Any) -> Person:
    email = email or f"person{next(_numbers)}@example.com"
    return Person.objects.create_user(email, **{"name": email.partition("@")[0].title(), **fields})


def workspace(slug: str = "", **fields: Any) -> Workspace:
    slug = slug or f"studio-{next(_numbers)}"
    usual = {"name": slug.title(), "currency": "EUR", "time_zone": "Europe/Berlin"}
    return Workspace.objects.create(slug=slug, **{**usual, **fields})


def membership(workspace: Workspace, *roles: str, person: Person | None = None) -> Membership:
    """A member with these roles, a producer where none is named."""
    return Membership.objects.create(
        workspace=workspace,
        person=person or globals()["person"](),
        roles=list(roles) or [Role.PRODUCER],
    )


def project(workspace: Workspace, key: str = "", **fields: Any) -> Project:
    key = key or f"client-{next(_numbers)}"
    return Project.objects.create(workspace=workspace, key=key, **{"name": key.title(), **fields})


def campaign(project: Project, key: str = "", **fields: Any) -> Campaign:
    key = key or f"campaign-{next(_numbers)}"
    return Campaign.objects.create(
        workspace=project.workspace, project=project, key=key, **{"name": key.title(), **fields}
    )


def category(workspace: Workspace, key: str = "", **fields: Any) -> Category:
    """Delivered as hero unless said otherwise."""
    key = key or f"category-{next(_numbers)}"
    usual = {"name": key.title(), "delivered_in": Phase.HERO}
    return Category.objects.create(workspace=workspace, key=key, **{**usual, **fields})


def format_(workspace: Workspace, key: str = "", **fields: Any) -> Format:
    key = key or f"format-{next(_numbers)}"
    usual = {"name": key, "width": 1280, "height": 720}
    return Format.objects.create(workspace=workspace, key=key, **{**usual, **fields})


def deliverable(campaign: Campaign, key: str = "", **fields: Any) -> Deliverable:
    """An open deliverable, in a category of its own unless one is given."""
    key = key or f"deliverable-{next(_numbers)}"
    usual: dict[str, Any] = {"name": key.title(), "created_at": timezone.now()}
    usual["category"] = fields.get("category") or category(campaign.workspace)
    return Deliverable.objects.create(
        workspace=campaign.workspace, campaign=campaign, key=key, **{**usual, **fields}
    )


def round_(deliverable: Deliverable, **fields: Any) -> Round:
    usual = {"number": deliverable.rounds.count() + 1, "requested_at": timezone.now()}
    return Round.objects.create(
        workspace=deliverable.workspace, deliverable=deliverable, **{**usual, **fields}
    )


def take(deliverable: Deliverable, **fields: Any) -> Take:
    """The deliverable's next take: a draft in the state *planned* unless said otherwise."""
    number = fields.pop("number", 0) or deliverable.takes.count() + 1
    usual = {"phase": Phase.DRAFT, "requested_at": timezone.now()}
    made = Take.objects.create(
        workspace=deliverable.workspace,
        deliverable=deliverable,
        number=number,
        **{**usual, **fields},
    )
    if number > deliverable.take_count:
        deliverable.take_count = number
        deliverable.save(update_fields=["take_count"])
    return made


def utc(text: str) -> datetime.datetime:
    """An instant from ISO 8601, in UTC where no offset is given."""
    found = datetime.datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)
