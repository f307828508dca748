"""Forms about bills: which file for which month, and which of its columns says what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from billing.invoices import columns
from billing.invoices.files import MOST_BYTES
from billing.models.invoices import Source


class _Month(forms.TextInput):
    input_type = "month"


class UploadForm(forms.Form):
    """A provider's file and what is said of it."""

    provider = forms.SlugField(label="Provider", max_length=40, help_text="Its short name, as fal.")
    month = forms.RegexField(r"^(19|20)\d\d-(0[1-9]|1[0-2])$", label="Month", widget=_Month)
    source = forms.ChoiceField(label="What it is", choices=Source.choices)
    number = forms.CharField(label="Invoice number", max_length=80, required=False)
    currency = forms.CharField(
        label="Currency",
        max_length=12,
        required=False,
        help_text="Of lines that name none, such as USD.",
    )
    file = forms.FileField(
        label="File",
        help_text=f"CSV in UTF-8 with a header row, up to {MOST_BYTES // 2**20} MB.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,text/csv"}),
    )


class ColumnsForm(forms.Form):
    """One choice for each of our fields among the columns of a file."""

    def __init__(self, *args: Any, header: Sequence[str], **options: Any) -> None:
        super().__init__(*args, **options)
        choices = [("", "–"), *((name, name) for name in header if name)]
        for field, label in columns.LABELS.items():
            self.fields[field] = forms.ChoiceField(
                label=label, choices=choices, required=field in columns.NEEDED
            )


class ToleranceForm(forms.Form):
    money = forms.DecimalField(label="Money", min_value=0, max_digits=20, decimal_places=8)
    share = forms.DecimalField(
        label="Share of our amount in %", min_value=0, max_value=100, max_digits=9, decimal_places=6
    )
    minutes = forms.IntegerField(label="Minutes apart", min_value=0, max_value=1440)
    rounding = forms.DecimalField(label="Rounding", min_value=0, max_digits=20, decimal_places=8)
