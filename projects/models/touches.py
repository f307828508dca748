"""Notes of what the figures of a month may stand on; see `projects.models.touching`, which writes them."""

from __future__ import annotations

from django.db import models

from projects.models.people import Person, Workspace
from projects.models.work import Deliverable


class Touch(models.Model):
    """Something was written about a deliverable or, without one, about all of a workspace.

    With `starts_at` it concerns time of people from then on: up to `ends_at` and of that person, or without
    these of everybody. `billing.month_sums` works out anew what is noted, and takes the notes away.
    Nothing points here, and nothing is checked: a note outlives no one, and is quick to write.
    """

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(
        Workspace, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    deliverable = models.ForeignKey(
        Deliverable, models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    person = models.ForeignKey(
        Person, models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["workspace", "id"], name="touch_of_workspace")]
