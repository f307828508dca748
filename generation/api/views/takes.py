"""Takes: price, make, upload, look at, cancel, recall, decide."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from generation import cancel, quotes, recall, reviews, takes, uploads
from generation.api import examples, filters, told
from generation.api.calls import AnyForm, Call, Listing
from generation.api.idempotency import once
from generation.api.references import missing
from generation.api.serializers import takes as shapes
from generation.views import media
from projects.access import Right
from projects.models import Asset, Decision, Deliverable, Take


class Quotes(Call):
    """What takes would cost; nothing is spent or written."""

    policy = {"POST": Right.READ}
    serializer_class = shapes.QuoteAnswer

    @extend_schema(
        request=shapes.QuoteBody,
        responses={200: shapes.QuoteAnswer},
        examples=[
            examples.request("Two drafts", examples.QUOTE),
            examples.answer("What they cost", examples.QUOTED),
        ],
    )
    def post(self, request: Request) -> Response:
        return self.answer(
            quotes.quote(**self.body(shapes.QuoteBody), person_id=self.membership.person_id).document()
        )


class Takes(Listing):
    """The takes of a deliverable, newest first."""

    policy = {"GET": Right.READ, "POST": Right.MAKE}
    queryset = Take.objects.select_related("round")
    order = ("-number",)
    serializer_class = shapes.TakeAnswer
    filter_backends = [DjangoFilterBackend]
    filterset_class = filters.Takes

    def get_queryset(self) -> QuerySet[Any]:
        rows = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return rows
        return rows.filter(deliverable=self.row(Deliverable, self.kwargs["deliverable"]))

    @extend_schema(
        request=shapes.TakesBody,
        responses={201: shapes.RoundAnswer},
        examples=[
            examples.request("Two drafts", examples.TAKES),
            examples.answer("The budget is too small", examples.BUDGET_PROBLEM, code=402),
        ],
    )
    @once
    def post(self, request: Request, deliverable: str) -> Response:
        row = self.row(Deliverable, deliverable)
        wanted = self.body(shapes.TakesBody)
        wanted.pop("phase")
        confirmed = wanted.pop("at_most", None)
        made = takes.make(deliverable=row, by=self.membership, confirmed=confirmed, **wanted)
        rows = made.takes.select_related("round").order_by("number")
        return self.answer({"round": made.number, "takes": rows}, shapes.RoundAnswer, code=201)


class Upload(Call):
    """A take that was made or finished by hand; it counts and costs like any other."""

    policy = {"POST": Right.MAKE}
    parser_classes = [MultiPartParser]
    serializer_class = shapes.WholeTake

    @extend_schema(request=shapes.UploadBody, responses={201: shapes.WholeTake})
    @once
    def post(self, request: Request, deliverable: str) -> Response:
        row = self.row(Deliverable, deliverable)
        said = self.body(shapes.UploadBody)
        made = uploads.Made(said["made_with"], said["amount"], said["currency"], said["note"])
        take = uploads.upload(
            deliverable=row,
            file=said["file"],
            made=made,
            by=self.membership,
            phase=said["phase"],
            source_take=self._source(row, said["source_take"]),
        )
        return self.answer(whole(take), code=201)

    def _source(self, deliverable: Deliverable, name: str) -> Take | None:
        if not name:
            return None
        if not name.isdecimal():
            found: Take = self.row(Take, name)
            return found
        take = Take.objects.filter(deliverable=deliverable, number=min(int(name[:9]), 2**31 - 1)).first()
        if take is None:
            raise missing(Take, name)
        return take


class OneTake(Call):
    """A take with all that made it."""

    policy = {"GET": Right.READ}
    serializer_class = shapes.WholeTake

    @extend_schema(responses={200: shapes.WholeTake})
    def get(self, request: Request, take: uuid.UUID) -> Response:
        return self.answer(whole(self.row(Take, take)))


class Cancel(Call):
    """Cancels one take; what has ended stays as it is."""

    policy = {"POST": Right.MAKE}
    serializer_class = shapes.WholeTake

    @extend_schema(request=None, responses={200: shapes.WholeTake})
    def post(self, request: Request, take: uuid.UUID) -> Response:
        row = self.row(Take, take)
        cancel.cancel(take=row, by=self.membership)
        row.refresh_from_db()
        return self.answer(whole(row))


class Recall(Call):
    """Brings a take's request back, whole or in part; nothing is started."""

    policy = {"POST": Right.READ}
    serializer_class = shapes.RecallAnswer

    @extend_schema(request=shapes.RecallBody, responses={200: shapes.RecallAnswer})
    def post(self, request: Request, take: uuid.UUID) -> Response:
        row = self.row(Take, take)
        return self.answer(recall.recall(take=row, **self.body(shapes.RecallBody)))


class Reviews(Call):
    """Selects, signs off, rejects, or withdraws a sign-off."""

    policy = {"POST": Right.MAKE}
    serializer_class = shapes.DecisionAnswer

    @extend_schema(
        request=shapes.ReviewBody,
        responses={201: shapes.DecisionAnswer},
        examples=[examples.request("Rejected", examples.REVIEW)],
    )
    def post(self, request: Request, take: uuid.UUID) -> Response:
        row = self.row(Take, take)
        made = reviews.review(take=row, by=self.membership, **self.body(shapes.ReviewBody))
        decision = Decision.objects.select_related("take", "deliverable").get(pk=made.pk)
        return self.answer(decision, code=201)


class File(Call):
    """The bytes of a file, with Range; to members of its workspace."""

    policy = {"GET": Right.READ}
    content_negotiation_class = AnyForm

    @extend_schema(
        responses={
            (200, "*/*"): OpenApiResponse(OpenApiTypes.BINARY, description="The file."),
            (206, "*/*"): OpenApiResponse(OpenApiTypes.BINARY, description="The range that was asked for."),
            304: OpenApiResponse(description="What the client has is the file."),
            416: OpenApiResponse(description="The file ends before that range."),
        }
    )
    def get(self, request: Request, asset: uuid.UUID) -> HttpResponseBase:
        row: Asset = self.row(Asset, asset)
        return media.serve(request._request, row)  # type: ignore[arg-type]


def whole(take: Take) -> Take:
    """The take with what the API tells of it."""
    take.told = told.of(take)  # type: ignore[attr-defined]
    return take
