"""Which two sides are compared."""

from __future__ import annotations

import datetime
from typing import Any

from django import forms

from billing import months
from projects.models import Campaign, Membership

MOST_MONTHS = 36
WHAT = [("months", "Two months"), ("campaigns", "Two campaigns")]


class CompareForm(forms.Form):
    """Two months, or two campaigns, in one month or all along."""

    what = forms.ChoiceField(choices=WHAT, required=False, widget=forms.HiddenInput)
    before = forms.ChoiceField(label="Before", required=False)
    after = forms.ChoiceField(label="After", required=False)
    first = forms.ModelChoiceField(
        Campaign.objects.none(), label="One campaign", required=False, empty_label="Choose"
    )
    second = forms.ModelChoiceField(
        Campaign.objects.none(), label="The other", required=False, empty_label="Choose"
    )
    within = forms.ChoiceField(label="Accepted in", required=False)

    def __init__(self, *args: Any, membership: Membership, now: datetime.datetime, **options: Any) -> None:
        super().__init__(*args, **options)
        names = _months(membership, now)
        choices = [(name, f"{datetime.date.fromisoformat(f'{name}-01'):%B %Y}") for name in names]
        offered: Any = self.fields
        offered["before"].choices, offered["after"].choices = choices, choices
        offered["within"].choices = [("", "Any month"), *choices]
        rows = Campaign.objects.visible_to(membership).select_related("project")
        for name in ("first", "second"):
            offered[name].queryset = rows.order_by("project__name", "name")
            offered[name].label_from_instance = lambda row: f"{row.project} · {row}"
        usual = {"what": "months", "after": names[0], "before": names[1]}
        self.data = {**usual, **{name: value for name, value in self.data.items() if value}}
        wanted = self.data["what"] == "campaigns"
        for name in ("before", "after") if wanted else ("first", "second", "within"):
            del offered[name]

    @property
    def of_campaigns(self) -> bool:
        return bool(self.data["what"] == "campaigns")


def _months(membership: Membership, now: datetime.datetime) -> list[str]:
    """The newest months, the running one first."""
    names = [months.month_of(membership.workspace, now)]
    while len(names) < MOST_MONTHS:
        names.append(months.before(names[-1]))
    return names
