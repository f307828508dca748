"""How costs are passed on: to bookkeeping's accounts, and to clients. Of the rows the newest counts."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from projects.models import Person, Project, Workspace
from projects.models.rows import WorkspaceQuerySet, append_only


class JournalSetup(models.Model):
    """Under which numbers bookkeeping knows our accounts, and what its file formats ask for."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+", db_index=False)
    accounts = models.JSONField(default=dict)  # number by account of ours; see `billing.journal_accounts`
    columns = models.JSONField(default=list)  # of the CSV: [title, field]
    consultant = models.PositiveIntegerField(null=True)  # DATEV: Beraternummer
    client = models.PositiveIntegerField(null=True)  # DATEV: Mandantennummer
    account_length = models.PositiveSmallIntegerField(default=4)  # DATEV: Sachkontenlänge
    year_begins_in = models.PositiveSmallIntegerField(default=1)  # month of the fiscal year's first day
    tax_rate = models.CharField(max_length=60, default="Tax Exempt")  # Xero: name of the rate
    tracking = models.CharField(max_length=60, default="Cost centre")  # Xero: name of the tracking category
    author = models.ForeignKey(Person, models.PROTECT, related_name="+")
    made_at = models.DateTimeField()

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = append_only("journal_setup")
        constraints = [
            models.CheckConstraint(
                condition=Q(account_length__range=(4, 8), year_begins_in__range=(1, 12)),
                name="journal_setup_sane",
            ),
            models.CheckConstraint(
                condition=(Q(consultant=None) | Q(consultant__range=(1001, 9999999)))
                & (Q(client=None) | Q(client__range=(1, 99999))),
                name="journal_setup_datev_numbers",
            ),
        ]
        indexes = [models.Index(fields=["workspace", "id"], name="journal_setup_of_workspace")]


class MarkUp(models.Model):
    """What a client pays above what its deliverables cost, for acceptances from a month on."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+", db_index=False)
    project = models.ForeignKey(Project, models.PROTECT, related_name="mark_ups")
    percent = models.DecimalField(max_digits=7, decimal_places=3)
    first_month = models.CharField(max_length=7)
    reason = models.CharField(max_length=300)
    author = models.ForeignKey(Person, models.PROTECT, related_name="+")
    made_at = models.DateTimeField()

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = append_only("mark_up")
        constraints = [
            models.CheckConstraint(condition=Q(percent__range=(0, 1000)), name="mark_up_sane"),
            models.CheckConstraint(
                condition=Q(first_month__regex=r"^\d{4}-(0[1-9]|1[0-2])$"), name="mark_up_month"
            ),
        ]
