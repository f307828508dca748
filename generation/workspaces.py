"""What a new workspace is furnished with, so that the first take can be made at once."""

from __future__ import annotations

import datetime

from django.db import transaction
from django.utils import timezone

from billing import prices
from generation import pipelines
from generation.models import ControlProfile, Pipeline, PromptTemplate
from projects import people
from projects.models import Membership, Workspace
from routing import catalogue, default_table, tables

PROFILES = (
    ("steady", "Steady: calm motion, close to the prompt", {"guidance": "6.0", "motion": "0.250"}),
    ("lively", "Lively: strong motion, free with the prompt", {"guidance": "3.0", "motion": "0.800"}),
)
TEMPLATES: tuple[tuple[str, str, str, list[dict[str, str]]], ...] = (
    ("plain", "The brief as it is", "{brief}", []),
    (
        "scene",
        "A scene with light and mood",
        "{brief} Light: {light}. Mood: {mood}.",
        [
            {"name": "light", "label": "Light", "default": "soft morning light"},
            {"name": "mood", "label": "Mood", "default": "calm"},
        ],
    ),
)


def create_workspace(
    *,
    slug: str,
    currency: str,
    time_zone: str,
    owner_email: str,
    name: str = "",
    is_demo: bool = False,
) -> tuple[Workspace, Membership]:
    """A workspace that can make takes on the built-in models; raises Invalid as `people` does."""
    with transaction.atomic():
        workspace, owner = people.create_workspace(
            slug=slug,
            currency=currency,
            time_zone=time_zone,
            owner_email=owner_email,
            name=name,
            is_demo=is_demo,
        )
        furnish(workspace=workspace, owner=owner)
    return workspace, owner


def furnish(
    *, workspace: Workspace, owner: Membership | None = None, now: datetime.datetime | None = None
) -> None:
    """Pipelines, profiles, templates, the catalogue's prices and the starting table, in a bare workspace."""
    now = now or timezone.now()
    for slug, name, document in pipelines.DEFAULTS:
        pipelines.store(workspace=workspace, slug=slug, name=name, document=document, author=owner, now=now)
    person = owner.person if owner else None
    common = {"workspace": workspace, "version": 1, "author": person, "published_at": now}
    ControlProfile.objects.bulk_create(
        ControlProfile(slug=slug, name=name, **knobs, **common) for slug, name, knobs in PROFILES
    )
    PromptTemplate.objects.bulk_create(
        PromptTemplate(slug=slug, name=name, body=body, variables=variables, **common)
        for slug, name, body, variables in TEMPLATES
    )
    prices.seed_from_catalogue(workspace=workspace, rows=catalogue.seed_prices(workspace), at=now)
    tables.install(
        workspace=workspace,
        content=default_table.build(),
        pipelines=published(workspace),
        reason="Every workspace starts with this table.",
        author=owner,
        approver=owner,
        now=now,
    )


def published(workspace: Workspace) -> frozenset[str]:
    """The pipelines that a routing table may name, as `slug@version`."""
    rows = Pipeline.objects.filter(workspace=workspace)
    return frozenset(f"{slug}@{version}" for slug, version in rows.values_list("slug", "version"))
