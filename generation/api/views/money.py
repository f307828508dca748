"""What it costs: the ledger, budgets, the audit of a month and its export; and what happened."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.utils import timezone
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from billing import audit, budgets, dimensions, months
from billing.exports import files, jobs
from billing.exports.forms import KINDS, Form
from billing.models import Budget, Entry, ExportJob
from billing.models.budgets import Scope
from generation import exports
from generation.api import filters
from generation.api.calls import AnyForm, Call, Listing
from generation.api.references import missing
from generation.api.serializers import audit as audit_shapes
from generation.api.serializers import money as shapes
from generation.api.serializers import takes as take_shapes
from generation.models import Run
from projects.access import Right
from projects.models import (
    Campaign,
    Category,
    Deliverable,
    Event,
    Membership,
    Project,
)
from projects.plain import is_plain
from projects.problems import Invalid

MONTH = OpenApiParameter(
    "month", OpenApiTypes.STR, description="YYYY-MM; the running month where nothing is said."
)
BY = OpenApiParameter(
    "by", OpenApiTypes.STR, enum=[by.value for by in dimensions.By], description="How rows are cut."
)
MONTH_PATH = OpenApiParameter("month", OpenApiTypes.STR, OpenApiParameter.PATH, description="YYYY-MM")
FORMATS = ("csv", *Form.values)
MEDIA = ("text/csv", *(kind.media_type for kind in KINDS.values()))
RETRY_SECONDS = 5
FORMAT = OpenApiParameter("format", OpenApiTypes.STR, enum=list(FORMATS))
TARGETS: dict[str, Any] = {
    Scope.PROJECT: Project,
    Scope.CAMPAIGN: Campaign,
    Scope.CATEGORY: Category,
    Scope.DELIVERABLE: Deliverable,
}


class Ledger(Listing):
    """Bookings that count in a month (by their effective instant), in the order in which they were made."""

    policy = {"GET": Right.READ}
    queryset = Entry.objects.all()
    serializer_class = shapes.EntryAnswer
    filter_backends = [DjangoFilterBackend]
    filterset_class = filters.Entries

    def get_queryset(self) -> QuerySet[Any]:
        rows = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return rows
        workspace = self.membership.workspace
        month = self.request.query_params.get("month") or months.month_of(workspace, timezone.now())
        span = months.span(workspace, month)
        return rows.filter(effective_at__gte=span.start, effective_at__lt=span.end)

    @extend_schema(parameters=[MONTH], responses={200: shapes.EntryAnswer(many=True)})
    def get(self, request: Request) -> Response:
        return super().get(request)


class Runs(Listing):
    """Steps of takes, newest first: the queue."""

    policy = {"GET": Right.READ}
    queryset = Run.objects.select_related("take")
    order = ("-id",)
    serializer_class = take_shapes.QueuedRun
    filter_backends = [DjangoFilterBackend]
    filterset_class = filters.Runs


class Events(Listing):
    """What happened, newest first."""

    policy = {"GET": Right.READ}
    queryset = Event.objects.select_related("person")
    order = ("-id",)
    serializer_class = shapes.EventAnswer
    filter_backends = [DjangoFilterBackend]
    filterset_class = filters.Events


class Budgets(Listing):
    """Budgets in force, with their use in the window that runs."""

    policy = {"GET": Right.READ, "POST": Right.SET_BUDGETS}
    queryset = Budget.objects.filter(ended_at__isnull=True).select_related(
        *budgets.NAMED, "campaign__project", "deliverable__campaign__project"
    )
    serializer_class = shapes.BudgetAnswer
    filter_backends = [DjangoFilterBackend]
    filterset_class = filters.Budgets

    @extend_schema(responses={200: shapes.BudgetAnswer(many=True)})
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response(self.get_serializer(_with_use(page), many=True).data)

    @extend_schema(request=shapes.BudgetBody, responses={201: shapes.BudgetAnswer})
    def post(self, request: Request) -> Response:
        said = self.body(shapes.BudgetBody)
        target = self._target(said["scope"], said.pop("target"))
        made = budgets.set_budget(by=self.membership, target=target, **said)
        return self.answer(_with_use([made])[0], code=201)

    def _target(self, scope: str, name: str) -> Any:
        """The object that the scope is about; 404 where it is not of this workspace."""
        if not name:
            return None
        if scope in TARGETS:
            return self.row(TARGETS[scope], name)
        if scope == Scope.PERSON:
            return self._person(name)
        return name

    def _person(self, email: str) -> Any:
        if not is_plain(email):
            raise missing(Membership, email)
        rows = Membership.objects.visible_to(self.membership).select_related("person")
        found = rows.filter(person__email__iexact=email).first()
        if found is None:
            raise missing(Membership, email)
        return found.person


class OneBudget(Call):
    """A budget; its limit can be changed, and what is used stays used."""

    policy = {"GET": Right.READ, "PATCH": Right.SET_BUDGETS}
    serializer_class = shapes.BudgetAnswer

    @extend_schema(responses={200: shapes.BudgetAnswer})
    def get(self, request: Request, budget: uuid.UUID) -> Response:
        return self.answer(_with_use([self._named(budget)])[0])

    @extend_schema(request=shapes.LimitBody, responses={200: shapes.BudgetAnswer})
    def patch(self, request: Request, budget: uuid.UUID) -> Response:
        row = self._named(budget)
        changed = budgets.change_limit(budget=row, by=self.membership, **self.body(shapes.LimitBody))
        return self.answer(_with_use([self._named(changed.pk)])[0])

    def _named(self, budget: uuid.UUID) -> Budget:
        rows = Budgets.queryset.visible_to(self.membership)
        found: Budget | None = rows.filter(pk=budget).first()
        if found is None:
            raise missing(Budget, str(budget))
        return found


class Audit(Call):
    """The audit of a month: what finished work really cost, and where the month's cash went."""

    policy = {"GET": Right.READ}
    serializer_class = audit_shapes.AuditAnswer
    refuses_values = True

    @extend_schema(parameters=[MONTH_PATH, BY], responses={200: audit_shapes.AuditAnswer})
    def get(self, request: Request, month: str) -> Response:
        return Response(self.document(month))

    def document(self, month: str) -> dict[str, Any]:
        by = self.request.query_params.get("by") or dimensions.By.CAMPAIGN
        return audit.month_document(workspace=self.membership.workspace, month=month, by=by)


