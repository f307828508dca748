"""What each acceptance took of its campaign's shared costs."""

from __future__ import annotations

import pgtrigger
from django.db import models

from projects.models import Campaign, Deliverable, Workspace
from projects.models.rows import WorkspaceQuerySet, append_only

#: The figures of a month hold the shares of what was accepted in it.
TOUCHES = """
    INSERT INTO projects_touch (workspace_id, deliverable_id)
    SELECT DISTINCT workspace_id, deliverable_id FROM added WHERE deliverable_id IS NOT NULL;
    RETURN NULL;
"""


class CostShare(models.Model):
    """A share of a campaign's shared costs that moved with a decision; several rows of one add up.

    Of an acceptance it is what its deliverable took, of a reversal what it gave back (negative). Without
    a deliverable it is what was written off when the campaign ended, or came after. `unspread` is what was
    there to be spread, over `among` open deliverables; `entry` is the transfer in the ledger.
    """

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+", db_index=False)
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="+", db_index=False)
    deliverable = models.ForeignKey(Deliverable, models.PROTECT, null=True, related_name="+", db_index=False)
    decision = models.BigIntegerField()  # its sequence
    at = models.DateTimeField()
    amount = models.DecimalField(max_digits=20, decimal_places=8)
    unspread = models.DecimalField(max_digits=20, decimal_places=8)
    among = models.PositiveIntegerField()
    entry = models.UUIDField()
    booked_at = models.DateTimeField()

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = [
            *append_only("cost_share"),
            pgtrigger.Trigger(
                name="cost_share_touches",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                level=pgtrigger.Statement,
                referencing=pgtrigger.Referencing(new="added"),  # type: ignore[no-untyped-call]
                func=TOUCHES,
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["entry"], name="cost_share_entry_once"),
            models.CheckConstraint(condition=~models.Q(amount=0), name="cost_share_of_something"),
        ]
        indexes = [
            models.Index(fields=["deliverable", "at"], name="cost_share_of_deliverable"),
            models.Index(fields=["campaign", "at"], name="cost_share_of_campaign"),
            models.Index(fields=["workspace", "at"], name="cost_share_of_workspace"),
        ]
