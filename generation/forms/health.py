"""The filters of the page of health."""

from __future__ import annotations

from django import forms

from generation.health import SPANS, Report


class HealthFilter(forms.Form):
    """Which span, and of which provider or model; every field may stay empty."""

    span = forms.ChoiceField(
        label="Span", required=False, choices=[(span.key, span.words) for span in SPANS.values()]
    )
    provider = forms.CharField(required=False, max_length=40)
    model = forms.CharField(required=False, max_length=200)
    by = forms.ChoiceField(label="By", required=False, choices=[("model", "Model"), ("provider", "Provider")])

    def offer(self, report: Report) -> None:
        """Lets one choose among the providers and models that were called, or stand in the address."""
        for name, known, every in (
            ("provider", report.known_providers, "Every provider"),
            ("model", report.known_models, "Every model"),
        ):
            chosen = str(self.cleaned_data.get(name) or "")
            values = sorted({*known, *([chosen] if chosen else [])})
            self.fields[name].widget = forms.Select(choices=[("", every), *((v, v) for v in values)])
