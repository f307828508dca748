"""Batches: the matrix that is asked for, its price before it starts, and how far it is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from generation.api.references import Named
from generation.api.serializers.fields import Amount
from generation.batch_costs import OUTCOMES
from generation.matrices import (
    MOST_COLUMNS,
    MOST_DELIVERABLES,
    MOST_VARIANTS,
    Asked,
    Column,
    Variant,
)
from generation.prompts import MAX_LENGTH
from generation.takes import MOST_AT_ONCE
from projects.models import Batch, BatchCell, Deliverable, Phase
from projects.models.batches import BatchState
from projects.work import MAX_SEED

Shape = serializers.Serializer[Any]


class VariantBody(Shape):
    """What one variant changes: words added to the prompt, values of its variables, the control profile."""

    name = serializers.CharField(max_length=80, allow_blank=True, default="")
    words = serializers.CharField(max_length=MAX_LENGTH, allow_blank=True, default="")
    variables = serializers.DictField(child=serializers.CharField(max_length=2000), default=dict)
    control_profile = serializers.CharField(max_length=80, allow_blank=True, default="")


class ColumnBody(Shape):
    """A model by its key, or a switching criterion to follow; neither: as the route says."""

    model = serializers.CharField(max_length=200, allow_blank=True, default="")
    switch = serializers.CharField(max_length=120, allow_blank=True, default="")


class MatrixBody(Shape):
    """Deliverables × variants × models, with `count` takes of each cell; their seeds count up from `seed`."""

    deliverables = serializers.ListField(child=Named(Deliverable), min_length=1, max_length=MOST_DELIVERABLES)
    count = serializers.IntegerField(min_value=1, max_value=MOST_AT_ONCE)
    phase = serializers.ChoiceField([(Phase.DRAFT.value, "Draft")], default=Phase.DRAFT.value)
    variants = serializers.ListField(
        child=VariantBody(), required=False, min_length=1, max_length=MOST_VARIANTS
    )
    models = serializers.ListField(child=ColumnBody(), required=False, min_length=1, max_length=MOST_COLUMNS)
    seed = serializers.IntegerField(min_value=0, max_value=MAX_SEED, required=False, allow_null=True)


class BatchBody(MatrixBody):
    """`at_most` is the total that is agreed to: dearer is refused. `leave_out` makes what can be made."""

    at_most = Amount(required=False, min_value=Decimal(0))
    leave_out = serializers.BooleanField(default=False)


def asked(said: dict[str, Any]) -> Asked:
    """The matrix of a validated body."""
    return Asked(
        deliverables=said["deliverables"],
        count=said["count"],
        variants=[Variant(**entry) for entry in said.get("variants", ())] or [Variant()],
        columns=[Column(**entry) for entry in said.get("models", ())] or [Column()],
        seed=said.get("seed"),
    )


class LineAnswer(Shape):
    takes = serializers.IntegerField()
    amount = Amount()
    at_most = Amount()


class RowAnswer(LineAnswer):
    deliverable = serializers.UUIDField()


class ColumnAnswer(LineAnswer):
    variant = serializers.IntegerField()
    model = serializers.CharField(allow_blank=True)
    switch = serializers.CharField(allow_blank=True)


class CannotAnswer(Shape):
    deliverable = serializers.UUIDField()
    variant = serializers.IntegerField()
    column = serializers.IntegerField()
    why = serializers.CharField()


class NeedAnswer(Shape):
    scope = serializers.CharField()
    name = serializers.CharField()
    left = Amount()
    needed = Amount()


class MatrixAnswer(LineAnswer):
    """The price of all that can be made, of each deliverable and of each column; and what cannot be made."""

    currency = serializers.CharField()
    rows = RowAnswer(many=True)
    columns = ColumnAnswer(many=True)
    cannot = CannotAnswer(many=True)
    budgets = NeedAnswer(many=True)


class BatchProgress(Shape):
    """Takes of the batch by what became of them; `waiting` ones are not made yet and hold no money."""

    takes = serializers.IntegerField()
    waiting = serializers.IntegerField()
    ready = serializers.IntegerField()
    failed = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    stopped_by_budget = serializers.IntegerField()
    in_flight = serializers.IntegerField()
    finished = serializers.BooleanField()


class OutcomeAnswer(Shape):
    """Takes of the batch that came to the same end, with their money."""

    outcome = serializers.CharField(help_text=f"One of {', '.join(OUTCOMES)}.")
    takes = serializers.IntegerField()
    posted = Amount()
    held = Amount()


class BatchAnswer(serializers.ModelSerializer[Batch]):
    state = serializers.ChoiceField(BatchState.choices)
    at_most = Amount()
    amount = Amount()
    held = Amount(help_text="For takes in the making.")
    posted = Amount(help_text="Charged so far, refunds deducted.")
    outcomes = OutcomeAnswer(many=True)
    requested_by = serializers.CharField(source="requested_by.email")
    progress = BatchProgress()

    class Meta:
        model = Batch
        fields = (
            *("id", "state", "phase", "count", "amount", "at_most", "held", "posted", "outcomes"),
            *("requested_by", "requested_at", "paused_at"),
            *("stopped_at", "stopped_by", "stopped_words", "cancelled_at", "finished_at"),
            "progress",
        )


class GoOnBody(Shape):
    """`at_most` is what the rest may cost; without it, what was confirmed for it before."""

    at_most = Amount(required=False, min_value=Decimal(0))


class CellTake(Shape):
    id = serializers.UUIDField(source="take_id")
    number = serializers.IntegerField(source="take.number")
    state = serializers.CharField(source="take.state")
    mark = serializers.CharField(source="take.mark", allow_blank=True)


class CellAnswer(serializers.ModelSerializer[BatchCell]):
    """One cell with its takes; those that are not made yet are missing."""

    deliverable = serializers.UUIDField(source="deliverable_id")
    at_most = Amount()
    expected = Amount()
    takes = CellTake(many=True, source="slots")

    class Meta:
        model = BatchCell
        fields = ("id", "deliverable", "variant", "column", "request_hash", "expected", "at_most", "takes")
