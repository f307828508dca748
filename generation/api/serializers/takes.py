"""Takes: asking for them, what they are made of, deciding on them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from generation.api.references import Named
from generation.api.serializers.fields import Amount, PlainObject
from generation.api.serializers.recalled import RecalledRequest
from generation.models import Run
from generation.prompts import MAX_LENGTH
from generation.recall import What
from generation.takes import MOST_AT_ONCE
from projects.models import Asset, Decision, Deliverable, Phase, RejectReason, Take, TakeAsset
from projects.models.takes import TakeMark
from projects.work import MAX_SEED

Shape = serializers.Serializer[Any]


class TakesBody(Shape):
    """Drafts; hero takes come from an approved hero request."""

    phase = serializers.ChoiceField([(Phase.DRAFT.value, "Draft")], default=Phase.DRAFT.value)
    count = serializers.IntegerField(min_value=1, max_value=MOST_AT_ONCE, default=1)
    prompt = serializers.CharField(max_length=MAX_LENGTH, allow_null=True, default=None)
    seed = serializers.IntegerField(min_value=0, max_value=MAX_SEED, allow_null=True, default=None)
    control_profile = serializers.CharField(max_length=140, allow_null=True, default=None)
    model = serializers.CharField(max_length=200, allow_null=True, default=None)
    request = RecalledRequest(allow_null=True, default=None, help_text="As a recall answered it.")
    at_most = Amount(required=False, min_value=Decimal(0), help_text="What is agreed to; dearer is refused.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        mixed = [name for name in ("prompt", "seed", "control_profile", "model") if attrs[name] is not None]
        if attrs["request"] is not None and mixed:
            raise serializers.ValidationError(
                dict.fromkeys(mixed, "A recalled request runs exactly as it is: leave this out.")
            )
        return attrs


class UploadBody(Shape):
    file = serializers.FileField()
    phase = serializers.ChoiceField(Phase.choices)
    made_with = serializers.CharField(max_length=120)
    source_take = serializers.CharField(
        required=False, allow_blank=True, default="", help_text="Id, or number within the deliverable."
    )
    amount = Amount(default=Decimal(0), min_value=0)
    currency = serializers.CharField(max_length=12, allow_blank=True, default="")
    note = serializers.CharField(max_length=2000, allow_blank=True, default="")


class TakeAnswer(serializers.ModelSerializer[Take]):
    """A take as lists have it."""

    deliverable = serializers.UUIDField(source="deliverable_id")
    round = serializers.IntegerField(source="round.number", allow_null=True, default=None)
    mark = serializers.ChoiceField(TakeMark.choices, allow_blank=True)
    requested_by = serializers.CharField(source="requested_by_email")
    source_take = serializers.UUIDField(source="source_take_id", allow_null=True)

    class Meta:
        model = Take
        fields = (
            *("id", "deliverable", "number", "round", "phase", "kind", "state", "mark", "prompt", "seed"),
            *("request_hash", "routing_version", "requested_by", "requested_at", "started_at", "ended_at"),
            *("progress", "failure", "failure_class", "tier", "provider", "model", "made_with", "note"),
            *("source_take", "starred", "imported"),
        )


class CallAnswer(Shape):
    """What a provider was asked. `reserved` is what is still held for it."""

    id = serializers.UUIDField()
    model = serializers.CharField()
    state = serializers.CharField()
    error_class = serializers.CharField(allow_blank=True)
    error = serializers.CharField(allow_blank=True)
    provider_job_id = serializers.CharField(allow_blank=True)
    reserved = Amount()
    posted = Amount()


class RunAnswer(Shape):
    """One step of a take. `model` is that of its last call, or the first choice while there is none."""

    id = serializers.UUIDField()
    step = serializers.CharField()
    kind = serializers.CharField()
    stage = serializers.CharField()
    state = serializers.CharField()
    model = serializers.CharField(allow_blank=True)
    progress = serializers.DecimalField(max_digits=4, decimal_places=3)
    waiting_for = serializers.CharField(allow_blank=True)
    error_class = serializers.CharField(allow_blank=True)
    error = serializers.CharField(allow_blank=True)
    calls = CallAnswer(many=True)


class AssetAnswer(Shape):
    """A file of a take; `url` serves its bytes to the same token."""

    id = serializers.UUIDField(source="asset.id")
    kind = serializers.ChoiceField(Asset.Kind.choices, source="asset.kind")
    role = serializers.ChoiceField(TakeAsset.Role.choices)
    step = serializers.CharField(allow_blank=True)
    url = serializers.SerializerMethodField()
    sha256 = serializers.CharField(source="asset.sha256")
    media_type = serializers.CharField(source="asset.media_type")
    width = serializers.IntegerField(source="asset.width", allow_null=True)
    height = serializers.IntegerField(source="asset.height", allow_null=True)
    duration_seconds = serializers.DecimalField(
        max_digits=12, decimal_places=3, source="asset.duration_seconds", allow_null=True
    )

    @extend_schema_field({"type": "string", "format": "uri"})
    def get_url(self, row: TakeAsset) -> str:
        address = reverse("generation:api-asset", args=[row.asset_id])
        return str(self.context["request"].build_absolute_uri(address))


class Cost(Shape):
    """What is held for the take, and what was booked on it, refunds deducted."""

    reserved = Amount()
    posted = Amount()


class Time(Shape):
    """When it was asked for, when it began and ended, how long it was waited for; and what people's time on
    it is worth so far (`amount`: review and waiting at the workspace's rates, no cash)."""

    requested_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    waited_seconds = serializers.IntegerField(allow_null=True)
    amount = Amount()


class WholeTake(TakeAnswer):
    """A take with its runs, their calls, its files, its cost and its time."""

    runs = RunAnswer(many=True, source="told.runs")
    assets = AssetAnswer(many=True, source="told.assets")
    cost = Cost(source="told.cost")
    time = Time(source="told.time")

    class Meta(TakeAnswer.Meta):
        fields = (*TakeAnswer.Meta.fields, "runs", "assets", "cost", "time")  # type: ignore[assignment]


class RoundAnswer(Shape):
    round = serializers.IntegerField()
    takes = TakeAnswer(many=True)


class RecallBody(Shape):
    what = serializers.ChoiceField(What.choices)


class RecallAnswer(Shape):
    request = PlainObject()
    request_hash = serializers.CharField()


class ReviewBody(Shape):
    decision = serializers.ChoiceField(
        [("select", "Select"), ("accept", "Sign off"), ("reject", "Reject"), ("reverse", "Withdraw")]
    )
    reasons = serializers.ListField(
        child=serializers.ChoiceField(RejectReason.choices), max_length=10, default=list
    )
    note = serializers.CharField(max_length=2000, allow_blank=True, default="")
    as_is = serializers.BooleanField(default=False)


class DecisionAnswer(serializers.ModelSerializer[Decision]):
    """A dated decision, with what became of its take and deliverable."""

    deliverable = serializers.UUIDField(source="deliverable_id")
    take = serializers.UUIDField(source="take_id", allow_null=True)
    by = serializers.CharField(source="by_email")
    mark = serializers.CharField(source="take.mark", allow_blank=True)
    state = serializers.CharField(source="deliverable.state")
    money_saved = Amount(allow_null=True)

    class Meta:
        model = Decision
        fields = (
            *("id", "decision", "deliverable", "take", "reasons", "note", "as_is", "money_saved"),
            *("at", "by", "mark", "state"),
        )


class QuoteBody(Shape):
    deliverable = Named(Deliverable)
    phase = serializers.ChoiceField(Phase.choices)
    count = serializers.IntegerField(min_value=1, max_value=MOST_AT_ONCE, default=1)
    prompt = serializers.CharField(max_length=MAX_LENGTH, allow_null=True, default=None)
    control_profile = serializers.CharField(max_length=140, allow_null=True, default=None)
    model = serializers.CharField(max_length=200, allow_null=True, default=None)


class BudgetLine(Shape):
    scope = serializers.CharField()
    name = serializers.CharField()
    left = Amount()


class QuoteAnswer(Shape):
    """The price of all `count` takes together; `decision` says which models and why."""

    amount = Amount()
    at_most = Amount()
    currency = serializers.CharField()
    compute_units = serializers.CharField()
    takes_used = serializers.IntegerField()
    cap = serializers.IntegerField(allow_null=True)
    budgets = BudgetLine(many=True)
    decision = PlainObject()


class QueuedRun(serializers.ModelSerializer[Run]):
    """A run as the queue lists it."""

    take = serializers.UUIDField(source="take_id")
    deliverable = serializers.UUIDField(source="take.deliverable_id")
    requested_by = serializers.CharField(source="take.requested_by_email")

    class Meta:
        model = Run
        fields = (
            *("id", "take", "deliverable", "requested_by", "step", "kind", "stage", "state", "waiting_for"),
            *("progress", "error_class", "error", "started_at", "ended_at"),
        )
