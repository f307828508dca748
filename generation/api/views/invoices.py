"""What providers billed: bringing bills, the bridge of a month, settling differences, unclaimed charges."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from billing.invoices import files, imports, settle, statement, unclaimed, withdrawing
from billing.models import Assignment, Difference, Entry, Invoice
from billing.models.reconciliation import DifferenceKind
from generation import provider_jobs
from generation.api.calls import Call, Listing
from generation.api.serializers import invoices as shapes
from projects.access import Right
from projects.models import Campaign, Deliverable, Take
from projects.problems import Invalid

MONTH = OpenApiParameter("month", OpenApiTypes.STR, OpenApiParameter.PATH, description="YYYY-MM")
KIND = OpenApiParameter("kind", OpenApiTypes.STR, enum=list(DifferenceKind.values))
STATE = OpenApiParameter("state", OpenApiTypes.STR, enum=list(statement.STATES))


class Invoices(Listing):
    """Bills, newest first. A POST brings one: the whole file or nothing, every line once."""

    policy = {"GET": Right.READ, "POST": Right.KEEP_BOOKS}
    queryset = Invoice.objects.all()
    order = ("-id",)
    serializer_class = shapes.InvoiceAnswer
    parser_classes = [MultiPartParser]

    @extend_schema(responses={200: shapes.InvoiceAnswer(many=True)})
    def get(self, request: Request) -> Response:
        return super().get(request)

    @extend_schema(request=shapes.InvoiceBody, responses={201: shapes.ImportAnswer})
    def post(self, request: Request) -> Response:
        said = self.body(shapes.InvoiceBody)
        file, chosen = said.pop("file"), said.pop("columns", None)
        files.refuse_large(file.size)
        bill = imports.Bill(content=file.read(), file_name=file.name, **said)
        done = imports.bring_in(bill, by=self.membership, columns=chosen, jobs=provider_jobs.known)
        return self.answer(done, shapes.ImportAnswer, code=201)


class OneInvoice(Call):
    """A bill."""

    policy = {"GET": Right.READ}
    serializer_class = shapes.InvoiceAnswer

    @extend_schema(responses={200: shapes.InvoiceAnswer})
    def get(self, request: Request, invoice: uuid.UUID) -> Response:
        return self.answer(self.row(Invoice, invoice))


class Withdraw(Call):
    """Takes a bill back, before anything was booked from it. The same file can be brought again."""

    policy = {"POST": Right.KEEP_BOOKS}
    serializer_class = shapes.CountAnswer

    @extend_schema(request=shapes.SettlementBody, responses={200: shapes.CountAnswer})
    def post(self, request: Request, invoice: uuid.UUID) -> Response:
        row = self.row(Invoice, invoice)
        said = self.body(shapes.SettlementBody)
        made = withdrawing.withdraw(invoice=row, by=self.membership, jobs=provider_jobs.known, **said)
        return self.answer({"count": made.line_count})


class Reconciliation(Call):
    """A provider's month: billed, used here, and the bridge between them by kind."""

    policy = {"GET": Right.READ}
    serializer_class = shapes.StatementAnswer
    refuses_values = True

    @extend_schema(parameters=[MONTH], responses={200: shapes.StatementAnswer})
    def get(self, request: Request, provider: str, month: str) -> Response:
        return self.answer(statement.statement(self.membership.workspace, provider, month))


class Differences(Listing):
    """The differences of a provider's month, by the time of the service."""

    policy = {"GET": Right.READ}
    queryset = Difference.objects.all()
    order = ("service_at", "id")
    serializer_class = shapes.DifferenceAnswer

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset()
        said = self.request.query_params
        return statement.listed(
            self.membership.workspace,
            self.kwargs["provider"],
            self.kwargs["month"],
            kind=said.get("kind", ""),
            state=said.get("state", ""),
        )

    @extend_schema(parameters=[MONTH, KIND, STATE], responses={200: shapes.DifferenceAnswer(many=True)})
    def get(self, request: Request, provider: str, month: str) -> Response:
        return super().get(request)


class AcceptClass(Call):
    """Accepts all of a kind that are within the provider's tolerance."""

    policy = {"POST": Right.KEEP_BOOKS}
    serializer_class = shapes.CountAnswer

    @extend_schema(parameters=[MONTH], request=shapes.ClassBody, responses={200: shapes.CountAnswer})
    def post(self, request: Request, provider: str, month: str) -> Response:
        said = self.body(shapes.ClassBody)
        count = settle.accept_class(provider=provider, month=month, by=self.membership, **said)
        return self.answer({"count": count})


class _Settle(Call):
    policy = {"POST": Right.KEEP_BOOKS}
    serializer_class = shapes.DifferenceAnswer
    act: Any = None

    @extend_schema(request=shapes.SettlementBody, responses={200: shapes.DifferenceAnswer})
    def post(self, request: Request, difference: uuid.UUID) -> Response:
        row = self.row(Difference, difference)
        type(self).act(difference=row, reason=self.body(shapes.SettlementBody)["reason"], by=self.membership)
        rows = statement.with_state(Difference.objects.visible_to(self.membership))
        return self.answer(rows.select_related("line").get(pk=row.pk))


class Accept(_Settle):
    """Accepts a difference as it is."""

    act = staticmethod(settle.accept)


class Adjust(_Settle):
    """Books a difference as an adjustment; once."""

    act = staticmethod(settle.adjust)


class Undo(_Settle):
    """Takes an acceptance back, until the month is closed."""

    act = staticmethod(settle.undo)


class Unclaimed(Listing):
    """Charges that belong to no take: period costs, until they are assigned."""

    policy = {"GET": Right.READ}
    queryset = Entry.objects.all()
    order = ("service_at", "id")
    serializer_class = shapes.UnclaimedAnswer

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset()
        return unclaimed.listed(self.membership)


class Assign(Call):
    """Gives unclaimed charges, named or found by a rule, to a campaign, a deliverable or a take."""

    policy = {"POST": Right.KEEP_BOOKS}
    serializer_class = shapes.CountAnswer

    @extend_schema(request=shapes.AssignBody, responses={200: shapes.CountAnswer})
    def post(self, request: Request) -> Response:
        said = self.body(shapes.AssignBody)
        target = self._target(said.pop("campaign"), said.pop("deliverable"), said.pop("take"))
        ids, stage = said.pop("entries"), said.pop("stage")
        if ids:
            done = unclaimed.assign(ids=ids, target=target, by=self.membership, stage=stage)
            return self.answer({"count": len(done)})
        wanted = unclaimed.Filter(**said)
        rule = unclaimed.assign_by_rule(wanted=wanted, target=target, by=self.membership, stage=stage)
        return self.answer({"count": Assignment.objects.filter(rule=rule).count()})

    def _target(self, campaign: str, deliverable: str, take: uuid.UUID | None) -> Any:
        named = [each for each in (campaign, deliverable, take) if each]
        if len(named) != 1:
            raise Invalid({"campaign": ["Name one of campaign, deliverable and take."]})
        model = Take if take else Deliverable if deliverable else Campaign
        return self.row(model, named[0])
