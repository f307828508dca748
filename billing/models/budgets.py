"""Budgets: limits on cash for a scope over a window, held by the database itself."""

from __future__ import annotations

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
    CAMPAIGN_LIFE = "campaign", "Life of the campaign"
    NONE = "none", "Without end"


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
    limit = models.DecimalField(max_digits=20, decimal_places=8)
    hard = models.BooleanField(default=True)
    set_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    set_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(limit__gte=0), name="budget_limit_positive"),
            models.CheckConstraint(
                condition=(
                    Q(scope="workspace", project=None, campaign=None, category=None)
                    & Q(deliverable=None, provider="", person=None)
                )
                | Q(scope="project", project__isnull=False)
                | Q(scope="campaign", campaign__isnull=False)
                | Q(scope="category", category__isnull=False)
                | Q(scope="deliverable", deliverable__isnull=False)
                | (Q(scope="provider") & ~Q(provider=""))
                | Q(scope="person", person__isnull=False),
                name="budget_names_its_scope",
            ),
        ]


class BudgetWindow(models.Model):
    """Use of a budget within one window. `overshoot` is raised only by a settlement above its hold."""

    id = models.BigAutoField(primary_key=True)
    budget = models.ForeignKey(Budget, models.PROTECT, related_name="windows")
    starts_at = models.DateTimeField()
    limit = models.DecimalField(max_digits=20, decimal_places=8)
    hard = models.BooleanField()
    reserved = models.DecimalField(max_digits=20, decimal_places=8, default=0)
    spent = models.DecimalField(max_digits=20, decimal_places=8, default=0)
    overshoot = models.DecimalField(max_digits=20, decimal_places=8, default=0)
    alerted_percent = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["budget", "starts_at"], name="budget_window_once"),
            models.CheckConstraint(
                condition=Q(hard=False) | Q(limit__gte=F("spent") + F("reserved") - F("overshoot")),
                name="budget_holds",
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
