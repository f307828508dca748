"""Forms about agreements: what is paid by the month, and when that ends."""

from __future__ import annotations

from typing import Any

from django import forms

from billing.forms import amount_field
from billing.models import Agreement
from billing.models.prices import Unit


class AgreementForm(forms.Form):
    kind = forms.ChoiceField(label="Kind", choices=Agreement.Kind.choices)
    name = forms.CharField(label="Name", max_length=120)
    provider = forms.CharField(
        label="Provider", max_length=40, help_text="As in the models' keys; an own machine's is its server's."
    )
    models_covered = forms.CharField(
        label="Models",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One provider/endpoint a line. Nothing said: all of the provider.",
    )
    fee = amount_field("Fee of a month", help_text="For a minimum: the least that is paid.")
    currency = forms.CharField(label="Currency", max_length=3, help_text="Three capital letters, as USD.")
    planned_units = forms.DecimalField(
        label="Planned units a month",
        required=False,
        max_digits=20,
        decimal_places=8,
        help_text="The fee divided by them is the provisional price of a unit. None for a minimum.",
    )
    unit = forms.ChoiceField(label="Unit", required=False, choices=[("", "None"), *Unit.choices])
    first_month = forms.CharField(label="First month", max_length=7, help_text="As 2026-10.")
    source = forms.CharField(label="Contract or order", max_length=200)

    def clean_models_covered(self) -> list[str]:
        said: str = self.cleaned_data["models_covered"]
        return said.split()


class EndForm(forms.Form):
    last_month = forms.CharField(label="Last month", max_length=7, help_text="As 2026-12.")
    reason = forms.CharField(label="Reason", max_length=300)

    def said(self) -> dict[str, Any]:
        return dict(self.cleaned_data)
