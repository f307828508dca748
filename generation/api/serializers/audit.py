"""The audit of a month, for the OpenAPI document; the document itself comes whole from the ledger's room."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from generation.api.serializers.fields import Amount

Shape = serializers.Serializer[Any]


class Figures(Shape):
    """`accepted`, `takes` and `rounds` are counts; the others money or ratios, null where there are none."""

    accepted = serializers.IntegerField()
    takes = serializers.IntegerField()
    rounds = serializers.IntegerField()
    multiplier = Amount(allow_null=True)
    base = Amount(allow_null=True)
    generation = Amount()
    control = Amount()
    refinement = Amount()
    time = Amount()
    cash = Amount()
    cash_per_acceptable = Amount(allow_null=True)
    cost_per_acceptable = Amount(allow_null=True)
    shared = Amount()
    cost_per_acceptable_with_shared = Amount(allow_null=True)


class Totals(Figures):
    late = Amount()
    loaded_cost_per_acceptable = Amount(allow_null=True)


class Row(Figures):
    key = serializers.CharField(allow_blank=True)
    name = serializers.CharField(allow_blank=True)


class Effects(Shape):
    price = Amount()
    multiplier = Amount()
    rest = Amount()
    mix = Amount()


class Bridge(Shape):
    cash = Amount()
    late = Amount()
    shared = Amount()
    carried_back = Amount()


class Outcomes(Shape):
    period = Amount()
    shared = Amount()
    failed_refunded = Amount()
    failed_charged = Amount()
    accepted = Amount()
    rejected = Amount()
    superseded = Amount()
    written_off = Amount()
    open = Amount()


class RollForward(Shape):
    opening_wip = Amount()
    spend = Amount()
    accepted = Amount()
    written_off = Amount()
    period = Amount()
    closing_wip = Amount()


class AuditAnswer(Shape):
    """The audit of a month, as of its last instant."""

    month = serializers.CharField()
    currency = serializers.CharField()
    time_zone = serializers.CharField()
    state = serializers.CharField()
    digest = serializers.CharField(allow_null=True)
    totals = Totals()
    previous = Totals()
    effects = Effects(allow_null=True)
    bridge = Bridge()
    outcomes = Outcomes()
    roll_forward = RollForward()
    rows = Row(many=True)


class ExportProgress(Shape):
    """A file that is being made; ask the same address again."""

    id = serializers.UUIDField()
    month = serializers.CharField()
    form = serializers.CharField()
    state = serializers.CharField()
    rows_total = serializers.IntegerField()
    rows_done = serializers.IntegerField()
