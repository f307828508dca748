"""Batches: a matrix priced, started, followed, paused, gone on with and cancelled."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import Prefetch
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from generation import batch_costs, batch_steering, batches
from generation.api import examples
from generation.api.calls import Call, Listing
from generation.api.idempotency import once
from generation.api.serializers import batches as shapes
from generation.matrices import Plan
from projects.access import Right
from projects.models import Batch, BatchCell, BatchSlot


class BatchQuotes(Call):
    """What a matrix would cost, line by line and column by column, and what of it cannot be made."""

    policy = {"POST": Right.READ}
    serializer_class = shapes.MatrixAnswer

    @extend_schema(
        request=shapes.MatrixBody,
        responses={200: shapes.MatrixAnswer},
        examples=[
            examples.request("Two wordings on two models", examples.MATRIX),
            examples.answer("Its price", examples.MATRIX_PRICED),
        ],
    )
    def post(self, request: Request) -> Response:
        asked = shapes.asked(self.body(shapes.MatrixBody))
        plan = batches.quote(asked=asked, person_id=self.membership.person_id)
        return self.answer(_priced(plan, self.membership.workspace.currency))


class Batches(Call):
    """Starts a batch of drafts; one of at most twenty takes is made at once: all of them, or none."""

    policy = {"POST": Right.MAKE}
    serializer_class = shapes.BatchAnswer

    @extend_schema(
        request=shapes.BatchBody,
        responses={201: shapes.BatchAnswer},
        examples=[
            examples.request("One draft each", examples.BATCH),
            examples.request("A matrix at a confirmed price", examples.BATCH_MATRIX),
        ],
    )
    @once
    def post(self, request: Request) -> Response:
        said = self.body(shapes.BatchBody)
        made = batches.make(
            asked=shapes.asked(said),
            by=self.membership,
            confirmed=said.get("at_most"),
            leave_out=said["leave_out"],
        )
        return self.answer(_told(made), code=201)


class OneBatch(Call):
    """How far a batch is."""

    policy = {"GET": Right.READ}
    serializer_class = shapes.BatchAnswer

    @extend_schema(responses={200: shapes.BatchAnswer})
    def get(self, request: Request, batch: uuid.UUID) -> Response:
        return self.answer(_told(self.row(Batch, batch)))


class BatchCells(Listing):
    """The cells of a batch in their order, each with the takes made of it."""

    policy = {"GET": Right.READ}
    queryset = BatchCell.objects.all()
    order = ("row", "variant", "column")
    serializer_class = shapes.CellAnswer

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return BatchCell.objects.none()
        made = BatchSlot.objects.filter(take__isnull=False).select_related("take").order_by("position")
        batch = self.row(Batch, self.kwargs["batch"])
        return batch.cells.prefetch_related(Prefetch("slots", made))

    @extend_schema(responses={200: shapes.CellAnswer(many=True)})
    def get(self, request: Request, batch: uuid.UUID) -> Response:
        return self.list(request)


class PauseBatch(Call):
    """Sends nothing more of this batch until it goes on; what was sent is finished."""

    policy = {"POST": Right.MAKE}
    serializer_class = shapes.BatchAnswer

    @extend_schema(request=None, responses={200: shapes.BatchAnswer})
    def post(self, request: Request, batch: uuid.UUID) -> Response:
        row = self.row(Batch, batch)
        return self.answer(_told(batch_steering.pause(batch=row, by=self.membership)))


class ResumeBatch(Call):
    """Goes on exactly where the batch was paused or stopped, at a price of the rest that is agreed to."""

    policy = {"POST": Right.MAKE}
    serializer_class = shapes.BatchAnswer

    @extend_schema(
        request=shapes.GoOnBody,
        responses={200: shapes.BatchAnswer},
        examples=[examples.request("At most three more", examples.GO_ON)],
    )
    @once
    def post(self, request: Request, batch: uuid.UUID) -> Response:
        row, said = self.row(Batch, batch), self.body(shapes.GoOnBody)
        going = batch_steering.go_on(batch=row, by=self.membership, confirmed=said.get("at_most"))
        return self.answer(_told(going))


class CancelBatch(Call):
    """Cancels what is not made and what is in flight of this batch, and nothing else."""

    policy = {"POST": Right.MAKE}
    serializer_class = shapes.BatchAnswer

    @extend_schema(request=None, responses={200: shapes.BatchAnswer})
    def post(self, request: Request, batch: uuid.UUID) -> Response:
        row = self.row(Batch, batch)
        batch_steering.cancel_batch(batch=row, by=self.membership)
        row.refresh_from_db()
        return self.answer(_told(row))


def _told(batch: Any) -> Any:
    batch.progress = batches.progress(batch)
    costs = batch_costs.of(batch)
    batch.held, batch.posted = costs.total.held, costs.total.posted
    batch.outcomes = costs.lines
    return batch


def _priced(plan: Plan, currency: str) -> dict[str, Any]:
    rows = [
        {"deliverable": row.pk, "takes": line.takes, "amount": line.amount, "at_most": line.at_most}
        for row, _, line in plan.rows()
    ]
    columns = [
        {
            "variant": place,
            "model": column.model,
            "switch": column.switch,
            "takes": line.takes,
            "amount": line.amount,
            "at_most": line.at_most,
        }
        for place, _, column, line in plan.columns()
    ]
    budgets = [
        {"scope": row.scope, "name": row.name, "left": row.left, "needed": needed}
        for row, needed in plan.lefts
    ]
    total = plan.total
    return {
        "takes": total.takes,
        "amount": total.amount,
        "at_most": total.at_most,
        "currency": currency,
        "rows": rows,
        "columns": columns,
        "cannot": [batches.impossible(cell) for cell in plan.impossible],
        "budgets": budgets,
    }
