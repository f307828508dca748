"""Members, projects, campaigns, deliverables, and the lists that they choose from."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from generation.api.references import Named
from generation.api.serializers.fields import Amount, PlainObject
from projects.access import Right
from projects.models import (
    Campaign,
    Category,
    Deliverable,
    Format,
    Project,
    ReferenceAnchor,
    Role,
)
from projects.models.work import SeedPolicy
from projects.work import MAX_SEED

Shape = serializers.Serializer[Any]


class WorkspaceAnswer(Shape):
    id = serializers.UUIDField()
    key = serializers.CharField(source="slug")
    name = serializers.CharField()
    currency = serializers.CharField()
    time_zone = serializers.CharField()


class Me(Shape):
    """Who the token belongs to, and what it may."""

    email = serializers.CharField(source="person.email")
    name = serializers.CharField(source="person.name")
    workspace = WorkspaceAnswer()
    roles = serializers.ListField(child=serializers.ChoiceField(Role.choices))
    rights = serializers.ListField(child=serializers.ChoiceField(Right.choices))


class ProjectBody(Shape):
    key = serializers.CharField(max_length=119)
    name = serializers.CharField(max_length=200)


class ProjectAnswer(serializers.ModelSerializer[Project]):
    class Meta:
        model = Project
        fields = ("id", "key", "name", "imported", "created_at", "archived_at")


class CampaignBody(Shape):
    project = Named(Project)
    key = serializers.CharField(max_length=119)
    name = serializers.CharField(max_length=200)
    seed_policy = serializers.ChoiceField(SeedPolicy.choices, default=SeedPolicy.FREE)
    seed = serializers.IntegerField(min_value=0, max_value=MAX_SEED, allow_null=True, default=None)
    palette = serializers.ListField(child=serializers.CharField(max_length=7), max_length=20, default=list)
    starts_on = serializers.DateField(allow_null=True, default=None)
    ends_on = serializers.DateField(allow_null=True, default=None)
    job_number = serializers.CharField(max_length=60, allow_blank=True, default="")
    fee = Amount(allow_null=True, default=None, min_value=0)


class CampaignAnswer(serializers.ModelSerializer[Campaign]):
    project = serializers.CharField(source="project.key")
    path = serializers.SerializerMethodField(help_text="project/campaign: the key for bodies and addresses.")
    fee = Amount(allow_null=True)

    class Meta:
        model = Campaign
        fields = (
            *("id", "key", "path", "project", "name", "seed_policy", "seed", "palette", "drift_tolerance"),
            *("starts_on", "ends_on", "job_number", "fee", "imported", "created_at", "ended_at"),
        )

    def get_path(self, row: Campaign) -> str:
        return f"{row.project.key}/{row.key}"


class ReferenceBody(Shape):
    file = serializers.FileField()
    label = serializers.CharField(  # type: ignore[assignment]  # the framework's own name is for instances
        max_length=120, allow_blank=True, default=""
    )


class ReferenceAnswer(serializers.ModelSerializer[ReferenceAnchor]):
    campaign = serializers.UUIDField(source="campaign_id")
    asset = serializers.UUIDField(source="asset_id")
    sha256 = serializers.CharField(source="asset.sha256")

    class Meta:
        model = ReferenceAnchor
        fields = ("id", "campaign", "asset", "sha256", "label", "position", "added_at")


class CategoryAnswer(serializers.ModelSerializer[Category]):
    class Meta:
        model = Category
        fields = ("id", "key", "name", "delivered_in", "imported")


class FormatAnswer(serializers.ModelSerializer[Format]):
    class Meta:
        model = Format
        fields = ("id", "key", "name", "width", "height")


class DeliverableBody(Shape):
    campaign = Named(Campaign)
    key = serializers.CharField(max_length=119)
    name = serializers.CharField(max_length=200)
    category = Named(Category)
    brief = serializers.CharField(max_length=8000, allow_blank=True)
    format = Named(Format, allow_null=True)
    prompt_template = serializers.CharField(max_length=140, allow_blank=True, default="")
    variables = PlainObject(default=dict)
    cap = serializers.IntegerField(min_value=0, max_value=10_000, allow_null=True, default=None)
    due_on = serializers.DateField(allow_null=True, default=None)


class DeliverableAnswer(serializers.ModelSerializer[Deliverable]):
    path = serializers.SerializerMethodField(
        help_text="project/campaign/deliverable: the key for bodies and addresses."
    )
    campaign = serializers.SerializerMethodField(help_text="project/campaign")
    category = serializers.CharField(source="category.key")
    format = serializers.CharField(source="format.key", allow_null=True, default=None)
    variables = PlainObject()

    class Meta:
        model = Deliverable
        fields = (
            *("id", "key", "path", "campaign", "name", "category", "brief", "format", "prompt_template"),
            *("variables", "cap", "hero_cap", "due_on", "state", "board_column", "take_count", "drafts_used"),
            *("heroes_used", "accepted_at", "imported", "created_at", "updated_at"),
        )

    def get_path(self, row: Deliverable) -> str:
        return f"{self.get_campaign(row)}/{row.key}"

    def get_campaign(self, row: Deliverable) -> str:
        return f"{row.campaign.project.key}/{row.campaign.key}"


class FileBody(Shape):
    file = serializers.FileField()


class Imported(Shape):
    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()


class ReasonBody(Shape):
    reason = serializers.CharField(max_length=2000)
