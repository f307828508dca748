"""Fields that several bodies and answers share."""

from __future__ import annotations

import json
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from projects.plain import is_plain


class Amount(serializers.DecimalField):
    """Money as a string with eight decimals."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=20, decimal_places=8, **options)


class PlainJson(serializers.JSONField):
    """JSON that the database can hold: no NUL, no half surrogates, no infinite numbers."""

    def to_internal_value(self, data: Any) -> Any:
        found = super().to_internal_value(data)
        try:
            text = json.dumps(found, ensure_ascii=False, allow_nan=False)
        except ValueError:
            raise serializers.ValidationError("Numbers must be finite.") from None
        if "\\u0000" in text or not is_plain(text):
            raise serializers.ValidationError("Characters that no text has: NUL, or half of a pair.")
        return found


@extend_schema_field({"type": "object", "additionalProperties": {}})
class PlainObject(PlainJson):
    """A JSON object."""

    def to_internal_value(self, data: Any) -> Any:
        found = super().to_internal_value(data)
        if not isinstance(found, dict):
            raise serializers.ValidationError("Give a JSON object.")
        return found
