"""The shapes of problem documents, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from generation.api.serializers.fields import Amount

Shape = serializers.Serializer[Any]


class BadLine(Shape):
    file = serializers.CharField(required=False)
    line = serializers.IntegerField()
    reason = serializers.CharField()


class Problem(Shape):
    """A refusal (RFC 9457). `errors` tells by field, `lines` by line of a file, what does not fit."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    remedy = serializers.CharField(required=False)
    errors = serializers.DictField(  # type: ignore[assignment]  # the framework's own name is for instances
        child=serializers.ListField(child=serializers.CharField()), required=False
    )
    lines = BadLine(many=True, required=False)
    right = serializers.CharField(required=False)
    roles = serializers.ListField(child=serializers.CharField(), required=False)


class BudgetProblem(Problem):
    """The budget that refused: what was needed and what it has left."""

    needed = Amount(required=False)
    left = Amount(required=False)
    budget = serializers.CharField(required=False)
    raised_by = serializers.ListField(child=serializers.CharField(), required=False)


class WayOut(Shape):
    way = serializers.CharField()
    words = serializers.CharField()
    criterion = serializers.CharField(required=False, allow_blank=True)
    tier = serializers.CharField(required=False, allow_blank=True)
    takes = serializers.IntegerField(required=False)


class CapProblem(Problem):
    """A conflict; where it is a cap, with its use and the ways out."""

    used = serializers.JSONField(required=False)
    cap = serializers.IntegerField(required=False)
    ways_out = WayOut(many=True, required=False)
