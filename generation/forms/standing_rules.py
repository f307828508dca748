"""The form of a standing rule."""

from __future__ import annotations

import datetime
from typing import Any

from django import forms

from billing import months
from billing.forms import Dated, amount_field
from projects.models import Membership, Project


class StandingRuleForm(forms.Form):
    project = forms.ModelChoiceField(Project.objects.none(), label="Client or brand")
    up_to = amount_field("Each hero render costs at most")
    allowance = amount_field(
        "Together in a month at most", required=False, help_text="Counts what was approved at most."
    )
    until = forms.DateField(
        label="Until the end of",
        widget=Dated,
        required=False,
        help_text="Give an allowance, a last day, or both.",
    )
    note = forms.CharField(label="Note", max_length=300, required=False)

    def __init__(self, *args: Any, membership: Membership, **options: Any) -> None:
        super().__init__(*args, **options)
        self.zone, currency = months.zone_of(membership.workspace), membership.workspace.currency
        projects = Project.objects.visible_to(membership).order_by("name")
        self.fields["project"].queryset = projects  # type: ignore[attr-defined]
        for name in ("up_to", "allowance"):
            self.fields[name].label = f"{self.fields[name].label}, in {currency}"

    def clean_until(self) -> datetime.datetime | None:
        """The first instant after the day, by the workspace's clock."""
        day = self.cleaned_data["until"]
        return months.first_instant(day + datetime.timedelta(days=1), self.zone) if day else None
