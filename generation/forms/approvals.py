"""Forms of the approvals inbox."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.db.models import QuerySet

from generation.forms.campaigns import choose
from generation.words import TIERS
from projects.models import HeroRequest, Membership, Person, Project, Workspace


class InboxFilter(forms.Form):
    kind = forms.ChoiceField(
        choices=[
            ("", "Everything"),
            ("spend", "Spend approval"),
            ("more", "More takes"),
            ("review", "To sign off"),
        ],
        required=False,
        label="Kind",
    )
    project = forms.ModelChoiceField(
        Project.objects.none(), required=False, label="Client", empty_label="Any client"
    )
    person = forms.ModelChoiceField(
        Person.objects.none(), required=False, label="Asked by", empty_label="Anybody"
    )
    tier = forms.ChoiceField(
        choices=[("", "Any tier"), *((key, word) for key, (word, _) in TIERS.items())],
        required=False,
        label="Tier",
    )
    due = forms.ChoiceField(choices=[("", "Any time"), ("week", "This week")], required=False, label="Due")

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        members = Membership.objects.filter(workspace=workspace).values("person")
        choose(self, "project", Project.objects.filter(workspace=workspace).order_by("name"))
        choose(self, "person", Person.objects.filter(pk__in=members).order_by("name", "email"))


class NoteForm(forms.Form):
    """What a manager says with a decision."""

    note = forms.CharField(required=False, max_length=2000)


class PriceForm(NoteForm):
    """Beside it, the price at most that the manager was shown."""

    at_most = forms.DecimalField(required=False, min_value=0, max_digits=20, decimal_places=8)


class BulkForm(forms.Form):
    """Many approvals at once: no render above `limit`, and together exactly the `total` that was shown."""

    request = forms.ModelMultipleChoiceField(HeroRequest.objects.none(), required=False)
    limit = forms.DecimalField(min_value=0, max_digits=18, decimal_places=8, label="Each at most")
    total = forms.DecimalField(required=False, max_digits=24, decimal_places=8, widget=forms.HiddenInput)

    def __init__(self, *args: Any, waiting: QuerySet[HeroRequest], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast("forms.ModelMultipleChoiceField[Any]", self.fields["request"]).queryset = waiting
