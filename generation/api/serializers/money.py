"""The ledger, budgets, events, the audit and the history import."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from billing.models import Entry
from billing.models.budgets import MOST_DAYS, Scope, Window
from generation.api.serializers.fields import Amount, PlainObject
from generation.models import HistoryJob
from projects.models import Event, Phase

Shape = serializers.Serializer[Any]


class EntryAnswer(serializers.ModelSerializer[Entry]):
    """One balanced booking of the ledger: `amount` to `debit` from `credit`, a refund negative."""

    amount = Amount()
    native_amount = Amount(allow_null=True)
    units = Amount(allow_null=True)
    computed_amount = Amount(allow_null=True)
    rate = serializers.DecimalField(max_digits=20, decimal_places=10, allow_null=True)
    project = serializers.UUIDField(source="project_id", allow_null=True)
    campaign = serializers.UUIDField(source="campaign_id", allow_null=True)
    deliverable = serializers.UUIDField(source="deliverable_id", allow_null=True)
    take = serializers.UUIDField(source="take_id", allow_null=True)
    person = serializers.CharField(source="person_email", allow_blank=True)

    class Meta:
        model = Entry
        fields = (
            *("id", "kind", "debit", "credit", "amount", "native_amount", "native_currency", "rate"),
            *("service_at", "booked_at", "effective_at", "stage", "failed_charged", "refunds", "decision"),
            *("project", "campaign", "deliverable", "take", "run", "call", "hold", "price_row"),
            *("units", "computed_amount"),
            *("category", "phase", "tier", "provider", "model", "routing_version", "pipeline"),
            *("prompt_template", "seed_policy", "person", "calculation", "external_id", "note"),
        )


class EventAnswer(serializers.ModelSerializer[Event]):
    """One line of the activity log."""

    person = serializers.CharField(source="person.email", allow_null=True, default=None)
    project = serializers.UUIDField(source="project_id", allow_null=True)
    campaign = serializers.UUIDField(source="campaign_id", allow_null=True)
    deliverable = serializers.UUIDField(source="deliverable_id", allow_null=True)
    take = serializers.UUIDField(source="take_id", allow_null=True)
    data = PlainObject()  # type: ignore[assignment]  # the framework's own name is for instances

    class Meta:
        model = Event
        fields = ("id", "at", "kind", "person", "project", "campaign", "deliverable", "take", "data")


class BudgetBody(Shape):
    """`target` names what the scope is about: id or key, the provider's name, a member's e-mail."""

    scope = serializers.ChoiceField(Scope.choices)
    target = serializers.CharField(max_length=370, allow_blank=True, default="")
    phase = serializers.ChoiceField(Phase.choices, allow_blank=True, default="")
    window = serializers.ChoiceField(Window.choices)
    rolling_days = serializers.IntegerField(
        min_value=1,
        max_value=MOST_DAYS,
        allow_null=True,
        default=None,
        help_text="Of a rolling window alone.",
    )
    limit = Amount(min_value=0)
    hard = serializers.BooleanField(default=True)
    alert_shares = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=200),
        required=False,
        max_length=6,
        help_text="Shares of the limit, in percent, of which is told; 80 and 100 unless said.",
    )


class LimitBody(Shape):
    limit = Amount(min_value=0)


class BudgetAnswer(Shape):
    """A budget with its use in the window that runs."""

    id = serializers.UUIDField()
    scope = serializers.ChoiceField(Scope.choices)
    name = serializers.CharField()
    target = serializers.CharField(allow_blank=True)
    phase = serializers.ChoiceField(Phase.choices, allow_blank=True)
    window = serializers.ChoiceField(Window.choices)
    rolling_days = serializers.IntegerField(allow_null=True)
    limit = Amount()
    hard = serializers.BooleanField()
    spent = Amount()
    reserved = Amount()
    left = Amount()
    alert_shares = serializers.ListField(child=serializers.IntegerField())
    set_at = serializers.DateTimeField()


class HistoryBody(Shape):
    charges = serializers.FileField()
    decisions = serializers.FileField()


class HistoryAnswer(Shape):
    charges = serializers.IntegerField()
    decisions = serializers.IntegerField()
    deliverables = serializers.IntegerField()


class HistoryJobAnswer(Shape):
    """An import of more than 50,000 rows, which goes on by itself."""

    id = serializers.UUIDField()
    state = serializers.ChoiceField(HistoryJob.State.choices)
    rows_total = serializers.IntegerField()
    rows_done = serializers.IntegerField()
    answer = HistoryAnswer(allow_null=True)
    errors = serializers.ListField(child=PlainObject())  # type: ignore[assignment]
    requested_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
