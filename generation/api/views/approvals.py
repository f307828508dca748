"""Hero requests, and requests for more takes."""

from __future__ import annotations

import uuid
from typing import Any

from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from generation import caps, heroes
from generation.api import examples, filters
from generation.api.calls import Call, Listing
from generation.api.idempotency import once
from generation.api.serializers import approvals as shapes
from projects.access import Right
from projects.models import CapRequest, Deliverable, HeroRequest, Take


class AskForHero(Call):
    """Asks a manager for the hero render of a selected draft, at the price that is shown."""

    policy = {"POST": Right.MAKE}
    serializer_class = shapes.HeroAnswer

    @extend_schema(
        request=shapes.NoteBody,
        responses={201: shapes.HeroAnswer},
        examples=[examples.request("With a note", examples.HERO)],
    )
    def post(self, request: Request, take: uuid.UUID) -> Response:
        row = self.row(Take, take)
        made = heroes.request(take=row, by=self.membership, **self.body(shapes.NoteBody))
        return self.answer(made, code=201)


class HeroRequests(Listing):
    """Hero requests, newest first."""

    policy = {"GET": Right.READ}
    queryset = HeroRequest.objects.select_related("requested_by")
    order = ("-id",)
    serializer_class = shapes.HeroAnswer
    filter_backends = [DjangoFilterBackend]
    filterset_class = filters.HeroRequests


class OneHeroRequest(Call):
    policy = {"GET": Right.READ}
    serializer_class = shapes.HeroAnswer

    @extend_schema(responses={200: shapes.HeroAnswer})
    def get(self, request: Request, hero_request: uuid.UUID) -> Response:
        return self.answer(self.row(HeroRequest, hero_request))


class HeroDecisions(Call):
    """Approves the spending of a hero request, or asks for changes."""

    policy = {"POST": Right.APPROVE}
    serializer_class = shapes.HeroAnswer

    def spends(self, request: Request) -> bool:
        """Declining spends nothing."""
        return not (isinstance(request.data, dict) and request.data.get("decision") == "decline")

    @extend_schema(
        request=shapes.HeroDecisionBody,
        responses={200: shapes.HeroAnswer},
        examples=[examples.request("Approved", examples.HERO_DECISION)],
    )
    @once
    def post(self, request: Request, hero_request: uuid.UUID) -> Response:
        row = self.row(HeroRequest, hero_request)
        said = self.body(shapes.HeroDecisionBody)
        common: dict[str, Any] = {"hero_request": row, "by": self.membership, "note": said["note"]}
        if said["decision"] == "approve":
            return self.answer(heroes.approve(**common, seen=said["at_most"]))
        return self.answer(heroes.decline(**common))


class UndoHero(Call):
    """Takes an approval back while nothing was submitted."""

    policy = {"POST": Right.APPROVE}
    serializer_class = shapes.HeroAnswer

    @extend_schema(request=None, responses={200: shapes.HeroAnswer})
    def post(self, request: Request, hero_request: uuid.UUID) -> Response:
        row = self.row(HeroRequest, hero_request)
        return self.answer(heroes.undo(hero_request=row, by=self.membership))


class CapRequests(Listing):
    """Requests for more takes, newest first."""

    policy = {"GET": Right.READ}
    queryset = CapRequest.objects.select_related("requested_by")
    order = ("-id",)
    serializer_class = shapes.CapAnswer
    filter_backends = [DjangoFilterBackend]
    filterset_class = filters.CapRequests


class AskForMore(Call):
    """Asks a manager for more takes than the cap allows."""

    policy = {"POST": Right.MAKE}
    serializer_class = shapes.CapAnswer

    @extend_schema(
        request=shapes.CapBody,
        responses={201: shapes.CapAnswer},
        examples=[examples.request("Two more", examples.MORE)],
    )
    def post(self, request: Request, deliverable: str) -> Response:
        row = self.row(Deliverable, deliverable)
        made = caps.request(deliverable=row, by=self.membership, **self.body(shapes.CapBody))
        return self.answer(made, code=201)


class OneCapRequest(Call):
    policy = {"GET": Right.READ}
    serializer_class = shapes.CapAnswer

    @extend_schema(responses={200: shapes.CapAnswer})
    def get(self, request: Request, cap_request: uuid.UUID) -> Response:
        return self.answer(self.row(CapRequest, cap_request))


class CapDecisions(Call):
    """Grants more takes, or declines."""

    policy = {"POST": Right.APPROVE}
    serializer_class = shapes.CapAnswer

    @extend_schema(request=shapes.CapDecisionBody, responses={200: shapes.CapAnswer})
    def post(self, request: Request, cap_request: uuid.UUID) -> Response:
        row = self.row(CapRequest, cap_request)
        said = self.body(shapes.CapDecisionBody)
        return self.answer(caps.decide(cap_request=row, by=self.membership, **said))
