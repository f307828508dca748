"""The filters of the page of evidence."""

from __future__ import annotations

from django import forms

from generation.evidence import LEAST, MEASURES, SPANS, USUAL_LEAST, USUAL_WEEKS
from projects.models import Category, Phase, Workspace

USUAL = {"weeks": str(USUAL_WEEKS), "least": str(USUAL_LEAST), "by": "cost"}


class EvidenceFilter(forms.Form):
    """Which takes, ranked by what, and from how many on; every field may stay empty."""

    weeks = forms.TypedChoiceField(label="Takes of", choices=list(SPANS.items()), coerce=int)
    category = forms.ChoiceField(label="Category", required=False)
    phase = forms.ChoiceField(
        label="Phase", required=False, choices=[("", "Draft and hero, apart"), *Phase.choices]
    )
    by = forms.ChoiceField(label="Rank by", choices=[(key, one.label) for key, one in MEASURES.items()])
    least = forms.TypedChoiceField(
        label="Rank from", choices=[(number, f"{number} takes on") for number in LEAST], coerce=int
    )

    def __init__(self, given: dict[str, str], workspace: Workspace) -> None:
        super().__init__(USUAL | {name: value for name, value in given.items() if value}, initial=USUAL)
        rows = Category.objects.filter(workspace=workspace).order_by("name")
        choices = [("", "Every category"), *rows.values_list("key", "name")]
        self.fields["category"] = forms.ChoiceField(label="Category", required=False, choices=choices)
