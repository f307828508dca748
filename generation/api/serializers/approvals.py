"""What waits for a decision: hero requests, cap requests."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from generation.api.serializers.fields import Amount
from generation.api.serializers.takes import QuoteAnswer
from projects.models import CapRequest, HeroRequest, Phase
from projects.models.decisions import RequestState

Shape = serializers.Serializer[Any]


class NoteBody(Shape):
    note = serializers.CharField(max_length=2000, allow_blank=True, default="")


class HeroDecisionBody(NoteBody):
    """`at_most` is the price that is agreed to: what costs more by now asks again."""

    decision = serializers.ChoiceField([("approve", "Approve the spending"), ("decline", "Ask for changes")])
    at_most = Amount(required=False, allow_null=True, default=None, min_value=Decimal(0))


class KeptQuote(QuoteAnswer):
    """The quote that was kept with a request; null for one of which only the sums are known."""

    def get_attribute(self, instance: HeroRequest) -> Any:
        return super().get_attribute(instance) or None


class HeroAnswer(serializers.ModelSerializer[HeroRequest]):
    """`draft` is the take that was selected, `take` the hero take once approved."""

    deliverable = serializers.UUIDField(source="deliverable_id")
    draft = serializers.UUIDField(source="take_id")
    take = serializers.UUIDField(source="hero_take_id", allow_null=True)
    quote = KeptQuote(allow_null=True)
    shown_amount = Amount()
    at_most = Amount()
    requested_by = serializers.CharField(source="requested_by.email")
    standing_rule = serializers.UUIDField(
        source="standing_rule_id", allow_null=True, help_text="The rule that approved it, where one did."
    )

    class Meta:
        model = HeroRequest
        fields = (
            *("id", "state", "request_hash", "quote", "deliverable", "draft", "take", "note"),
            *("routing_version", "shown_amount", "at_most", "requested_by", "requested_at", "decided_at"),
            *("submit_at", "self_approved", "standing_rule", "void_reason"),
        )


class CapBody(Shape):
    more = serializers.IntegerField(min_value=1, max_value=100)
    reason = serializers.CharField(max_length=2000)
    phase = serializers.ChoiceField(Phase.choices, default=Phase.DRAFT)


class CapDecisionBody(NoteBody):
    decision = serializers.ChoiceField([("grant", "Grant"), ("decline", "Decline")])


class CapAnswer(serializers.ModelSerializer[CapRequest]):
    deliverable = serializers.UUIDField(source="deliverable_id")
    state = serializers.ChoiceField(RequestState.choices)
    at_most = Amount(allow_null=True)
    requested_by = serializers.CharField(source="requested_by.email")

    class Meta:
        model = CapRequest
        fields = (
            *("id", "state", "deliverable", "phase", "more", "reason", "at_most", "requested_by"),
            *("requested_at", "decided_at"),
        )
