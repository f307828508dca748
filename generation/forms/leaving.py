"""The form for a model's last day."""

from __future__ import annotations

from django import forms


class EndingForm(forms.Form):
    """Until when a model can be used in this workspace, and where that is written."""

    model_key = forms.CharField(max_length=200, label="Model", help_text="Its key in the catalogue.")
    available_until = forms.DateField(
        required=False,
        label="Last day",
        widget=forms.DateInput({"type": "date"}),
        help_text="The last day on which it can be used. Left empty: no end is known.",
    )
    source = forms.CharField(max_length=400, label="Source", help_text="The page or the mail that says so.")
