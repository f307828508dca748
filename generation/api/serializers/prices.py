"""Price rows with finance's word on them, exchange rates, and packs of credits."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from billing import prices
from billing.models import CreditLot, ExchangeRate, PriceDecision, PriceRow
from billing.models.prices import Unit
from generation.api.serializers.fields import Amount, PlainObject

Shape = serializers.Serializer[Any]


class PriceRowBody(Shape):
    """A price from an instant on. Conditions as the price book knows them."""

    model_key = serializers.CharField(max_length=200)
    unit = serializers.ChoiceField(Unit.choices)
    amount = Amount(min_value=0)
    first_amount = Amount(min_value=0, allow_null=True, default=None)
    list_amount = Amount(min_value=0, allow_null=True, default=None)
    currency = serializers.CharField(max_length=47)
    conditions = PlainObject(default=dict)
    starts_at = serializers.DateTimeField()
    source = serializers.CharField(max_length=200)  # type: ignore[assignment]  # the framework's own name


class PriceRowAnswer(serializers.ModelSerializer[PriceRow]):
    """A row of the price book; `state` is `proposed` until finance has approved or declined it."""

    amount = Amount()
    first_amount = Amount(allow_null=True)
    list_amount = Amount(allow_null=True)
    conditions = PlainObject()
    author = serializers.CharField(source="author.email", allow_null=True, default=None)
    state = serializers.SerializerMethodField()
    decided_by = serializers.CharField(source="decision.decided_by.email", allow_null=True, default=None)
    decided_at = serializers.DateTimeField(source="decision.decided_at", allow_null=True, default=None)
    note = serializers.CharField(source="decision.note", allow_null=True, default=None)

    class Meta:
        model = PriceRow
        fields = (
            *("id", "model_key", "unit", "amount", "first_amount", "list_amount", "currency", "conditions"),
            *("starts_at", "source", "author", "created_at", "state", "decided_by", "decided_at", "note"),
        )

    def get_state(self, row: PriceRow) -> str:
        return prices.state_of(row)


class PriceDecisionBody(Shape):
    """To decline needs a note."""

    decision = serializers.ChoiceField([("approve", "Approve"), ("decline", "Decline")])
    note = serializers.CharField(max_length=300, allow_blank=True, default="")


class PriceDecisionAnswer(serializers.ModelSerializer[PriceDecision]):
    price_row = serializers.UUIDField(source="row_id")
    decided_by = serializers.CharField(source="decided_by.email")

    class Meta:
        model = PriceDecision
        fields = ("price_row", "decision", "note", "decided_by", "decided_at")


class RateBody(Shape):
    """What one unit of `currency` is worth in the workspace's, published on a day."""

    currency = serializers.CharField(max_length=47)
    day = serializers.DateField()
    rate = serializers.DecimalField(max_digits=20, decimal_places=10)
    source = serializers.CharField(max_length=120)  # type: ignore[assignment]  # the framework's own name


class RateAnswer(serializers.ModelSerializer[ExchangeRate]):
    author = serializers.CharField(source="author.email", allow_null=True, default=None)

    class Meta:
        model = ExchangeRate
        fields = ("id", "currency", "day", "rate", "source", "author", "created_at")


class LotBody(Shape):
    """A pack of credits, such as `credit:runway`; the bonus makes all its credits cheaper."""

    unit = serializers.CharField(max_length=47)
    credits = Amount(min_value=0)
    bonus = Amount(min_value=0, default="0")
    price = Amount(min_value=0)
    currency = serializers.CharField(max_length=3)
    bought_on = serializers.DateField()
    expires_on = serializers.DateField(allow_null=True, default=None)
    source = serializers.CharField(max_length=200)  # type: ignore[assignment]  # the framework's own name


class LotAnswer(serializers.ModelSerializer[CreditLot]):
    """A pack with what is left of it: credits, and the part of its cost that they carry."""

    credits = Amount()
    bonus = Amount()
    price = Amount()
    cost = Amount()
    credits_left = Amount(source="balance.credits")
    cost_left = Amount(source="balance.cost")
    author = serializers.CharField(source="author.email")

    class Meta:
        model = CreditLot
        fields = (
            *("id", "unit", "bought_on", "expires_on", "credits", "bonus", "price", "currency", "rate"),
            *("cost", "credits_left", "cost_left", "source", "author", "created_at"),
        )
