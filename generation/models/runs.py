"""Runs (one step of one take) and calls (what a provider was asked). State lives here, not in the queue."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from billing.models import Hold
from billing.models.ledger import Stage
from generation.models.accounts import ProviderAccount
from projects.identifiers import new_id
from projects.models import Asset, Take, Workspace
from projects.models.rows import WorkspaceQuerySet


class RunState(models.TextChoices):
    PLANNED = "planned", "Planned"
    QUEUED = "queued", "Waiting"
    SUBMITTING = "submitting", "Submitting"
    RENDERING = "rendering", "Rendering"
    COLLECTING = "collecting", "Collecting"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    BLOCKED = "blocked", "Blocked by moderation"
    CANCELLED = "cancelled", "Cancelled"
    UNKNOWN = "unknown", "Unknown: sent, no answer known"


#: The allowed moves of a run; a transition compares and sets.
RUN_MOVES: dict[str, frozenset[str]] = {
    RunState.PLANNED: frozenset({RunState.QUEUED, RunState.CANCELLED, RunState.SUCCEEDED}),
    RunState.QUEUED: frozenset(
        {
            RunState.SUBMITTING,
            RunState.FAILED,
            RunState.BLOCKED,
            RunState.CANCELLED,
            RunState.SUCCEEDED,
        }
    ),
    RunState.SUBMITTING: frozenset(
        {
            RunState.RENDERING,
            RunState.COLLECTING,
            RunState.QUEUED,
            RunState.FAILED,
            RunState.BLOCKED,
            RunState.CANCELLED,
            RunState.UNKNOWN,
        }
    ),
    RunState.RENDERING: frozenset(
        {
            RunState.COLLECTING,
            RunState.QUEUED,
            RunState.FAILED,
            RunState.BLOCKED,
            RunState.CANCELLED,
            RunState.UNKNOWN,
        }
    ),
    RunState.COLLECTING: frozenset({RunState.SUCCEEDED, RunState.QUEUED, RunState.FAILED, RunState.BLOCKED}),
    RunState.UNKNOWN: frozenset(
        {
            RunState.RENDERING,
            RunState.COLLECTING,
            RunState.QUEUED,
            RunState.FAILED,
            RunState.BLOCKED,
            RunState.CANCELLED,
        }
    ),
    RunState.SUCCEEDED: frozenset(),
    RunState.FAILED: frozenset(),
    RunState.BLOCKED: frozenset(),
    # a success that arrives after the cancel is collected and charged honestly
    RunState.CANCELLED: frozenset({RunState.COLLECTING}),
}

RUNS_IN_FLIGHT = (
    RunState.PLANNED,
    RunState.QUEUED,
    RunState.SUBMITTING,
    RunState.RENDERING,
    RunState.COLLECTING,
    RunState.UNKNOWN,
)


class Lane(models.TextChoices):
    SUBMIT = "submit", "Submit"
    POLL = "poll", "Poll"
    COLLECT = "collect", "Collect"
    HOLD = "hold", "Hold: its answer comes on the call's own connection"
    NONE = "", "None"


class Run(models.Model):
    """One step of one take. A lane leases due rows; `attempts` is raised before each call."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+", db_index=False)
    take = models.ForeignKey(Take, models.PROTECT, related_name="runs")
    position = models.PositiveSmallIntegerField()
    step = models.CharField(max_length=60)
    kind = models.CharField(max_length=16)
    stage = models.CharField(max_length=10, choices=Stage)
    state = models.CharField(max_length=10, choices=RunState, default=RunState.PLANNED)
    needs = models.JSONField(default=list)  # keys of the steps whose results go in
    request = models.JSONField(default=dict)  # this step's part of the resolved request
    result_text = models.TextField(blank=True)
    result = models.JSONField(default=dict)  # judge scores, seed used, dropped knobs
    choice = models.PositiveSmallIntegerField(default=0)  # which of the request's choices is next
    asset = models.ForeignKey(Asset, models.PROTECT, null=True, related_name="+")
    waiting_for = models.CharField(max_length=200, blank=True)  # in words, shown in the queue
    lane = models.CharField(max_length=7, choices=Lane, default=Lane.NONE, blank=True)
    due_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)
    lease = models.UUIDField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    progress = models.DecimalField(max_digits=4, decimal_places=3, default=0)
    error_class = models.CharField(max_length=20, blank=True)
    error = models.CharField(max_length=500, blank=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["take", "step"], name="run_step_once"),
            models.CheckConstraint(condition=Q(state__in=RunState.values), name="run_state_known"),
            models.CheckConstraint(
                condition=Q(lease__isnull=True, leased_until__isnull=True)
                | Q(lease__isnull=False, leased_until__isnull=False),
                name="run_lease_and_until",
            ),
        ]
        indexes = [
            models.Index(fields=["lane", "due_at"], name="run_due", condition=~Q(lane="")),
            models.Index(
                fields=["workspace", "state"],
                name="run_in_flight",
                condition=Q(
                    state__in=[
                        "planned",
                        "queued",
                        "submitting",
                        "rendering",
                        "collecting",
                        "unknown",
                    ]
                ),
            ),
        ]


