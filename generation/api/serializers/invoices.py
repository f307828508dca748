"""Bills, differences and unclaimed charges."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from billing.models import Entry, Invoice
from billing.models.invoices import Source
from billing.models.ledger import Stage
from billing.models.reconciliation import DifferenceKind
from generation.api.serializers.fields import Amount, PlainObject

Shape = serializers.Serializer[Any]


class InvoiceBody(Shape):
    """`columns` maps our fields to the file's header; without it the saved mapping or a guess counts."""

    file = serializers.FileField()
    provider = serializers.SlugField(max_length=40)
    month = serializers.RegexField(r"^(19|20)\d\d-(0[1-9]|1[0-2])$")
    source = serializers.ChoiceField(  # type: ignore[assignment]  # the framework has the name too
        Source.choices, default=Source.INVOICE
    )
    number = serializers.CharField(max_length=80, allow_blank=True, default="")
    currency = serializers.CharField(max_length=12, allow_blank=True, default="")
    columns = PlainObject(required=False)


class InvoiceAnswer(serializers.ModelSerializer[Invoice]):
    amount = Amount()
    native_amount = Amount()

    class Meta:
        model = Invoice
        fields = (
            *("id", "provider", "month", "source", "number", "file_name", "digest", "line_count"),
            *("native_amount", "currency", "amount", "imported_at"),
        )


class ImportAnswer(Shape):
    """`lines` are new, `known` were there before; `differences` are new ones."""

    invoice = InvoiceAnswer()
    lines = serializers.IntegerField()
    known = serializers.IntegerField()
    differences = serializers.IntegerField()


class KindAnswer(Shape):
    kind = serializers.ChoiceField(DifferenceKind.choices)
    count = serializers.IntegerField()
    amount = Amount()
    open_count = serializers.IntegerField()
    open = Amount()
    accepted = Amount()
    adjusted = Amount()


class StatementAnswer(Shape):
    """used_before_adjustments + the kinds + not_compared = billed; `used` is with adjustments."""

    provider = serializers.CharField()
    month = serializers.CharField()
    billed = Amount()
    used = Amount(source="used_now")
    used_before_adjustments = Amount(source="used")
    difference = Amount()
    unreconciled = Amount()
    not_compared = Amount()
    reconciled = serializers.BooleanField()
    line_count = serializers.IntegerField()
    matched_count = serializers.IntegerField()
    kinds = KindAnswer(many=True)


class DifferenceAnswer(Shape):
    """`amount` is theirs less ours, in the workspace's currency."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(DifferenceKind.choices)
    state = serializers.SerializerMethodField()
    amount = Amount()
    ours = Amount()
    service_at = serializers.DateTimeField()
    model = serializers.CharField()
    job_id = serializers.CharField(source="line.job_id", default="")
    invoice = serializers.UUIDField(source="line.invoice_id", default=None, allow_null=True)
    line = serializers.IntegerField(source="line.number", default=None, allow_null=True)
    entry = serializers.UUIDField(allow_null=True)
    take = serializers.UUIDField(source="take_id", allow_null=True)
    why = serializers.CharField()

    def get_state(self, row: Any) -> str:
        return "open" if row.state == "undone" else str(row.state)


class SettlementBody(Shape):
    reason = serializers.CharField(max_length=300)


class ClassBody(SettlementBody):
    kind = serializers.ChoiceField(DifferenceKind.choices)


class CountAnswer(Shape):
    count = serializers.IntegerField()


class UnclaimedAnswer(serializers.ModelSerializer[Entry]):
    amount = Amount()
    key = serializers.CharField(source="key_name")

    class Meta:
        model = Entry
        fields = ("id", "service_at", "provider", "model", "key", "amount", "calculation")


class AssignBody(Shape):
    """`entries`, or a rule: provider, model, key, since, until. One of campaign, deliverable and take."""

    entries = serializers.ListField(child=serializers.UUIDField(), max_length=1000, default=list)
    provider = serializers.CharField(max_length=40, allow_blank=True, default="")
    model = serializers.CharField(max_length=200, allow_blank=True, default="")
    key = serializers.CharField(max_length=120, allow_blank=True, default="")
    since = serializers.DateTimeField(default=None, allow_null=True)
    until = serializers.DateTimeField(default=None, allow_null=True)
    campaign = serializers.CharField(max_length=250, allow_blank=True, default="")
    deliverable = serializers.CharField(max_length=370, allow_blank=True, default="")
    take = serializers.UUIDField(default=None, allow_null=True)
    stage = serializers.ChoiceField(Stage.choices, default=Stage.GENERATION)
