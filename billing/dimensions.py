"""By what an audit can be split, as SQL over a deliverable's life, an entry, a take, a log of time.

A dimension of the deliverable holds for it as a whole. Every other one splits cash by entry and takes by
take: a take has the model, tier, provider and versions of its last charged call of stage `generation`, else
of its last charged call, and the person who asked for it.
"""

from __future__ import annotations

from typing import NamedTuple

from django.db import models

from projects.models import Campaign, Category, Membership, Phase, Project, Workspace
from projects.problems import Invalid


class By(models.TextChoices):
    PROJECT = "project", "Client / brand"
    CAMPAIGN = "campaign", "Campaign"
    CATEGORY = "category", "Category"
    TIER = "tier", "Tier"
    PHASE = "phase", "Phase"
    PROVIDER = "provider", "Provider"
    MODEL = "model", "Model"
    ROUTING_VERSION = "routing_version", "Routing version"
    PIPELINE = "pipeline", "Pipeline"
    PROMPT_TEMPLATE = "prompt_template", "Prompt template"
    SEED_POLICY = "seed_policy", "Seed policy"
    PERSON = "person", "Person"


class Dimension(NamedTuple):
    """SQL over `l` (life), `e` (entry), `t` (take) with `x` (its last call), `w` (time); persons as `who`."""

    of_entry: str
    of_take: str
    of_time: str
    of_call: bool = False  # needs the take's last call
    of_person: bool = False


#: What a deliverable is, for `l.own`; `d`, `c`, `g` and `p` are deliverable, category, campaign, project.
OWN = {
    By.PROJECT: "p.key",
    By.CAMPAIGN: "p.key || '/' || g.key",
    By.CATEGORY: "c.key",
}
TIER_NAMES = {"budget": "Economy tier", "character": "Character stability"}


def own(by: str) -> str:
    return OWN.get(By(by), "''")


def dimension(by: str) -> Dimension:
    """The dimension of that name; Invalid (422) where there is none."""
    if by not in By.values:
        raise Invalid({"by": [f"“{by}” is no way to split a month."]}, remedy=f"Use {', '.join(By.values)}.")
    if by in OWN:
        return Dimension("l.own", "l.own", "l.own")
    if by == By.PHASE:
        return Dimension("e.phase", "t.phase", "w.phase")
    if by == By.PERSON:
        return Dimension(
            "COALESCE(NULLIF(e.person_email, ''), who.email, '')",
            "COALESCE(NULLIF(t.requested_by_email, ''), who.email, '')",
            "w.person",
            of_person=True,
        )
    of_time = f"w.{by}" if by in (By.TIER, By.PROVIDER, By.MODEL) else "''"
    return Dimension(f"e.{by}", f"COALESCE(x.{by}, {_without_call(by)})", of_time, of_call=True)


def _without_call(by: str) -> str:
    """What an uploaded take says of itself. The summary of an imported one is of today, not of then."""
    if by in (By.TIER, By.PROVIDER, By.MODEL):
        return f"CASE WHEN t.imported THEN '' ELSE t.{by} END"
    if by == By.ROUTING_VERSION:
        return "CASE WHEN t.imported THEN '' ELSE COALESCE(t.routing_version::text, '') END"
    return "''"


def names(*, workspace: Workspace, by: str, keys: list[str]) -> dict[str, str]:
    """A name for each key, for people; the key itself where it has none."""
    found: dict[str, str] = {}
    if by == By.PROJECT:
        found = dict(Project.objects.filter(workspace=workspace, key__in=keys).values_list("key", "name"))
    elif by == By.CATEGORY:
        found = dict(Category.objects.filter(workspace=workspace, key__in=keys).values_list("key", "name"))
    elif by == By.CAMPAIGN:
        rows = Campaign.objects.filter(workspace=workspace).values_list("project__key", "key", "name")
        found = {f"{project}/{key}": name for project, key, name in rows}
    elif by == By.PHASE:
        found = dict(Phase.choices)
    elif by == By.PERSON:
        members = Membership.objects.filter(workspace=workspace, person__email__in=keys)
        found = {email: name or email for email, name in members.values_list("person__email", "person__name")}
    elif by == By.TIER:
        found = {key: TIER_NAMES.get(key, key.capitalize()) for key in keys}
    return {key: found.get(key, key) for key in keys}
