"""The form by which people log their time."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone

from projects.models import Campaign, Deliverable, Membership, Role, TimeKind


class Moment(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class TimeForm(forms.Form):
    minutes = forms.DecimalField(label="Minutes", min_value=0, max_digits=7, decimal_places=3)
    started_at = forms.DateTimeField(label="Begun", widget=Moment)
    kind = forms.ChoiceField(label="Went into", choices=TimeKind.choices)
    role = forms.ChoiceField(label="As")
    campaign = forms.ModelChoiceField(Campaign.objects.none(), label="Campaign")
    deliverable = forms.CharField(
        label="Deliverable",
        max_length=120,
        required=False,
        help_text="Its key, as on the board; none for the whole campaign.",
    )
    note = forms.CharField(label="Note", max_length=200, required=False)

    def __init__(self, *args: Any, membership: Membership, **options: Any) -> None:
        options["initial"] = {"started_at": timezone.localtime()}
        super().__init__(*args, **options)
        self.membership = membership
        self.fields["role"].choices = [  # type: ignore[attr-defined]
            (role, Role(role).label) for role in membership.roles
        ]
        campaigns = Campaign.objects.visible_to(membership).order_by("name", "key")
        self.fields["campaign"].queryset = campaigns  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        key, campaign = said.get("deliverable", "").strip(), said.get("campaign")
        said["found"] = None
        if key and campaign:
            rows = Deliverable.objects.visible_to(self.membership).filter(campaign=campaign, key=key)
            said["found"] = rows.select_related("campaign").first()
            if said["found"] is None:
                self.add_error("deliverable", f"{campaign} has no such deliverable.")
        return said

    def said(self) -> dict[str, Any]:
        """As `time_logs.log` takes it."""
        said = dict(self.cleaned_data)
        found = said.pop("found")
        return {**said, "deliverable": found, "campaign": None if found else said["campaign"]}
