"""Rows named in addresses, bodies and filters: by id, or by key as `project/campaign/deliverable`.

What is not there, or belongs to another workspace, is 404 wherever it is named.
"""

from __future__ import annotations

import re
import uuid
from typing import Any, TypeVar, cast

from django.db.models import Model, Q, QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from projects.models import Campaign, Category, Deliverable, Format, Membership, Project
from projects.plain import is_plain

Row = TypeVar("Row", bound=Model)
UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
KEYS: dict[type[Model], tuple[str, ...]] = {
    Project: ("key",),
    Campaign: ("project__key", "key"),
    Deliverable: ("campaign__project__key", "campaign__key", "key"),
    Category: ("key",),
    Format: ("key",),
}
RELATED: dict[type[Model], tuple[str, ...]] = {
    Campaign: ("project", "workspace"),
    Deliverable: ("workspace", "campaign__project", "campaign__workspace", "category", "format"),
}


def find(model: type[Row], membership: Membership, name: str) -> Row:
    """The row of the member's workspace with this id or key; raises Http404."""
    rows: QuerySet[Row] = cast(Any, model).objects.visible_to(membership)
    found = rows.filter(_named(model, name)).select_related(*RELATED.get(model, ())).first()
    if found is None:
        raise missing(model, name)
    return found


def missing(model: type[Model], name: str) -> Http404:
    return Http404(
        f"There is no {model._meta.verbose_name} {name!a}.".replace("'", "“", 1).replace("'", "”", 1)
    )


def _named(model: type[Model], name: str) -> Q:
    if re.fullmatch(UUID, name):
        return Q(pk=uuid.UUID(name))
    fields, parts = KEYS.get(model, ()), name.split("/")
    if len(fields) != len(parts) or not is_plain(name):
        raise missing(model, name)
    return Q(**dict(zip(fields, parts, strict=True)))


@extend_schema_field(str)
class Named(serializers.CharField):
    """A row in a body, by id or key; the validated value is the row."""

    def __init__(self, model: type[Model], **options: Any) -> None:
        self.model = model
        options.setdefault("help_text", f"Id, or key as {example(model)}.")
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> Any:
        name = super().to_internal_value(data)
        return find(self.model, self.context["request"].auth.membership, name)

    def run_validators(self, value: Any) -> None:
        """The row has been looked up: there is no text left to check."""


def example(model: type[Model]) -> str:
    return "/".join(
        field.removesuffix("__key").rpartition("__")[2] if "__" in field else "key" for field in KEYS[model]
    )


class OneKey:
    """An id or a key without a slash in an address."""

    regex = r"[^/]+"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: object) -> str:
        return str(value)


class CampaignName(OneKey):
    """A campaign's id, or `project/campaign`."""

    regex = rf"{UUID}|[^/]+/[^/]+"


class DeliverableName(OneKey):
    """A deliverable's id, or `project/campaign/deliverable`."""

    regex = rf"{UUID}|[^/]+/[^/]+/[^/]+"
