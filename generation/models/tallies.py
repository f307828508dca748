"""What is kept about calls for the page of health, and what people said of lost answers."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from generation.models.runs import Call
from projects.identifiers import new_id
from projects.models import Membership, Workspace
from projects.models.rows import WorkspaceQuerySet


class CallTally(models.Model):
    """Calls of a model that ended within one step of time, by how they ended and how long they took.

    Written by triggers on calls (migration 0006), so that no way to end one is forgotten; rows add up,
    and `generation.tallies.fold` adds them together in ever longer steps. `step_seconds` is 0 until then.

    A call stands here as an *answer* under its outcome: `succeeded`, `cancelled`, `lost` while its answer is
    not known, else its class of error. One that succeeded has in `bucket` how long it took from submit to
    result, and stands once more as a *wait*: how long its step waited before its first submit.
    """

    class Measure(models.TextChoices):
        ANSWER = "answer", "Answer"
        WAIT = "wait", "Wait"

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+", db_index=False)
    step_seconds = models.PositiveIntegerField(default=0)
    starts_at = models.DateTimeField()
    measure = models.CharField(max_length=6, choices=Measure)
    model = models.CharField(max_length=200)
    outcome = models.CharField(max_length=20)
    bucket = models.SmallIntegerField(default=-1)  # -1: how long it took tells nothing
    calls = models.IntegerField()

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "step_seconds", "starts_at", "measure", "model", "outcome", "bucket"],
                name="call_tally_once",
                condition=Q(step_seconds__gt=0),
            )
        ]
        indexes = [
            models.Index(fields=["workspace", "starts_at"], name="call_tally_of_workspace"),
            models.Index(fields=["step_seconds", "starts_at"], name="call_tally_step"),
        ]


class Verdict(models.Model):
    """What a person said became of a call whose answer was lost: carried out at `due_at`, or taken back."""

    class State(models.TextChoices):
        SAID = "said", "Said"
        DONE = "done", "Carried out"
        UNDONE = "undone", "Taken back"
        VOID = "void", "Overtaken"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+", db_index=False)
    call = models.ForeignKey(Call, models.PROTECT, related_name="verdicts")
    happened = models.BooleanField()
    job_id = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=6, choices=State, default=State.SAID)
    said_by = models.ForeignKey(Membership, models.PROTECT, related_name="+")
    said_at = models.DateTimeField()
    due_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    words = models.CharField(max_length=200, blank=True)  # what a look-up told, or why it was overtaken

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["call"], name="verdict_one_waits", condition=Q(state="said")),
            models.CheckConstraint(
                condition=Q(state="said", ended_at__isnull=True)
                | ~Q(state="said") & Q(ended_at__isnull=False),
                name="verdict_ended_at_when_ended",
            ),
        ]
        indexes = [models.Index(fields=["due_at"], name="verdict_due", condition=Q(state="said"))]
