"""Forms of the routing table's pages: the dry run, and the proposal of a new version."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import forms

from projects.models import Category, Format, Membership, Phase, Project
from projects.plain import read_json
from routing.brief import Brief
from routing.document import MATCH_FIELDS

MOST_CHARACTERS = 500_000
#: The database keeps no order of fields; people read a route in this one.
FIELD_ORDER = (
    *("name", "routes", "key", *MATCH_FIELDS, "step", "pipeline", "tier", "cap"),
    *("measure", "reason", "at_least", "choices", "fallbacks", "model", "parameters"),
    *("more_takes", "automatic", "criteria", "on_error", "retries"),
)


class DryRun(forms.Form):
    """A brief as routes match it. Only category and phase must be given."""

    category = forms.ModelChoiceField(Category.objects.none(), to_field_name="key", empty_label=None)
    phase = forms.ChoiceField(choices=Phase.choices)
    project = forms.ModelChoiceField(
        Project.objects.none(),
        label="Client / brand",
        to_field_name="key",
        required=False,
        empty_label="Any",
    )
    format = forms.ModelChoiceField(
        Format.objects.none(), to_field_name="key", required=False, empty_label="Usual size"
    )
    audience = forms.CharField(required=False, max_length=60)
    locale = forms.CharField(required=False, max_length=20)

    def __init__(self, *args: Any, membership: Membership, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, model in (("category", Category), ("project", Project), ("format", Format)):
            field = self.fields[name]
            assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - narrows the type
            field.queryset = model.objects.visible_to(membership).order_by("name")

    def brief(self) -> Brief:
        """The brief of a valid form."""
        data = self.cleaned_data
        return Brief(
            category=data["category"].key,
            phase=data["phase"],
            project=data["project"].key if data["project"] else "",
            audience=data["audience"],
            locale=data["locale"],
        )


class Proposal(forms.Form):
    """A new version as JSON, with the reason for it."""

    document = forms.CharField(
        label="Routes",
        max_length=MOST_CHARACTERS,
        widget=forms.Textarea({"rows": 28, "spellcheck": "false"}),
        help_text="Each route without a step names a pipeline; each with a step names its models.",
    )
    reason = forms.CharField(max_length=300, help_text="Why this change; whoever publishes reads it.")

    def clean_document(self) -> dict[str, Any]:
        try:
            content = read_json(self.cleaned_data["document"])
        except json.JSONDecodeError as error:
            raise forms.ValidationError(
                f"Line {error.lineno}, column {error.colno}: {error.msg}. Correct the JSON there."
            ) from None
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None
        if not isinstance(content, dict):
            raise forms.ValidationError('Write an object: {"name": "…", "routes": [ … ]}.')
        return content


class Compared(forms.Form):
    """The version in force that a proposal was compared with when it was published."""

    against = forms.IntegerField(required=False, min_value=0, max_value=2**31 - 1)


def as_text(document: Mapping[str, Any]) -> str:
    """The document as people edit it: in each object the telling fields first."""
    return json.dumps(_ordered(document), indent=2, ensure_ascii=False)


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        known = [name for name in FIELD_ORDER if name in value]
        rest = sorted(set(value) - set(known))
        return {name: _ordered(value[name]) for name in (*known, *rest)}
    return [_ordered(inner) for inner in value] if isinstance(value, list) else value
