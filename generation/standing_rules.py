"""Standing rules: hero requests of a client or brand that a manager approves beforehand, within bounds.

Off until a manager sets one. A rule approves what is asked for while it is in force, costs at most its
amount and fits into what is left of the month's allowance; what it does not cover waits for a manager, as
always. The allowance counts what was approved at most; an approval that is taken back gives it back, a
cheaper settlement does not. Nobody's own requests are approved by their own rule. The database holds the
bounds: a decision beyond them is refused (`projects.models.standing`).
"""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from collections.abc import Sequence
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils import timezone

from billing import months
from billing.money import booked, exact
from projects import access, events
from projects.access import Right
from projects.models import (
    Deliverable,
    Membership,
    Project,
    StandingMonth,
    StandingRule,
    Workspace,
)
from projects.problems import Invalid, Refused

BOUNDS = ("standing_allowance", "standing_rule_covers")
MOST = Decimal(10) ** 12


@dataclasses.dataclass(frozen=True)
class Standing:
    """A rule in force with what its month has used; `left` is None where it has no allowance."""

    rule: StandingRule
    used: Decimal
    left: Decimal | None
    active: bool  # false where its time is over, or where who set it may not approve any more


def set_rule(
    *,
    project: Project,
    up_to: Decimal,
    allowance: Decimal | None,
    until: datetime.datetime | None,
    by: Membership,
    note: str = "",
    now: datetime.datetime | None = None,
) -> StandingRule:
    """Approves, from now on, each hero request of the project that costs at most `up_to`.

    Within `allowance` a month, or until a time, or both. Takes the place of the rule in force; what the
    month has used stays used. Raises Invalid (422) where the values do not fit.
    """
    access.require(by, Right.APPROVE)
    now = now or timezone.now()
    _check(project, up_to, allowance, until, by, now)
    with transaction.atomic():
        list(Project.objects.select_for_update().filter(pk=project.pk))
        StandingRule.objects.filter(project=project, ended_at__isnull=True).update(
            ended_at=now, ended_by=by.person
        )
        rule = StandingRule.objects.create(
            workspace=by.workspace,
            project=project,
            up_to=booked(up_to),
            allowance=None if allowance is None else booked(allowance),
            until=until,
            note=note.strip(),
            set_by=by.person,
            set_at=now,
        )
        _record(rule, by, now, "set")
    return rule


def end_rule(*, rule: StandingRule, by: Membership, now: datetime.datetime | None = None) -> None:
    """Ends a rule; what it approved stands. Raises Refused (409) where it has ended already."""
    access.require(by, Right.APPROVE)
    now = now or timezone.now()
    with transaction.atomic():
        in_force = StandingRule.objects.visible_to(by).filter(pk=rule.pk, ended_at__isnull=True)
        if not in_force.update(ended_at=now, ended_by=by.person):
            raise Refused("This rule has ended already.", remedy="Reload the page.")
        _record(rule, by, now, "ended")


def for_request(deliverable: Deliverable, *, by: Membership, now: datetime.datetime) -> StandingRule | None:
    """The rule that may approve what this member asks for; None where there is none."""
    rules = StandingRule.objects.filter(project=deliverable.campaign.project_id, ended_at__isnull=True)
    rule = rules.select_related("set_by", "workspace").first()
    if rule is None or rule.set_by_id == by.person_id or not _is_active(rule, now):
        return None
    return rule


def has_room(rule: StandingRule, amount: Decimal, *, now: datetime.datetime) -> bool:
    """Whether an approval of this amount fits, as far as can be seen before the database counts it."""
    if amount > rule.up_to:
        return False
    return rule.allowance is None or _used([rule], now)[rule.project_id] + amount <= rule.allowance


def is_bound(error: IntegrityError) -> bool:
    """Whether the database refused an approval for want of room."""
    return any(name in str(error) for name in BOUNDS)


def in_force(workspace: Workspace, *, now: datetime.datetime) -> list[Standing]:
    """The rules of a workspace that were not ended, by project; four queries whatever their number."""
    rows = StandingRule.objects.filter(workspace=workspace, ended_at__isnull=True)
    rules = list(rows.select_related("project", "set_by", "workspace").order_by("project__name", "id"))
    used, approvers = _used(rules, now), _approvers(workspace)
    return [
        Standing(
            rule=rule,
            used=used[rule.project_id],
            left=None if rule.allowance is None else max(Decimal(0), rule.allowance - used[rule.project_id]),
            active=rule.set_by_id in approvers and (rule.until is None or now < rule.until),
        )
        for rule in rules
    ]


def _used(rules: Sequence[StandingRule], now: datetime.datetime) -> dict[uuid.UUID, Decimal]:
    """What the rules of each project have approved in the running month."""
    if not rules:
        return {}
    month = months.month_of(rules[0].workspace, now)
    kept = StandingMonth.objects.filter(project__in={rule.project_id for rule in rules}, month=month)
    found = dict(kept.values_list("project", "used"))
    return {rule.project_id: found.get(rule.project_id, Decimal(0)) for rule in rules}


def _is_active(rule: StandingRule, now: datetime.datetime) -> bool:
    return (rule.until is None or now < rule.until) and rule.set_by_id in _approvers(rule.workspace)


def _approvers(workspace: Workspace) -> set[uuid.UUID]:
    rows = Membership.objects.filter(
        workspace=workspace, roles__overlap=access.roles_with(Right.APPROVE), ended_at__isnull=True
    )
    return set(rows.values_list("person", flat=True))


def _check(
    project: Project,
    up_to: Decimal,
    allowance: Decimal | None,
    until: datetime.datetime | None,
    by: Membership,
    now: datetime.datetime,
) -> None:
    errors: dict[str, list[str]] = {}
    if project.workspace_id != by.workspace_id:
        errors["project"] = ["Name a client or brand of this workspace."]
    if not up_to.is_finite() or not 0 < up_to < MOST:
        errors["up_to"] = ["Give an amount above zero."]
    elif allowance is not None and not up_to <= allowance < MOST:
        errors["allowance"] = ["The month's allowance is at least the amount of one request."]
    if allowance is None and until is None:
        errors["allowance"] = ["Give an allowance for each month, or a time until which the rule holds."]
    if until is not None and until <= now:
        errors["until"] = ["Give a time that is still to come."]
    if errors:
        raise Invalid(errors)


def _record(rule: StandingRule, by: Membership, now: datetime.datetime, what: str) -> None:
    events.record(
        workspace=rule.workspace,
        kind=f"standing_rule.{what}",
        by=by,
        at=now,
        project=rule.project,
        rule=str(rule.pk),
        up_to=exact(rule.up_to),
        allowance=None if rule.allowance is None else exact(rule.allowance),
        until=rule.until.isoformat() if rule.until else None,
    )
