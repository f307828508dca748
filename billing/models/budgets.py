"""Budgets: limits on cash for a scope over a window, held by the database itself."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from billing.models.holds import Hold
from projects.identifiers import new_id
from projects.models import Campaign, Category, Deliverable, Person, Phase, Project, Workspace
from projects.models.rows import WorkspaceQuerySet, append_only


class Scope(models.TextChoices):
    WORKSPACE = "workspace", "Workspace"
    PROJECT = "project", "Client / brand"
    CAMPAIGN = "campaign", "Campaign"
    CATEGORY = "category", "Category"
    DELIVERABLE = "deliverable", "Deliverable"
    PROVIDER = "provider", "Provider"
    PERSON = "person", "Person"


class Window(models.TextChoices):
    MONTH = "month", "Each month"
    ROLLING = "rolling", "Any days in a row"
    CAMPAIGN_LIFE = "campaign", "Life of the campaign"
    NONE = "none", "Without end"


#: What a scope names; the workspace names nothing.
SUBJECTS = ("project", "campaign", "category", "deliverable", "provider", "person")
MOST_DAYS = 366


def usual_shares() -> list[int]:
    """Shares of a limit, in percent, of which those who keep budgets are told unless they choose others."""
    return [80, 100]


def _names(scope: str) -> Q:
    """A budget of this scope names its subject and no other."""
    return Q(
        Q(scope=scope),
        *(
            (Q(provider="") if name == "provider" else Q(**{f"{name}__isnull": True}))
            if name != scope
            else (Q(provider__gt="") if name == "provider" else Q(**{f"{name}__isnull": False}))
            for name in SUBJECTS
        ),
    )


def _one_of_them() -> Q:
    condition = _names(Scope.WORKSPACE)
    for scope in SUBJECTS:
        condition |= _names(scope)
    return condition


#: The first row of a day carries what the days before it that are still in its window have used. The lock
#: of the budget keeps what is counted on those days meanwhile from being missed.
DAY_BEGINS = """
    SELECT rolling_days INTO days FROM billing_budget WHERE id = NEW.budget_id FOR UPDATE;
    IF NEW.spent + NEW.reserved <> 0 AND EXISTS (
        SELECT FROM billing_budgetwindow w WHERE w.budget_id = NEW.budget_id AND w.day > NEW.day) THEN
        RAISE EXCEPTION 'a used day cannot be put before %', NEW.day
            USING ERRCODE = 'check_violation', CONSTRAINT = 'budget_days_in_order';
    END IF;
    NEW.carried := COALESCE((
        SELECT sum(w.spent + w.reserved) FROM billing_budgetwindow w
        WHERE w.budget_id = NEW.budget_id AND w.day > NEW.day - days AND w.day < NEW.day), 0);
    NEW.overshoot := CASE WHEN NEW.hard THEN GREATEST(0, NEW.carried - NEW."limit") ELSE 0 END;
    IF NEW."limit" > 0 THEN  -- of what was reached before the day nobody is told again
        NEW.alerted_percent := GREATEST(
            NEW.alerted_percent, LEAST(floor(NEW.carried * 100 / NEW."limit"), 1000));
    END IF;
    RETURN NEW;
"""
#: What is counted on a day counts on the days after it in whose window it lies. Only a settlement may
#: carry them past their limit; a reservation is refused by their constraint.
DAY_COUNTS = """
    SELECT rolling_days INTO days FROM billing_budget WHERE id = NEW.budget_id FOR KEY SHARE;
    more := NEW.spent + NEW.reserved - OLD.spent - OLD.reserved;
    UPDATE billing_budgetwindow SET
        carried = carried + more,
        overshoot = CASE WHEN hard AND NEW.reserved <= OLD.reserved
            THEN GREATEST(0, carried + more + spent + reserved - "limit") ELSE overshoot END
    WHERE budget_id = NEW.budget_id AND day > NEW.day AND day < NEW.day + days;
    RETURN NULL;
