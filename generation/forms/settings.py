"""Forms of Settings: the workspace, its categories and formats, tokens, oneself."""

from __future__ import annotations

from typing import Any

from django import forms

from generation.forms.campaigns import KEY_HELP, Dated, choose
from projects.models import Category, Phase, Workspace
from projects.workspaces import LONGEST_MINUTES


def amount(label: str, **options: Any) -> forms.DecimalField:
    return forms.DecimalField(label=label, min_value=0, max_digits=20, decimal_places=8, **options)


class WorkspaceForm(forms.Form):
    name = forms.CharField(max_length=120, label="Name")
    review_cap_minutes = forms.IntegerField(
        min_value=0,
        max_value=LONGEST_MINUTES,
        label="Minutes of review that count at most",
        help_text="Between opening a take and deciding on it; what lies above was a break.",
    )
    waiting_cap_minutes = forms.IntegerField(
        min_value=0,
        max_value=LONGEST_MINUTES,
        label="Minutes of waiting that count at most",
        help_text="Between asking for a take and its result.",
    )
    waiting_weight = forms.DecimalField(
        min_value=0,
        max_value=1,
        max_digits=4,
        decimal_places=3,
        label="Weight of waiting",
        help_text="The share of waiting that counts as work: 0 none, 1 all of it.",
    )
    time_by_person = forms.BooleanField(
        required=False,
        label="Show time by person",
        help_text="Off: the month shows time by role, never by person.",
    )
    unknown_price = amount(
        "Price of a call without a known price",
        required=False,
        help_text="Held and booked where a model has none. Empty: such models are not used.",
    )
    doubtful_charge_limit = amount(
        "Send again in doubt, up to",
        help_text="A call whose answer was lost is sent once more if it costs no more than this; it may then "
        "be charged twice, and that is said. 0: a person decides.",
    )
    builtin_only = forms.BooleanField(
        required=False,
        label="Built-in models only",
        help_text="Refuses every other model, so that nothing here can cost money at a provider.",
    )


def initial_of(workspace: Workspace) -> dict[str, Any]:
    """The form's values as they are."""
    values = {name: getattr(workspace, name) for name in WorkspaceForm.base_fields}
    for name in ("unknown_price", "doubtful_charge_limit", "waiting_weight"):
        values[name] = None if values[name] is None else f"{values[name].normalize():f}"
    return values


class CategoryForm(forms.Form):
    name = forms.CharField(max_length=120, label="Name")
    key = forms.SlugField(max_length=119, label="Key", help_text=KEY_HELP)
    delivered_in = forms.ChoiceField(
        choices=[
            (Phase.HERO, "A hero render, approved by a manager"),
            (Phase.DRAFT, "A draft, signed off by a reviewer"),
        ],
        label="Delivered as",
    )


class FormatForm(forms.Form):
    name = forms.CharField(max_length=80, label="Name")
    key = forms.SlugField(max_length=40, label="Key", help_text="Such as 16x9.")
    width = forms.IntegerField(min_value=16, max_value=8192, label="Width in pixels")
    height = forms.IntegerField(min_value=16, max_value=8192, label="Height in pixels")


class TargetForm(forms.Form):
    category = forms.ModelChoiceField(Category.objects.none(), label="Category", empty_label=None)
    amount = amount("Cash for each acceptable deliverable")
    starts_on = forms.DateField(widget=Dated, label="From")

    def __init__(self, *args: Any, workspace: Workspace, **options: Any) -> None:
        super().__init__(*args, **options)
        choose(self, "category", Category.objects.filter(workspace=workspace).order_by("name"))


class PersonalForm(forms.Form):
    name = forms.CharField(max_length=120, required=False, label="Your name")
    theme = forms.ChoiceField(
        choices=[("system", "As the system says"), ("dark", "Dark"), ("light", "Light")], label="Theme"
    )
    single_key_shortcuts = forms.BooleanField(
        required=False,
        label="Single-key shortcuts",
        help_text="Off: only combinations with Ctrl or ⌘ work. Keys are never taken from you while you type "
        "in a field.",
    )


class TokenForm(forms.Form):
    label = forms.CharField(max_length=80, label="What it is for", help_text="Such as the render farm.")
