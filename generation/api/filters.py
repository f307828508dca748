"""Filters of lists. Rows are named by id or key; one that is not there is 404, as in an address."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Model, QuerySet

from billing.models import Budget, Entry
from billing.models.budgets import Scope
from billing.models.ledger import EntryKind, Stage
from generation.api import references
from generation.models import Pipeline, PromptTemplate, Run
from generation.models.runs import RunState
from projects.models import (
    Campaign,
    CapRequest,
    Category,
    Deliverable,
    Event,
    HeroRequest,
    Phase,
    Project,
    Take,
)
from projects.models.decisions import RequestState
from projects.models.takes import TakeMark, TakeState
from projects.models.work import BoardColumn, DeliverableState
from routing.models import RoutingTable
from routing.models.tables import TableState


class RowFilter(django_filters.CharFilter):
    """Rows that belong to the one that is named."""

    def __init__(self, model: type[Model], field_name: str, **options: Any) -> None:
        self.named = model
        super().__init__(field_name=field_name, **options)

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        if not value:
            return qs
        row = references.find(self.named, self.parent.request.auth.membership, value)
        return qs.filter(**{self.field_name: row.pk})


class Campaigns(django_filters.FilterSet):
    project = RowFilter(Project, "project")

    class Meta:
        model = Campaign
        fields: list[str] = []


class Deliverables(django_filters.FilterSet):
    campaign = RowFilter(Campaign, "campaign")
    project = RowFilter(Project, "campaign__project")
    category = RowFilter(Category, "category")
    state = django_filters.ChoiceFilter(choices=DeliverableState.choices)
    board_column = django_filters.ChoiceFilter(choices=BoardColumn.choices)
    due_before = django_filters.DateFilter(field_name="due_on", lookup_expr="lt")

    class Meta:
        model = Deliverable
        fields: list[str] = []


class Takes(django_filters.FilterSet):
    phase = django_filters.ChoiceFilter(choices=Phase.choices)
    state = django_filters.ChoiceFilter(choices=TakeState.choices)
    mark = django_filters.ChoiceFilter(choices=[c for c in TakeMark.choices if c[0]])

    class Meta:
        model = Take
        fields: list[str] = []


class HeroRequests(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=RequestState.choices)
    deliverable = RowFilter(Deliverable, "deliverable")

    class Meta:
        model = HeroRequest
        fields: list[str] = []


class CapRequests(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=RequestState.choices)
    deliverable = RowFilter(Deliverable, "deliverable")

    class Meta:
        model = CapRequest
        fields: list[str] = []


class Runs(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=RunState.choices)
    take = RowFilter(Take, "take")
    deliverable = RowFilter(Deliverable, "take__deliverable")
    campaign = RowFilter(Campaign, "take__deliverable__campaign")

    class Meta:
        model = Run
        fields: list[str] = []


class Events(django_filters.FilterSet):
    kind = django_filters.CharFilter(max_length=40)
    campaign = RowFilter(Campaign, "campaign")
    deliverable = RowFilter(Deliverable, "deliverable")
    take = RowFilter(Take, "take")
    since = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="gte")

    class Meta:
        model = Event
        fields: list[str] = []


class Budgets(django_filters.FilterSet):
    scope = django_filters.ChoiceFilter(choices=Scope.choices)

    class Meta:
        model = Budget
        fields: list[str] = []


class Entries(django_filters.FilterSet):
    kind = django_filters.ChoiceFilter(choices=EntryKind.choices)
    stage = django_filters.ChoiceFilter(choices=Stage.choices)
    project = RowFilter(Project, "project")
    campaign = RowFilter(Campaign, "campaign")
    deliverable = RowFilter(Deliverable, "deliverable")
    take = RowFilter(Take, "take")
    provider = django_filters.CharFilter(max_length=40)
    model = django_filters.CharFilter(max_length=200)

    class Meta:
        model = Entry
        fields: list[str] = []


class Tables(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=TableState.choices)

    class Meta:
        model = RoutingTable
        fields: list[str] = []


class Templates(django_filters.FilterSet):
    slug = django_filters.CharFilter(max_length=60)

    class Meta:
        model = PromptTemplate
        fields: list[str] = []


class Pipelines(django_filters.FilterSet):
    slug = django_filters.CharFilter(max_length=60)

    class Meta:
        model = Pipeline
        fields: list[str] = []
