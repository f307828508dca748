"""Forms about clients, campaigns and deliverables."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.db.models import QuerySet
from django.utils.text import slugify

from generation import prompts
from projects.briefs import MAX_BYTES
from projects.models import Category, Format, Workspace
from projects.models.work import BoardColumn, SeedPolicy
from projects.plain import read_json
from projects.work import MAX_SEED

KEY_HELP = "Short and stable: it stands in addresses and exports. Letters, digits and dashes do best."
FROM_NAME = f"{KEY_HELP} Empty: made from the name."


def choose(form: forms.Form, name: str, rows: QuerySet[Any]) -> forms.ModelChoiceField[Any]:
    """Lets a field choose from the rows of one workspace."""
    field = cast("forms.ModelChoiceField[Any]", form.fields[name])
    field.queryset = rows
    return field


class Dated(forms.DateInput):
    input_type = "date"


class NamedForm(forms.Form):
    """What has a name and a key; an empty key is made from the name."""

    name = forms.CharField(max_length=200, label="Name")
    key = forms.SlugField(max_length=119, required=False, label="Key", help_text=FROM_NAME)

    def clean_key(self) -> str:
        key = self.cleaned_data["key"] or slugify(self.cleaned_data.get("name", ""))[:119].strip("-")
        if not key and "name" in self.cleaned_data:
            raise forms.ValidationError("No key can be made from this name: enter one.")
        return str(key)


class ProjectForm(NamedForm):
    """A client or brand."""


class CampaignForm(NamedForm):
    job_number = forms.CharField(max_length=60, required=False, label="Job number")
    starts_on = forms.DateField(required=False, widget=Dated, label="Starts on")
    ends_on = forms.DateField(required=False, widget=Dated, label="Ends on")
    fee = forms.DecimalField(required=False, min_value=0, max_digits=20, decimal_places=8, label="Fee")


class IdentityForm(forms.Form):
    """What holds a campaign together visually."""

    seed_policy = forms.ChoiceField(choices=SeedPolicy.choices, label="Seed")
    seed = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=MAX_SEED,
        label="Locked seed",
        help_text="Used where the seed is locked by campaign.",
    )
    palette = forms.CharField(
        required=False, label="Palette", help_text="Colours as #rrggbb, separated by blanks."
    )
    drift_tolerance = forms.DecimalField(
        min_value=0,
        max_value=1,
        max_digits=4,
        decimal_places=3,
        label="Drift tolerance",
        help_text="How far a take may be from the reference pictures: 0 is the same, 1 is anything.",
    )

    def clean_palette(self) -> list[str]:
        return [colour.lower() for colour in self.cleaned_data["palette"].split()]


class DeliverableForm(NamedForm):
    category = forms.ModelChoiceField(Category.objects.none(), label="Category", empty_label="Choose one")
    format = forms.ModelChoiceField(
        Format.objects.none(), required=False, label="Format", empty_label="The models' usual size"
    )
    brief = forms.CharField(widget=forms.Textarea(attrs={"rows": 4}), label="Brief")
    prompt_template = forms.ChoiceField(required=False, label="Prompt template")
    variables = forms.CharField(
        required=False, label="Variables", help_text="For the template: name=value; name=value"
    )
    cap = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=10_000,
        label="Cap on drafts",
        help_text="Empty: the route's. Managers and finance set it.",
    )
    due_on = forms.DateField(required=False, widget=Dated, label="Due on")

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choose(self, "category", Category.objects.filter(workspace=workspace).order_by("name"))
        choose(self, "format", Format.objects.filter(workspace=workspace).order_by("key"))
        templates = prompts.choices(workspace, chosen=str(self.initial.get("prompt_template", "")))
        cast("forms.ChoiceField", self.fields["prompt_template"]).choices = [
            ("", "None: the brief itself"),
            *templates,
        ]

    def clean_variables(self) -> dict[str, str]:
        text = self.cleaned_data["variables"].strip()
        if text.startswith("{"):
            try:
                return {str(name): str(value) for name, value in read_json(text).items()}
            except ValueError:
                raise forms.ValidationError("This is no JSON object.") from None
        pairs = [pair.partition("=") for pair in text.split(";") if pair.strip()]
        if any(not sign for _, sign, _ in pairs):
            raise forms.ValidationError("Write name=value; name=value.")
        return {name.strip(): value.strip() for name, _, value in pairs}


class BriefForm(forms.Form):
    """A brief as CSV."""

    file = forms.FileField(
        label="Brief",
        help_text=f"CSV in UTF-8 with a header row, at most {MAX_BYTES // 2**20} MiB.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,text/csv"}),
    )


class ReferenceForm(forms.Form):
    file = forms.FileField(
        label="Picture",
        widget=forms.ClearableFileInput(attrs={"accept": "image/png,image/jpeg,image/webp"}),
    )
    label = forms.CharField(max_length=120, required=False, label="What it shows")


class BoardFilter(forms.Form):
    """Filters of board and table alike."""

    q = forms.CharField(required=False, label="Words", widget=forms.TextInput(attrs={"type": "search"}))
    category = forms.ModelChoiceField(Category.objects.none(), required=False, label="Category")
    column = forms.ChoiceField(
        choices=[("", "Any state"), *BoardColumn.choices], required=False, label="State"
    )
    due_before = forms.DateField(required=False, widget=Dated, label="Due by")

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        categories = Category.objects.filter(workspace=workspace).order_by("name")
        choose(self, "category", categories).empty_label = "Any category"
