"""Bills that were withdrawn: what went, by whom and why. Without such a row no line of a bill is deleted."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import Q

from projects.identifiers import new_id
from projects.models import Person, Workspace
from projects.models.rows import WorkspaceQuerySet, append_only

REFUSE_CLOSED = """
    IF EXISTS (SELECT FROM billing_monthclose c WHERE c.workspace_id = NEW.workspace_id
               AND c.month = NEW.month) THEN
        RAISE EXCEPTION 'append-only: a bill of the closed month % cannot be withdrawn', NEW.month
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    NEW.transaction := txid_current();
    RETURN NEW;
"""
DELETE_WITHDRAWN = """
    IF TG_OP = 'DELETE' AND EXISTS (
        SELECT FROM billing_invoicewithdrawal w WHERE w.transaction = txid_current() AND {which}
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'append-only: Cannot update or delete rows from % table', TG_TABLE_NAME;
"""
OF_PROVIDER = "w.workspace_id = OLD.workspace_id AND w.provider = OLD.provider"


def unless_withdrawn(name: str, which: str) -> list[pgtrigger.Trigger]:
    """As `append_only`; but what a withdrawal `w` of the same transaction covers (`which`) may be deleted."""
    no_truncate = append_only(name)[1]
    guard = pgtrigger.Trigger(
        name=f"{name}_append_only",
        operation=pgtrigger.Update | pgtrigger.Delete,
        when=pgtrigger.Before,
        func=DELETE_WITHDRAWN.format(which=which),
    )
    return [guard, no_truncate]


class InvoiceWithdrawal(models.Model):
    """A bill that was imported and taken back before anything was booked from it.

    `transaction` is set by the database: its own, in which alone the bill's rows may be deleted.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+", db_index=False)
    invoice = models.UUIDField(unique=True)
    provider = models.CharField(max_length=40)
    month = models.CharField(max_length=7)
    number = models.CharField(max_length=80, blank=True)
    file_name = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)  # SHA-256 of the file
    line_count = models.PositiveIntegerField()
    amount = models.DecimalField(max_digits=20, decimal_places=8)
    imported_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    imported_at = models.DateTimeField()
    reason = models.CharField(max_length=300)
    by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    transaction = models.BigIntegerField(default=0, editable=False)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = [
            *append_only("invoice_withdrawal"),
            pgtrigger.Trigger(
                name="invoice_withdrawal_open_month",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                func=REFUSE_CLOSED,
            ),
        ]
        constraints = [models.CheckConstraint(condition=~Q(reason=""), name="invoice_withdrawal_has_reason")]
        indexes = [
            models.Index(fields=["workspace", "provider", "month"], name="invoice_withdrawal_of_month"),
            models.Index(fields=["transaction"], name="invoice_withdrawal_now"),
        ]