class CallState(models.TextChoices):
    INTENDED = "intended", "Intended"  # committed before anything is sent
    ACCEPTED = "accepted", "Accepted"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    BLOCKED = "blocked", "Blocked"
    CANCELLED = "cancelled", "Cancelled"
    REFUSED = "refused", "Refused before acceptance"
    UNKNOWN = "unknown", "Unknown"


#: The allowed moves of a call. A verified webhook may overtake the answer to the submit.
CALL_MOVES: dict[str, frozenset[str]] = {
    CallState.INTENDED: frozenset(set(CallState) - {CallState.INTENDED}),
    CallState.ACCEPTED: frozenset(
        {
            CallState.SUCCEEDED,
            CallState.FAILED,
            CallState.BLOCKED,
            CallState.CANCELLED,
            CallState.UNKNOWN,
        }
    ),
    CallState.UNKNOWN: frozenset(set(CallState) - {CallState.INTENDED, CallState.UNKNOWN}),
    CallState.SUCCEEDED: frozenset(),
    CallState.FAILED: frozenset(),
    CallState.BLOCKED: frozenset(),
    CallState.CANCELLED: frozenset(),
    CallState.REFUSED: frozenset(),
}

CALLS_IN_FLIGHT = (CallState.INTENDED, CallState.ACCEPTED, CallState.UNKNOWN)


class Call(models.Model):
    """One HTTP job asked of a provider (or the built-in renderer), with its own hold and price row."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+", db_index=False)
    run = models.ForeignKey(Run, models.PROTECT, related_name="calls")
    number = models.PositiveSmallIntegerField()
    model = models.CharField(max_length=200)
    provider = models.CharField(max_length=40)
    account = models.ForeignKey(ProviderAccount, models.PROTECT, null=True, related_name="+")
    state = models.CharField(max_length=9, choices=CallState, default=CallState.INTENDED)
    hold = models.OneToOneField(Hold, models.PROTECT, null=True, related_name="+")
    price_row = models.UUIDField(null=True)
    payload_hash = models.CharField(max_length=64, blank=True)
    token_hash = models.CharField(max_length=64, blank=True)  # of the token a webhook carries
    provider_job_id = models.CharField(max_length=200, blank=True)
    handle = models.JSONField(default=dict)
    outputs = models.JSONField(default=list)
    evidence = models.JSONField(default=dict)  # what is known when the state is unknown
    error_class = models.CharField(max_length=20, blank=True)
    error = models.CharField(max_length=500, blank=True)
    units = models.DecimalField(max_digits=20, decimal_places=8, null=True)
    input_tokens = models.BigIntegerField(null=True)  # as the provider counted them
    output_tokens = models.BigIntegerField(null=True)
    reported_charge = models.DecimalField(max_digits=20, decimal_places=8, null=True)
    reported_currency = models.CharField(max_length=47, blank=True)
    posted = models.DecimalField(max_digits=20, decimal_places=8, null=True)
    intended_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "number"], name="call_number_once"),
            models.UniqueConstraint(
                fields=["provider_job_id", "workspace", "provider"],
                condition=~Q(provider_job_id=""),
                name="call_job_once_here",
            ),
        ]
        indexes = [
            models.Index(fields=["token_hash"], name="call_token", condition=~Q(token_hash="")),
            models.Index(
                fields=["model", "account"],
                name="call_in_flight",
                condition=Q(state__in=["intended", "accepted", "unknown"]),
            ),
        ]
