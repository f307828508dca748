"""The two files of a history."""

from __future__ import annotations

from django import forms


class HistoryForm(forms.Form):
    charges = forms.FileField(
        label="Charges",
        help_text="What was paid, a line a call: CSV in UTF-8 with a header row.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,text/csv"}),
    )
    decisions = forms.FileField(
        label="Decisions",
        help_text="What was selected, signed off, rejected or dropped, and when; at least a header row.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,text/csv"}),
    )
