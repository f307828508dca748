"""Routing tables, the dry run, the catalogue, pipelines and prompt templates."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from generation.api.references import Named
from generation.api.serializers.fields import Amount, PlainObject
from generation.models import Pipeline, PromptTemplate
from projects.models import Category, Format, Phase, Project
from routing.models import RoutingTable

Shape = serializers.Serializer[Any]
SLUG = r"^[a-z0-9][a-z0-9-]{0,59}$"


class ResolveBody(Shape):
    category = Named(Category)
    phase = serializers.ChoiceField(Phase.choices)
    step = serializers.CharField(max_length=60, allow_blank=True, default="")
    project = Named(Project, allow_null=True, default=None)
    audience = serializers.CharField(max_length=60, allow_blank=True, default="")
    locale = serializers.CharField(max_length=20, allow_blank=True, default="")
    format = Named(Format, allow_null=True, default=None)


class Health(Shape):
    breaker = serializers.CharField()
    failure_share = serializers.CharField()
    calls = serializers.IntegerField()
    retry_at = serializers.DateTimeField(allow_null=True)


class ChoiceQuote(Shape):
    amount = Amount(allow_null=True)
    at_most = Amount(allow_null=True)


class ChoiceAnswer(Shape):
    model = serializers.CharField()
    tier = serializers.CharField(allow_blank=True)
    parameters = PlainObject()
    fallback = serializers.BooleanField()
    quote = ChoiceQuote()
    health = serializers.CharField()
    eligible = serializers.BooleanField()
    why = serializers.ListField(child=serializers.CharField())


class StepAnswer(Shape):
    step = serializers.CharField()
    kind = serializers.CharField()
    route = serializers.CharField(allow_blank=True)
    chosen = serializers.CharField(allow_null=True)
    choices = ChoiceAnswer(many=True)


class ResolveAnswer(Shape):
    """What would be chosen; `choices` and `chosen` speak of the main step, `steps` of all."""

    routing_version = serializers.IntegerField()
    route = serializers.CharField(allow_blank=True)
    pipeline = serializers.CharField(allow_blank=True)
    choices = ChoiceAnswer(many=True)
    chosen = serializers.CharField(allow_null=True)
    steps = StepAnswer(many=True)
    outcome = serializers.CharField()
    amount = Amount()
    at_most = Amount()
    currency = serializers.CharField()
    compute_units = serializers.CharField()
    reasons = serializers.ListField(child=serializers.CharField())


class TableBody(Shape):
    document = PlainObject()
    reason = serializers.CharField(max_length=300)


class TableAnswer(serializers.ModelSerializer[RoutingTable]):
    """One version of the table, whole."""

    document = PlainObject()
    author = serializers.CharField(source="author.email", allow_null=True, default=None)
    approver = serializers.CharField(source="approver.email", allow_null=True, default=None)

    class Meta:
        model = RoutingTable
        fields = (
            *("id", "version", "state", "document", "digest", "reason", "author", "proposed_at"),
            *("approver", "published_at", "retired_at"),
        )


class PriceAnswer(Shape):
    """A price row in force: `amount` for a unit; where there is a first amount, that for the first."""

    id = serializers.UUIDField()
    unit = serializers.CharField()
    amount = Amount()
    first_amount = Amount(allow_null=True)
    currency = serializers.CharField()
    starts_at = serializers.DateTimeField()


class ModelAnswer(Shape):
    """A model of the catalogue, with the workspace's price in force; without one it is not eligible."""

    id = serializers.UUIDField(source="model.id")
    key = serializers.CharField(source="model.key")
    name = serializers.CharField(source="model.name")
    vendor = serializers.CharField(source="model.vendor", allow_blank=True)
    provider = serializers.CharField(source="model.provider")
    kinds = serializers.ListField(source="model.kinds", child=serializers.CharField())
    tier = serializers.CharField(source="model.tier", allow_blank=True)
    capabilities = PlainObject(source="model.capabilities")
    conditions = serializers.CharField(source="model.conditions", allow_blank=True)
    available_until = serializers.DateField(source="model.available_until", allow_null=True)
    source = serializers.CharField(  # type: ignore[assignment]  # the framework's own name is for instances
        source="model.source", allow_blank=True
    )
    retired = serializers.BooleanField()
    price = PriceAnswer(allow_null=True)
    health = Health()


class TemplateBody(Shape):
    slug = serializers.RegexField(SLUG)
    name = serializers.CharField(max_length=120)
    body = serializers.CharField(max_length=8000)
    negative = serializers.CharField(max_length=8000, allow_blank=True, default="")
    variables = serializers.ListField(child=PlainObject(), max_length=50, default=list)
    reason = serializers.CharField(max_length=300, allow_blank=True, default="")


class TemplateAnswer(serializers.ModelSerializer[PromptTemplate]):
    key = serializers.CharField(source="__str__")
    variables = serializers.ListField(child=PlainObject())
    author = serializers.CharField(source="author.email", allow_null=True, default=None)

    class Meta:
        model = PromptTemplate
        fields = (
            *("id", "key", "slug", "version", "name", "body", "negative", "variables", "author", "reason"),
            "published_at",
        )


class PipelineBody(Shape):
    slug = serializers.RegexField(SLUG)
    name = serializers.CharField(max_length=120)
    document = PlainObject()
    reason = serializers.CharField(max_length=300, allow_blank=True, default="")


class PipelineAnswer(serializers.ModelSerializer[Pipeline]):
    key = serializers.CharField(source="__str__")
    document = PlainObject()
    author = serializers.CharField(source="author.email", allow_null=True, default=None)

    class Meta:
        model = Pipeline
        fields = (
            *("id", "key", "slug", "version", "name", "document", "digest", "author", "reason"),
            "published_at",
        )
