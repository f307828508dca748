"""Who makes what: the dry run, tables, the catalogue, pipelines and prompt templates."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from generation import dry_run, hero_voids, pipelines, prompts, workspaces
from generation.api import examples, filters
from generation.api.calls import Call, Listing
from generation.api.serializers import routing as shapes
from generation.models import Pipeline, PromptTemplate
from projects.access import Right
from projects.models import Membership
from projects.problems import Invalid
from routing import listing, tables
from routing.brief import Brief
from routing.forms import CatalogueFilter
from routing.models import CatalogueModel, RoutingTable


class Resolve(Call):
    """The dry run of the table in force: nothing is written, and nothing is spent."""

    policy = {"POST": Right.READ}
    serializer_class = shapes.ResolveAnswer

    @extend_schema(
        request=shapes.ResolveBody,
        responses={200: shapes.ResolveAnswer},
        examples=[examples.request("Drafts of a film", examples.RESOLVE)],
    )
    def post(self, request: Request) -> Response:
        said = self.body(shapes.ResolveBody)
        brief = Brief(
            category=said["category"].key,
            phase=said["phase"],
            project=said["project"].key if said["project"] else "",
            audience=said["audience"],
            locale=said["locale"],
        )
        decision = dry_run.resolve(
            workspace=self.membership.workspace,
            brief=brief,
            shape=said["format"],
            step=said["step"],
            now=timezone.now(),
        )
        return self.answer(dry_run.answer(decision))


class Tables(Listing):
    """All versions of the routing table, newest first."""

    policy = {"GET": Right.READ, "POST": Right.PROPOSE_TABLES}
    queryset = RoutingTable.objects.select_related("author", "approver")
    order = ("-version",)
    serializer_class = shapes.TableAnswer
    filter_backends = [DjangoFilterBackend]
    filterset_class = filters.Tables

    @extend_schema(request=shapes.TableBody, responses={201: shapes.TableAnswer})
    def post(self, request: Request) -> Response:
        said = self.body(shapes.TableBody)
        made = tables.propose(
            content=said["document"],
            reason=said["reason"],
            by=self.membership,
            pipelines=workspaces.published(self.membership.workspace),
        )
        return self.answer(made, code=201)


class OneTable(Call):
    policy = {"GET": Right.READ}
    serializer_class = shapes.TableAnswer

    @extend_schema(responses={200: shapes.TableAnswer})
    def get(self, request: Request, version: int) -> Response:
        return self.answer(_version(self.membership, version))


class PublishTable(Call):
    """Puts a proposed version in force; never one's own proposal."""

    policy = {"POST": Right.PUBLISH_TABLES}
    serializer_class = shapes.TableAnswer

    @extend_schema(request=None, responses={200: shapes.TableAnswer})
    def post(self, request: Request, version: int) -> Response:
        published = tables.publish(
            table=_version(self.membership, version),
            by=self.membership,
            pipelines=workspaces.published(self.membership.workspace),
        )
        return self.answer(published)


class Catalogue(Listing):
    """The models, with the workspace's prices and their health."""

    policy = {"GET": Right.READ}
    queryset = CatalogueModel.objects.all()
    order = ("key",)
    serializer_class = shapes.ModelAnswer
    refuses_values = True

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset()
        form = CatalogueFilter(self.request.query_params, membership=self.membership)
        if not form.is_valid():
            raise Invalid({name: [str(said) for said in errors] for name, errors in form.errors.items()})
        today = timezone.now().date()
        return listing.rows(self.membership, form.cleaned_data, today=today)

    @extend_schema(
        parameters=[
            OpenApiParameter(name, OpenApiTypes.STR) for name in ("q", "kind", "tier", "provider", "state")
        ],
        responses={200: shapes.ModelAnswer(many=True)},
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset()) or []
        told = listing.listed(self.membership.workspace, page, now=timezone.now())
        return self.get_paginated_response(self.get_serializer(told, many=True).data)


class PromptTemplates(Listing):
    """Prompt templates, all versions."""

    policy = {"GET": Right.READ, "POST": Right.MAKE}
    queryset = PromptTemplate.objects.select_related("author")
    serializer_class = shapes.TemplateAnswer
    filter_backends = [DjangoFilterBackend]
    filterset_class = filters.Templates

    @extend_schema(request=shapes.TemplateBody, responses={201: shapes.TemplateAnswer})
    def post(self, request: Request) -> Response:
        made = prompts.publish(by=self.membership, **self.body(shapes.TemplateBody))
        hero_voids.void_changed(workspace=self.membership.workspace)
        return self.answer(made, code=201)


class Pipelines(Listing):
    """Pipelines, all versions."""

    policy = {"GET": Right.READ, "POST": Right.PUBLISH_TABLES}
    queryset = Pipeline.objects.select_related("author")
    serializer_class = shapes.PipelineAnswer
    filter_backends = [DjangoFilterBackend]
    filterset_class = filters.Pipelines

    @extend_schema(request=shapes.PipelineBody, responses={201: shapes.PipelineAnswer})
    def post(self, request: Request) -> Response:
        made = pipelines.publish(by=self.membership, **self.body(shapes.PipelineBody))
        hero_voids.void_changed(workspace=self.membership.workspace)
        return self.answer(made, code=201)


def _version(membership: Membership, number: int) -> RoutingTable:
    """The version of the member's workspace, or 404."""
    rows = RoutingTable.objects.visible_to(membership).select_related("author", "approver")
    found = rows.filter(version=number).first() if number < 2**31 else None
    if found is None:
        raise Http404(f"There is no version {number}.")
    return found
