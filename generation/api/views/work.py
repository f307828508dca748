"""Members, projects, campaigns and deliverables."""

from __future__ import annotations

import dataclasses
from typing import Any

from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from generation import hero_voids, reviews, uploads
from generation.api import examples, filters
from generation.api.calls import Call, Listing
from generation.api.serializers import work as shapes
from projects import access, briefs, work
from projects.access import Right
from projects.models import Campaign, Category, Deliverable, Format, Project, ReferenceAnchor
from projects.problems import Invalid


class Me(Call):
    """Who the token belongs to."""

    policy = {"GET": Right.READ}
    serializer_class = shapes.Me

    @extend_schema(responses={200: shapes.Me})
    def get(self, request: Request) -> Response:
        member = self.membership
        told = {
            "person": member.person,
            "workspace": member.workspace,
            "roles": sorted(member.roles),
            "rights": sorted(access.rights_of(member)),
        }
        return self.answer(told)


class Projects(Listing):
    """Clients and brands."""

    policy = {"GET": Right.READ, "POST": Right.MAKE}
    queryset = Project.objects.all()
    serializer_class = shapes.ProjectAnswer

    @extend_schema(request=shapes.ProjectBody, responses={201: shapes.ProjectAnswer})
    def post(self, request: Request) -> Response:
        made = work.create_project(by=self.membership, **self.body(shapes.ProjectBody))
        return self.answer(made, code=201)


class OneProject(Call):
    policy = {"GET": Right.READ}
    serializer_class = shapes.ProjectAnswer

    @extend_schema(responses={200: shapes.ProjectAnswer})
    def get(self, request: Request, project: str) -> Response:
        return self.answer(self.row(Project, project))


class Campaigns(Listing):
    """Bodies of work with their identity."""

    policy = {"GET": Right.READ, "POST": Right.MAKE}
    queryset = Campaign.objects.select_related("project")
    serializer_class = shapes.CampaignAnswer
    filter_backends = [DjangoFilterBackend]
    filterset_class = filters.Campaigns

    @extend_schema(request=shapes.CampaignBody, responses={201: shapes.CampaignAnswer})
    def post(self, request: Request) -> Response:
        made = work.create_campaign(by=self.membership, **self.body(shapes.CampaignBody))
        return self.answer(made, code=201)


class OneCampaign(Call):
    policy = {"GET": Right.READ}
    serializer_class = shapes.CampaignAnswer

    @extend_schema(responses={200: shapes.CampaignAnswer})
    def get(self, request: Request, campaign: str) -> Response:
        return self.answer(self.row(Campaign, campaign))


class References(Call):
    """Pictures that hold a campaign's identity."""

    policy = {"GET": Right.READ, "POST": Right.MAKE}
    parser_classes = [MultiPartParser]
    serializer_class = shapes.ReferenceAnswer
    queryset = ReferenceAnchor.objects.select_related("asset")
    refuses_values = True
    also_refuses = {"POST": (507,)}

    @extend_schema(
        operation_id="campaigns_references_list", responses={200: shapes.ReferenceAnswer(many=True)}
    )
    def get(self, request: Request, campaign: str) -> Response:
        rows = self.row(Campaign, campaign).anchors.filter(removed_at__isnull=True).select_related("asset")
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(request=shapes.ReferenceBody, responses={201: shapes.ReferenceAnswer})
    def post(self, request: Request, campaign: str) -> Response:
        row = self.row(Campaign, campaign)
        made = uploads.add_reference(campaign=row, by=self.membership, **self.body(shapes.ReferenceBody))
        hero_voids.void_changed(workspace=self.membership.workspace)
        return self.answer(made, code=201)


class Categories(Listing):
    """Kinds of deliverables; each says in which phase it is delivered."""

    policy = {"GET": Right.READ}
    queryset = Category.objects.all()
    serializer_class = shapes.CategoryAnswer


class Formats(Listing):
    """Aspect templates with their pixel sizes."""

    policy = {"GET": Right.READ}
    queryset = Format.objects.all()
    serializer_class = shapes.FormatAnswer


class Deliverables(Listing):
    """Things to deliver."""

    policy = {"GET": Right.READ, "POST": Right.MAKE}
    queryset = Deliverable.objects.select_related("campaign__project", "category", "format")
    serializer_class = shapes.DeliverableAnswer
    filter_backends = [DjangoFilterBackend]
    filterset_class = filters.Deliverables

    @extend_schema(
        request=shapes.DeliverableBody,
        responses={201: shapes.DeliverableAnswer},
        examples=[examples.request("A film", examples.DELIVERABLE)],
    )
    def post(self, request: Request) -> Response:
        made = work.create_deliverable(by=self.membership, **self.body(shapes.DeliverableBody))
        return self.answer(made, code=201)


class ImportDeliverables(Call):
    """A brief as CSV (UTF-8) with the columns of a deliverable; all of it or nothing."""

    policy = {"POST": Right.MAKE}
    parser_classes = [MultiPartParser]
    serializer_class = shapes.Imported

    @extend_schema(request=shapes.FileBody, responses={201: shapes.Imported})
    def post(self, request: Request) -> Response:
        file = self.body(shapes.FileBody)["file"]
        if file.size > briefs.MAX_BYTES:
            raise Invalid({"file": [f"The file is larger than {briefs.MAX_BYTES // 2**20} MiB."]})
        done = briefs.import_deliverables(file=file.read(), by=self.membership)
        return self.answer(dataclasses.asdict(done), code=201)


class OneDeliverable(Call):
    policy = {"GET": Right.READ}
    serializer_class = shapes.DeliverableAnswer

    @extend_schema(responses={200: shapes.DeliverableAnswer})
    def get(self, request: Request, deliverable: str) -> Response:
        return self.answer(self.row(Deliverable, deliverable))


class Ending(Call):
    """Decides on a whole deliverable, and answers it."""

    policy = {"POST": Right.APPROVE}
    serializer_class = shapes.DeliverableAnswer

    def decided(self, name: str, decide: Any) -> Response:
        row = self.row(Deliverable, name)
        decide(deliverable=row, by=self.membership, **self.body(shapes.ReasonBody))
        row.refresh_from_db()
        return self.answer(row)


class WriteOff(Ending):
    """Drops a deliverable: what waits is cancelled, its cash moves to *written off*."""

    @extend_schema(request=shapes.ReasonBody, responses={200: shapes.DeliverableAnswer})
    def post(self, request: Request, deliverable: str) -> Response:
        return self.decided(deliverable, reviews.write_off)


class Reopen(Ending):
    """Takes a write-off back."""

    @extend_schema(request=shapes.ReasonBody, responses={200: shapes.DeliverableAnswer})
    def post(self, request: Request, deliverable: str) -> Response:
        return self.decided(deliverable, reviews.reopen)