"""


class Budget(models.Model):
    """A limit for a scope and, if named, a phase. Its use stands in its windows."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="budgets")
    scope = models.CharField(max_length=11, choices=Scope)
    project = models.ForeignKey(Project, models.PROTECT, null=True, blank=True, related_name="+")
    campaign = models.ForeignKey(Campaign, models.PROTECT, null=True, blank=True, related_name="+")
    category = models.ForeignKey(Category, models.PROTECT, null=True, blank=True, related_name="+")
    deliverable = models.ForeignKey(Deliverable, models.PROTECT, null=True, blank=True, related_name="+")
    provider = models.CharField(max_length=40, blank=True)
    person = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")
    phase = models.CharField(max_length=5, choices=Phase, blank=True)
    window = models.CharField(max_length=8, choices=Window)
    rolling_days = models.PositiveSmallIntegerField(null=True, blank=True)
    limit = models.DecimalField(max_digits=20, decimal_places=8)
    hard = models.BooleanField(default=True)
    alert_shares = ArrayField(
        models.PositiveSmallIntegerField(), default=usual_shares, db_default=[80, 100], size=6
    )
    set_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    set_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(limit__gte=0), name="budget_limit_positive"),
            models.CheckConstraint(condition=_one_of_them(), name="budget_names_its_scope"),
            models.CheckConstraint(
                condition=Q(window__in=["month", "none"], rolling_days__isnull=True)
                | Q(window="campaign", scope__in=["campaign", "deliverable"], rolling_days__isnull=True)
                | Q(window="rolling", rolling_days__isnull=False, rolling_days__range=(1, MOST_DAYS)),
                name="budget_window_fits",
            ),
            models.UniqueConstraint(
                fields=["workspace", "scope", "phase", "window", "rolling_days", *SUBJECTS],
                condition=Q(ended_at__isnull=True),
                nulls_distinct=False,
                name="budget_in_force_once",
            ),
        ]


class BudgetWindow(models.Model):
    """Use of a budget within one window. `overshoot` is raised only by a settlement above its hold.

    A rolling budget has a row for each day on which something was held. Triggers keep in `carried` what
    the days before it in its window have used, so that one row holds the limit of all of them.
    """

    id = models.BigAutoField(primary_key=True)
    budget = models.ForeignKey(Budget, models.PROTECT, related_name="windows")
    starts_at = models.DateTimeField()
    day = models.DateField(null=True)
    carried = models.DecimalField(max_digits=20, decimal_places=8, default=0, db_default=0)
    limit = models.DecimalField(max_digits=20, decimal_places=8)
    hard = models.BooleanField()
    reserved = models.DecimalField(max_digits=20, decimal_places=8, default=0)
    spent = models.DecimalField(max_digits=20, decimal_places=8, default=0)
    overshoot = models.DecimalField(max_digits=20, decimal_places=8, default=0)
    alert_shares = ArrayField(
        models.PositiveSmallIntegerField(), default=usual_shares, db_default=[80, 100], size=6
    )
    alerted_percent = models.PositiveSmallIntegerField(default=0)

    class Meta:
        triggers = [
            pgtrigger.Trigger(
                name="budget_day_begins",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition("NEW.day IS NOT NULL"),
                declare=[("days", "integer")],
                func=DAY_BEGINS,
            ),
            pgtrigger.Trigger(
                name="budget_day_counts",
                operation=pgtrigger.UpdateOf("spent", "reserved"),  # type: ignore[no-untyped-call]
                when=pgtrigger.After,
                condition=pgtrigger.Condition("NEW.day IS NOT NULL"),
                declare=[("days", "integer"), ("more", "numeric")],
                func=DAY_COUNTS,
            ),
            pgtrigger.Trigger(
                name="budget_day_carries",
                operation=pgtrigger.UpdateOf("carried", "day", "budget_id"),  # type: ignore[no-untyped-call]
                when=pgtrigger.Before,
                condition=pgtrigger.Condition(
                    "((OLD.carried, OLD.day, OLD.budget_id) IS DISTINCT FROM"
                    " (NEW.carried, NEW.day, NEW.budget_id) AND pg_trigger_depth() = 0)"
                ),
                func="RAISE EXCEPTION 'what a day carries is worked out from the days before it';",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["budget", "starts_at"], name="budget_window_once"),
            models.UniqueConstraint(
                fields=["budget", "day"], condition=Q(day__isnull=False), name="budget_day_once"
            ),
            models.CheckConstraint(
                condition=Q(hard=False)
                | Q(limit__gte=F("carried") + F("spent") + F("reserved") - F("overshoot")),
                name="budget_holds",
            ),
            models.CheckConstraint(
                condition=Q(day__isnull=False) | Q(carried=0), name="budget_window_carries_nothing"
            ),
            models.CheckConstraint(condition=Q(reserved__gte=0), name="budget_reserved_positive"),
            models.CheckConstraint(condition=Q(overshoot__gte=0), name="budget_overshoot_positive"),
        ]


class HoldBudget(models.Model):
    """A hold counts in these windows; its posting stays there."""

    id = models.BigAutoField(primary_key=True)
    hold = models.ForeignKey(Hold, models.PROTECT, related_name="budgets")
    window = models.ForeignKey(BudgetWindow, models.PROTECT, related_name="holds")

    class Meta:
        triggers = append_only("hold_budget")
        constraints = [models.UniqueConstraint(fields=["hold", "window"], name="hold_budget_once")]
