"""Making projects, campaigns and deliverables, one at a time."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from projects import access, campaign_order, events
from projects.access import Right
from projects.models import Campaign, Category, Deliverable, Format, Membership, Project
from projects.models.work import KEY_PATTERN, SeedPolicy
from projects.problems import Invalid

MAX_SEED = 2**32 - 1
MAX_CAP = 10_000
MAX_BRIEF = 8000
MAX_COLOURS = 20
CHANGEABLE = ("name", "brief", "format", "prompt_template", "variables", "cap", "due_on")


def create_project(*, key: str, name: str, by: Membership) -> Project:
    """A new client or brand; raises Invalid for a key that is taken or malformed."""
    access.require(by, Right.MAKE)
    check_key(key)
    _not_empty(name, "name")
    try:
        with transaction.atomic():
            project = Project.objects.create(workspace=by.workspace, key=key, name=name)
            events.record(workspace=by.workspace, kind="project.created", by=by, project=project, name=name)
    except IntegrityError:
        raise _taken("key", key, "project") from None
    return project


def create_campaign(
    *,
    project: Project,
    key: str,
    name: str,
    by: Membership,
    seed_policy: str = SeedPolicy.FREE,
    seed: int | None = None,
    palette: list[str] | None = None,
    starts_on: datetime.date | None = None,
    ends_on: datetime.date | None = None,
    job_number: str = "",
    fee: Decimal | None = None,
    now: datetime.datetime | None = None,
) -> Campaign:
    """A new body of work with its identity; raises Invalid, naming each field that does not fit."""
    access.require(by, Right.MAKE)
    check_key(key)
    _not_empty(name, "name")
    check_identity(seed_policy=seed_policy, seed=seed, palette=palette or [])
    if starts_on and ends_on and ends_on < starts_on:
        raise Invalid({"ends_on": ["The end lies before the start."]})
    try:
        with transaction.atomic():
            campaign = Campaign.objects.create(
                workspace=by.workspace,
                project=project,
                key=key,
                name=name,
                seed_policy=seed_policy,
                seed=seed,
                palette=palette or [],
                starts_on=starts_on,
                ends_on=ends_on,
                job_number=job_number,
                fee=fee,
            )
            events.record(
                workspace=by.workspace, kind="campaign.created", by=by, at=now, campaign=campaign, name=name
            )
    except IntegrityError:
        raise _taken("key", key, "campaign in this project") from None
    return campaign


def change_identity(
    *,
    campaign: Campaign,
    by: Membership,
    seed_policy: str,
    seed: int | None,
    palette: list[str],
    drift_tolerance: Decimal,
) -> Campaign:
    """Changes what later takes look like; takes that exist keep what made them."""
    access.require(by, Right.MAKE)
    check_identity(seed_policy=seed_policy, seed=seed, palette=palette)
    if not 0 <= drift_tolerance <= 1:
        raise Invalid({"drift_tolerance": ["Give a share between 0 and 1."]})
    with transaction.atomic():
        row = Campaign.objects.select_for_update(of=("self",)).get(pk=campaign.pk)
        before = {"seed_policy": row.seed_policy, "seed": row.seed, "palette": row.palette}
        row.seed_policy, row.seed, row.palette = seed_policy, seed, palette
        row.drift_tolerance = drift_tolerance
        row.save(update_fields=["seed_policy", "seed", "palette", "drift_tolerance"])
        events.record(workspace=by.workspace, kind="campaign.changed", by=by, campaign=row, before=before)
    return row


def create_deliverable(
    *,
    campaign: Campaign,
    key: str,
    name: str,
    category: Category,
    by: Membership,
    brief: str = "",
    format: Format | None = None,
    prompt_template: str = "",
    variables: Mapping[str, Any] | None = None,
    cap: int | None = None,
    due_on: datetime.date | None = None,
    now: datetime.datetime | None = None,
) -> Deliverable:
    """A new thing to deliver; raises Invalid, naming each field that does not fit."""
    access.require(by, Right.MAKE)
    _check_new(campaign, by, key=key, name=name, brief=brief, cap=cap)
    try:
        with transaction.atomic():
            campaign_order.lock([campaign.pk])
            deliverable = Deliverable.objects.create(
                workspace=by.workspace,
                campaign=campaign,
                key=key,
                name=name,
                category=category,
                brief=brief,
                format=format,
                prompt_template=prompt_template,
                variables=dict(variables or {}),
                cap=cap,
                due_on=due_on,
                created_by=by.person,
                created_at=now or timezone.now(),
            )
            _tell_created(deliverable, by)
    except IntegrityError:
        raise _taken("key", key, "deliverable in this campaign") from None
    return deliverable


def change_deliverable(*, deliverable: Deliverable, by: Membership, **changes: Any) -> Deliverable:
    """Sets some of CHANGEABLE; takes that exist keep what made them. Raises Invalid, naming the fields.

    What waits for approval may ask for something else afterwards: the caller has that looked at.
    """
    access.require(by, Right.MAKE)
    if "cap" in changes:
        access.require(by, Right.SET_BUDGETS)
    _check_changes(deliverable, changes)
    with transaction.atomic():
        row = Deliverable.objects.select_for_update(of=("self",)).get(pk=deliverable.pk)
        changed = [name for name, value in changes.items() if getattr(row, name) != value]
        if not changed:
            return row
        before = {name: _plain(getattr(row, name)) for name in changed}
        for name in changed:
            setattr(row, name, changes[name])
        row.save(update_fields=[*changed, "updated_at"])
        events.record(
            workspace=by.workspace,
            kind="deliverable.changed",
            by=by,
            deliverable=row,
            before=before,
            after={name: _plain(changes[name]) for name in changed},
        )
    return row


def check_key(key: str) -> None:
    """Keys stand in addresses as `project/campaign/deliverable`: no slash, no leading blank, 119 at most."""
    if not re.match(KEY_PATTERN, key):
        raise Invalid(
            {"key": ["A key has 1 to 119 characters, no slash, and begins with none of blank or slash."]}
        )


def check_brief(brief: str) -> None:
    if len(brief) > MAX_BRIEF:
        raise Invalid({"brief": [f"A brief has at most {MAX_BRIEF:,} characters."]})


def check_identity(*, seed_policy: str, seed: int | None, palette: list[str]) -> None:
    errors: dict[str, list[str]] = {}
    if seed_policy not in SeedPolicy.values:
        errors["seed_policy"] = [f"Choose one of {', '.join(SeedPolicy.values)}."]
    if seed_policy == SeedPolicy.CAMPAIGN and seed is None:
        errors["seed"] = ["A seed locked by campaign needs a number."]
    if seed is not None and not 0 <= seed <= MAX_SEED:
        errors["seed"] = [f"Give a whole number between 0 and {MAX_SEED}."]
    if any(not re.match(r"^#[0-9a-fA-F]{6}$", colour) for colour in palette):
        errors["palette"] = ["Write colours as #rrggbb, separated by blanks."]
    if len(palette) > MAX_COLOURS:
        errors["palette"] = [f"A palette has at most {MAX_COLOURS} colours."]
    if errors:
        raise Invalid(errors)


def _not_empty(value: str, field: str) -> None:
    if not value.strip():
        raise Invalid({field: ["This must not be empty."]})


def _taken(field: str, value: str, what: str) -> Invalid:
    return Invalid({field: [f"There is a {what} with the key {value} already."]})


def _tell_created(row: Deliverable, by: Membership) -> None:
    kind = "deliverable.created"
    events.record(workspace=by.workspace, kind=kind, by=by, at=row.created_at, deliverable=row, name=row.name)


def _check_new(
    campaign: Campaign, by: Membership, *, key: str, name: str, brief: str, cap: int | None
) -> None:
    if cap is not None:
        access.require(by, Right.SET_BUDGETS)
    check_key(key)
    _not_empty(name, "name")
    check_brief(brief)
    _check_cap(cap)
    if campaign.ended_at is not None:
        raise Invalid({"campaign": [f"{campaign.name} has ended."]}, remedy="Choose another campaign.")


def _check_cap(cap: int | None) -> None:
    if cap is not None and not 0 <= cap <= MAX_CAP:
        raise Invalid({"cap": [f"Give a number of takes between 0 and {MAX_CAP:,}."]})


def _check_changes(deliverable: Deliverable, changes: Mapping[str, Any]) -> None:
    if unknown := set(changes) - set(CHANGEABLE):
        raise Invalid({name: ["This does not change."] for name in sorted(unknown)})
    if "name" in changes:
        _not_empty(changes["name"], "name")
    check_brief(changes.get("brief", ""))
    format_ = changes.get("format")
    _check_cap(changes.get("cap"))
    if format_ is not None and format_.workspace_id != deliverable.workspace_id:
        raise Invalid({"format": ["There is no such format here."]})


def _plain(value: Any) -> Any:
    """The value as plain JSON."""
    if isinstance(value, Format):
        return value.key
    return value.isoformat() if isinstance(value, datetime.date) else value
