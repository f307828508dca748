"""The form of a prompt template's next version."""

from __future__ import annotations

import json
from typing import Any

from django import forms

from generation.prompts import GIVEN, MAX_LENGTH

GIVEN_WORDS = ", ".join(f"{{{name}}}" for name in GIVEN)


class TemplateForm(forms.Form):
    slug = forms.SlugField(
        max_length=60,
        label="Key",
        help_text="The same key as an existing template publishes its next version.",
    )
    name = forms.CharField(max_length=120, label="Name")
    body = forms.CharField(
        max_length=MAX_LENGTH,
        label="Text",
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=f"Known everywhere: {GIVEN_WORDS}. Other names in braces are the template's own variables.",
    )
    negative = forms.CharField(
        required=False,
        max_length=MAX_LENGTH,
        label="What to avoid",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    variables = forms.CharField(
        required=False,
        label="Variables",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One a line: name = what stands there when a deliverable gives nothing.",
    )
    reason = forms.CharField(max_length=300, required=False, label="Why this version")

    def clean_variables(self) -> list[dict[str, str]]:
        found = []
        for line in self.cleaned_data["variables"].splitlines():
            name, sign, default = line.partition("=")
            if not line.strip():
                continue
            if not sign or not name.strip().isidentifier():
                raise forms.ValidationError(f"“{line.strip()}”: write name = default.")
            found.append(
                {"name": name.strip(), "label": name.strip().capitalize(), "default": default.strip()}
            )
        return found


def as_lines(variables: list[dict[str, Any]]) -> str:
    """Variables as the form takes them."""
    return "\n".join(f"{entry.get('name', '')} = {_text(entry.get('default', ''))}" for entry in variables)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
