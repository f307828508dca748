"""Filters of lists. Rows are named by id or key; one that is not there is 404, as in an address."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Model, QuerySet

from billing.models.budgets import Scope
from billing.models.ledger import EntryKind, Stage
from generation.api import references
from generation.models.runs import RunState
from projects.models import (
    Campaign,
    Category,
    Deliverable,
    Phase,
    Project,
    Take,
)
from projects.models.decisions import RequestState
from projects.models.takes import TakeMark, TakeState
from projects.models.work import BoardColumn, DeliverableState
from routing.models.tables import TableState


class Filters(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """What may stand in the query of a list."""


class RowFilter(django_filters.CharFilter):  # type: ignore[misc]
    """Rows that belong to the one that is named."""

    def __init__(self, model: type[Model], field_name: str, **options: Any) -> None:
        self.named = model
        super().__init__(field_name=field_name, **options)

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        if not value:
            return qs
        row = references.find(self.named, self.parent.request.auth.membership, value)
        return qs.filter(**{self.field_name: row.pk})


class Campaigns(Filters):
    project = RowFilter(Project, "project")


class Deliverables(Filters):
    campaign = RowFilter(Campaign, "campaign")
    project = RowFilter(Project, "campaign__project")
    category = RowFilter(Category, "category")
    state = django_filters.ChoiceFilter(choices=DeliverableState.choices)
    board_column = django_filters.ChoiceFilter(choices=BoardColumn.choices)
    due_before = django_filters.DateFilter(field_name="due_on", lookup_expr="lt")


class Takes(Filters):
    phase = django_filters.ChoiceFilter(choices=Phase.choices)
    state = django_filters.ChoiceFilter(choices=TakeState.choices)
    mark = django_filters.ChoiceFilter(choices=[c for c in TakeMark.choices if c[0]])


class HeroRequests(Filters):
    state = django_filters.ChoiceFilter(choices=RequestState.choices)
    deliverable = RowFilter(Deliverable, "deliverable")


class CapRequests(Filters):
    state = django_filters.ChoiceFilter(choices=RequestState.choices)
    deliverable = RowFilter(Deliverable, "deliverable")


class Runs(Filters):
    state = django_filters.ChoiceFilter(choices=RunState.choices)
    take = RowFilter(Take, "take")
    deliverable = RowFilter(Deliverable, "take__deliverable")
    campaign = RowFilter(Campaign, "take__deliverable__campaign")


class Events(Filters):
    kind = django_filters.CharFilter(max_length=40)
    campaign = RowFilter(Campaign, "campaign")
    deliverable = RowFilter(Deliverable, "deliverable")
    take = RowFilter(Take, "take")
    since = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="gte")


class Budgets(Filters):
    scope = django_filters.ChoiceFilter(choices=Scope.choices)


class Entries(Filters):
    kind = django_filters.ChoiceFilter(choices=EntryKind.choices)
    stage = django_filters.ChoiceFilter(choices=Stage.choices)
    project = RowFilter(Project, "project")
    campaign = RowFilter(Campaign, "campaign")
    deliverable = RowFilter(Deliverable, "deliverable")
    take = RowFilter(Take, "take")
    provider = django_filters.CharFilter(max_length=40)
    model = django_filters.CharFilter(max_length=200)


class Tables(Filters):
    state = django_filters.ChoiceFilter(choices=TableState.choices)


class Templates(Filters):
    slug = django_filters.CharFilter(max_length=60)


class Pipelines(Filters):
    slug = django_filters.CharFilter(max_length=60)


class PriceRows(Filters):
    model_key = django_filters.CharFilter()
    state = django_filters.ChoiceFilter(
        choices=[("proposed", "Proposed"), ("approved", "Approved"), ("declined", "Declined")],
        method="of_state",
    )

    def of_state(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(decision=None) if value == "proposed" else rows.filter(decision__decision=value)


class ExchangeRates(Filters):
    currency = django_filters.CharFilter()
    day = django_filters.DateFilter()


class CreditLots(Filters):
    unit = django_filters.CharFilter()
