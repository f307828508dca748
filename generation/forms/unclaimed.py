"""Which unclaimed charges are meant."""

from __future__ import annotations

from django import forms


class _Day(forms.DateInput):
    input_type = "date"


class FilterForm(forms.Form):
    """A filter over unclaimed charges, and the condition of a rule."""

    provider = forms.CharField(label="Provider", max_length=40, required=False)
    model = forms.CharField(label="Model", max_length=200, required=False)
    key = forms.CharField(label="API key", max_length=120, required=False)
    since = forms.DateField(label="From", required=False, widget=_Day)
    until = forms.DateField(label="To", required=False, widget=_Day)
