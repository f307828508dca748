"""Filters of the activity log."""

from __future__ import annotations

from typing import Any

from django import forms

from generation.activities import NOUNS
from generation.forms.campaigns import choose
from projects.models import Campaign, Membership, Person, Workspace


class ActivityFilter(forms.Form):
    kind = forms.ChoiceField(choices=[("", "Everything"), *NOUNS], required=False, label="About")
    person = forms.ModelChoiceField(Person.objects.none(), required=False, label="By", empty_label="Anybody")
    campaign = forms.ModelChoiceField(
        Campaign.objects.none(), required=False, label="Campaign", empty_label="Any campaign"
    )

    def __init__(self, *args: Any, workspace: Workspace, **options: Any) -> None:
        super().__init__(*args, **options)
        members = Membership.objects.filter(workspace=workspace).values("person")
        choose(self, "person", Person.objects.filter(pk__in=members).order_by("name", "email"))
        choose(self, "campaign", Campaign.objects.filter(workspace=workspace).order_by("name"))
