"""Forms of the approvals inbox."""

from __future__ import annotations

from typing import Any

from django import forms

from generation.forms.campaigns import Dated, choose
from projects.models import Membership, Person, Project, Workspace


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
    due_before = forms.DateField(required=False, widget=Dated, label="Due by")

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        members = Membership.objects.filter(workspace=workspace).values("person")
        choose(self, "project", Project.objects.filter(workspace=workspace).order_by("name"))
        choose(self, "person", Person.objects.filter(pk__in=members).order_by("name", "email"))
