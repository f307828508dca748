"""The price book, exchange rates and packs of credits."""

from __future__ import annotations

import uuid

from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from billing import credits, price_decisions, prices, rates
from billing.models import CreditLot, ExchangeRate, PriceRow
from generation.api import filters
from generation.api.calls import Call, Listing
from generation.api.references import missing
from generation.api.serializers import prices as shapes
from projects.access import Right


class PriceRows(Listing):
    """Every price row, in the order in which they were entered; a new one is a proposal."""

    policy = {"GET": Right.READ, "POST": Right.KEEP_BOOKS}
    queryset = PriceRow.objects.select_related("author", "decision__decided_by")
    serializer_class = shapes.PriceRowAnswer
    filter_backends = [DjangoFilterBackend]
    filterset_class = filters.PriceRows

    @extend_schema(request=shapes.PriceRowBody, responses={201: shapes.PriceRowAnswer})
    def post(self, request: Request) -> Response:
        made = prices.add_row(by=self.membership, **self.body(shapes.PriceRowBody))
        return self.answer(made, code=201)


class PriceDecisions(Call):
    """Approves or declines a proposed price, once; not one's own where another of finance could."""

    policy = {"POST": Right.KEEP_BOOKS}
    serializer_class = shapes.PriceDecisionAnswer

    @extend_schema(request=shapes.PriceDecisionBody, responses={201: shapes.PriceDecisionAnswer})
    def post(self, request: Request, price_row: uuid.UUID) -> Response:
        row = PriceRow.objects.visible_to(self.membership).filter(pk=price_row).first()
        if row is None:
            raise missing(PriceRow, str(price_row))
        said = self.body(shapes.PriceDecisionBody)
        work = price_decisions.approve if said["decision"] == "approve" else price_decisions.decline
        return self.answer(work(row=row, by=self.membership, note=said["note"]), code=201)


class ExchangeRates(Listing):
    """Exchange rates, in the order in which they were entered."""

    policy = {"GET": Right.READ, "POST": Right.KEEP_BOOKS}
    queryset = ExchangeRate.objects.select_related("author")
    serializer_class = shapes.RateAnswer
    filter_backends = [DjangoFilterBackend]
    filterset_class = filters.ExchangeRates

    @extend_schema(request=shapes.RateBody, responses={201: shapes.RateAnswer})
    def post(self, request: Request) -> Response:
        return self.answer(rates.add_rate(by=self.membership, **self.body(shapes.RateBody)), code=201)


class CreditLots(Listing):
    """Packs of credits with what is left of each."""

    policy = {"GET": Right.READ, "POST": Right.KEEP_BOOKS}
    queryset = CreditLot.objects.select_related("author", "balance")
    serializer_class = shapes.LotAnswer
    filter_backends = [DjangoFilterBackend]
    filterset_class = filters.CreditLots

    @extend_schema(request=shapes.LotBody, responses={201: shapes.LotAnswer})
    def post(self, request: Request) -> Response:
        made = credits.buy(by=self.membership, **self.body(shapes.LotBody))
        return self.answer(self.get_queryset().get(pk=made.pk), code=201)
