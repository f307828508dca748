"""The filters over a month's exceptions."""

from __future__ import annotations

from typing import Any

from django import forms

from billing.exceptions import Filters, Kind
from projects.models import Campaign, Membership, Person


class ExceptionsForm(forms.Form):
    """Which exceptions are shown; nothing chosen shows all."""

    kind = forms.ChoiceField(required=False, choices=[("", "All"), *Kind.choices], widget=forms.HiddenInput)
    campaign = forms.ModelChoiceField(Campaign.objects.none(), required=False, empty_label="All campaigns")
    by = forms.ModelChoiceField(
        Person.objects.none(), required=False, empty_label="Everybody", label="Done by"
    )

    def __init__(self, *args: Any, membership: Membership, **options: Any) -> None:
        super().__init__(*args, **options)
        campaigns = Campaign.objects.visible_to(membership).select_related("project")
        members = Membership.objects.filter(workspace=membership.workspace_id).values("person")
        offered: Any = self.fields
        offered["campaign"].queryset = campaigns.order_by("project__name", "name")
        offered["campaign"].label_from_instance = lambda row: f"{row.project} · {row}"
        offered["by"].queryset = Person.objects.filter(pk__in=members).order_by("name", "email")

    def filters(self) -> Filters:
        """What was chosen; what is no choice narrows nothing."""
        self.full_clean()
        said = self.cleaned_data
        campaign, by = said.get("campaign"), said.get("by")
        return Filters(said.get("kind") or "", campaign and campaign.pk, by and by.pk)
