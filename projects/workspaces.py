"""What a workspace is set to: its name, how time is counted, its categories, formats and targets."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from projects import access, events, work
from projects.access import Right
from projects.models import Category, CategoryTarget, Format, Membership, Workspace
from projects.models.work import Phase
from projects.problems import Invalid

SETTINGS = (
    "name",
    "review_cap_minutes",
    "waiting_cap_minutes",
    "waiting_weight",
    "time_by_person",
    "unknown_price",
    "doubtful_charge_limit",
    "builtin_only",
)
LONGEST_MINUTES = 480


def change_settings(*, by: Membership, **settings: Any) -> list[str]:
    """Sets some of SETTINGS; answers the names of those that changed. Raises Invalid, naming the fields.

    Amounts are in the workspace's currency; `unknown_price` None refuses models without a price.
    """
    access.require(by, Right.ADMINISTER)
    _check(settings)
    with transaction.atomic():
        row = Workspace.objects.select_for_update().get(pk=by.workspace_id)
        changed = [name for name, value in settings.items() if getattr(row, name) != value]
        if not changed:
            return []
        before = {name: _plain(getattr(row, name)) for name in changed}
        for name in changed:
            setattr(row, name, settings[name])
        row.save(update_fields=changed)
        after = {name: _plain(settings[name]) for name in changed}
        events.record(workspace=row, kind="workspace.changed", by=by, before=before, after=after)
    return changed


def add_category(*, key: str, name: str, delivered_in: str, by: Membership) -> Category:
    """A kind of deliverable; `delivered_in` is the phase that is signed off. Raises Invalid."""
    access.require(by, Right.ADMINISTER)
    work.check_key(key)
    if delivered_in not in Phase.values:
        raise Invalid({"delivered_in": [f"Choose one of {', '.join(Phase.values)}."]})
    try:
        with transaction.atomic():
            row = Category.objects.create(
                workspace=by.workspace, key=key, name=name, delivered_in=delivered_in
            )
            events.record(workspace=by.workspace, kind="category.added", by=by, key=key, name=name)
    except IntegrityError:
        raise Invalid({"key": [f"There is a category with the key {key} already."]}) from None
    return row


def add_format(*, key: str, name: str, width: int, height: int, by: Membership) -> Format:
    """An aspect template with its size in pixels, 16 to 8192 on each side. Raises Invalid."""
    access.require(by, Right.ADMINISTER)
    if not re.fullmatch(r"[A-Za-z0-9-]{1,40}", key):
        raise Invalid({"key": ["Letters, digits and dashes, 40 at most, such as 16x9."]})
    sides = {"width": width, "height": height}
    if wrong := {name: ["Give 16 to 8192."] for name, side in sides.items() if not 16 <= side <= 8192}:
        raise Invalid(wrong)
    try:
        with transaction.atomic():
            row = Format.objects.create(
                workspace=by.workspace, key=key, name=name, width=width, height=height
            )
            events.record(workspace=by.workspace, kind="format.added", by=by, key=key, name=name)
    except IntegrityError:
        raise Invalid({"key": [f"There is a format with the key {key} already."]}) from None
    return row


def set_target(
    *, category: Category, amount: Decimal, starts_on: datetime.date, by: Membership
) -> CategoryTarget:
    """What a deliverable of the category should cost in cash, from a day on. Raises Invalid."""
    access.require(by, Right.SET_BUDGETS)
    if category.workspace_id != by.workspace_id:
        raise Invalid({"category": ["There is no such category here."]})
    if amount < 0:
        raise Invalid({"amount": ["A target cannot be negative."]})
    try:
        with transaction.atomic():
            row = CategoryTarget.objects.create(
                workspace=by.workspace,
                category=category,
                amount=amount,
                starts_on=starts_on,
                set_by=by.person,
            )
            events.record(
                workspace=by.workspace,
                kind="category.target_set",
                by=by,
                key=category.key,
                name=category.name,
                amount=f"{amount:.8f}",
            )
    except IntegrityError:
        raise Invalid(
            {"starts_on": [f"There is a target for {category} from {starts_on} already."]}
        ) from None
    return row


def _check(settings: dict[str, Any]) -> None:
    if unknown := set(settings) - set(SETTINGS):
        raise Invalid({name: ["There is no such setting."] for name in sorted(unknown)})
    errors: dict[str, list[str]] = {}
    if "name" in settings and not 1 <= len(settings["name"].strip()) <= 120:
        errors["name"] = ["Give a name of at most 120 characters."]
    for name in ("review_cap_minutes", "waiting_cap_minutes"):
        if name in settings and not 0 <= settings[name] <= LONGEST_MINUTES:
            errors[name] = [f"Give 0 to {LONGEST_MINUTES} minutes."]
    if "waiting_weight" in settings and not 0 <= settings["waiting_weight"] <= 1:
        errors["waiting_weight"] = ["Give a share between 0 and 1."]
    for name in ("unknown_price", "doubtful_charge_limit"):
        if settings.get(name) is not None and settings[name] < 0:
            errors[name] = ["This cannot be negative."]
    if errors:
        raise Invalid(errors)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value