class AuditExport(Audit):
    """The audit as a file: totals and rows as CSV, or the whole month as workbook, statement, FOCUS, JSON.

    A workbook of a large month is made in the background: the answer is 202 with its progress, and the file
    once the same address is asked again after it is made.
    """

    content_negotiation_class = AnyForm

    @extend_schema(
        operation_id="audits_export",
        parameters=[MONTH_PATH, BY, FORMAT],
        responses={
            **{
                (200, media): OpenApiResponse(OpenApiTypes.BINARY, description="The file.") for media in MEDIA
            },
            (202, "application/json"): audit_shapes.ExportProgress,
        },
    )
    def get(self, request: Request, month: str) -> HttpResponseBase:  # type: ignore[override]
        form = request.query_params.get("format") or "csv"
        if form not in FORMATS:
            raise Invalid({"format": [f"Choose one of {', '.join(FORMATS)}."]})
        if form == "csv":
            rows = list(_lines(self.document(month)))
            return exports.csv_response(rows, filename=f"{self.membership.workspace.slug}-{month}-audit.csv")
        return self._file(month, Form(form))

    def _file(self, month: str, form: Form) -> HttpResponseBase:
        workspace = self.membership.workspace
        if not jobs.is_long(workspace=workspace, month=month, form=form):
            return files.response(workspace=workspace, month=month, form=form)
        job = jobs.ask(workspace=workspace, month=month, form=form, by=self.membership.person)
        if job.state == ExportJob.State.DONE:
            return files.of_job(job)
        progress = Response(audit_shapes.ExportProgress(job).data, status=202)
        progress["Retry-After"] = str(RETRY_SECONDS)
        return progress


def _lines(document: dict[str, Any]) -> Iterator[Sequence[Any]]:
    """One line a row of the audit, the totals first under the empty key."""
    measures = list(document["totals"])
    yield ["month", "currency", "key", "name", *measures]
    lead = [document["month"], document["currency"]]
    yield [*lead, "", "Total", *(document["totals"][name] for name in measures)]
    for row in document["rows"]:
        yield [*lead, row["key"], row["name"], *(row.get(name) for name in measures)]


def _with_use(rows: Sequence[Budget]) -> list[dict[str, Any]]:
    """Budgets as the API answers them; two queries whatever their number."""
    used = budgets.in_window(rows, timezone.now())
    return [
        {
            "id": row.pk,
            "scope": row.scope,
            "name": left.name,
            "target": _target_of(row),
            "phase": row.phase,
            "window": row.window,
            "rolling_days": row.rolling_days,
            "limit": left.limit,
            "hard": row.hard,
            "spent": left.spent,
            "reserved": left.reserved,
            "left": left.left,
            "alert_shares": row.alert_shares,
            "set_at": row.set_at,
        }
        for row, left in zip(rows, used, strict=True)
    ]


def _target_of(row: Budget) -> str:
    if row.campaign:
        return f"{row.campaign.project.key}/{row.campaign.key}"
    if row.deliverable:
        campaign = row.deliverable.campaign
        return f"{campaign.project.key}/{campaign.key}/{row.deliverable.key}"
    if row.person:
        return row.person.email
    named = row.project or row.category
    return named.key if named else row.provider
