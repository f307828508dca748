"""The shared cast: one workspace with a member of each role and some work, and a stranger from another."""

from __future__ import annotations

import dataclasses

import pytest

from projects.models import (
    Campaign,
    Category,
    Deliverable,
    Format,
    Membership,
    Project,
    Role,
    Workspace,
)
from tests import factories


@dataclasses.dataclass(frozen=True)
class Cast:
    """Everybody, as memberships. `second_manager` is there for what one may not decide alone."""

    workspace: Workspace
    producer: Membership
    reviewer: Membership
    manager: Membership
    second_manager: Membership
    finance: Membership
    admin: Membership
    viewer: Membership
    stranger: Membership
    project: Project
    campaign: Campaign
    brand_film: Category
    concept_sketch: Category
    format: Format
    deliverable: Deliverable

    @property
    def by_role(self) -> dict[str, Membership]:
        return {role: getattr(self, role) for role in Role.values}


def make_cast() -> Cast:
    studio = factories.workspace("studio", name="Studio")
    members = {
        role: factories.membership(studio, role, person=factories.person(f"{role}@example.com"))
        for role in Role.values
    }
    second = factories.person("second.manager@example.com")
    elsewhere = factories.workspace("elsewhere", name="Elsewhere")
    outsider = factories.person("stranger@example.com")
    project = factories.project(studio, "acme", name="Acme")
    campaign = factories.campaign(project, "autumn", name="Autumn")
    film = factories.category(studio, "brand-film", name="Brand film")
    sketch = factories.category(studio, "concept-sketch", name="Concept sketch", delivered_in="draft")
    wide = factories.format_(studio, "16x9", name="16:9")
    return Cast(
        workspace=studio,
        **members,
        second_manager=factories.membership(studio, Role.MANAGER, person=second),
        stranger=factories.membership(elsewhere, *Role.values, person=outsider),
        project=project,
        campaign=campaign,
        brand_film=film,
        concept_sketch=sketch,
        format=wide,
        deliverable=factories.deliverable(campaign, "opening", name="Opening", category=film, format=wide),
    )


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()
