"""Forms of the take desk."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms

from generation.takes import MOST_AT_ONCE
from projects import notes
from projects.models import RejectReason
from projects.models.decisions import DecisionKind
from projects.models.work import Phase
from projects.work import MAX_SEED


class MakeForm(forms.Form):
    """What a draft take is asked for with. `recalled` runs exactly that take's request again."""

    prompt = forms.CharField(
        required=False, label="Prompt", widget=forms.Textarea(attrs={"rows": 5}), max_length=8000
    )
    seed = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=MAX_SEED,
        label="Seed",
        widget=forms.NumberInput(attrs={"placeholder": "automatic"}),
    )
    control_profile = forms.ChoiceField(required=False, label="Control profile")
    model = forms.ChoiceField(required=False, label="Model")
    count = forms.IntegerField(min_value=1, max_value=MOST_AT_ONCE, initial=1, label="Takes at once")
    switch = forms.CharField(required=False, widget=forms.HiddenInput)
    recalled = forms.IntegerField(required=False, widget=forms.HiddenInput)
    round_id = forms.UUIDField(required=False, widget=forms.HiddenInput, initial=uuid.uuid4)
    fitting = forms.IntegerField(required=False, min_value=1, max_value=MOST_AT_ONCE)

    def __init__(
        self,
        *args: Any,
        profiles: list[tuple[str, str]],
        models: list[tuple[str, str]],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in (("control_profile", profiles), ("model", models)):
            label = self.fields[name].label
            self.fields[name] = forms.ChoiceField(choices=choices, required=False, label=label)


class ReviewForm(forms.Form):
    decision = forms.ChoiceField(
        choices=[
            (kind.value, kind.label)
            for kind in (
                DecisionKind.SELECT,
                DecisionKind.ACCEPT,
                DecisionKind.REJECT,
                DecisionKind.REVERSE,
            )
        ]
    )
    reasons = forms.MultipleChoiceField(choices=RejectReason.choices, required=False)
    note = forms.CharField(required=False, max_length=4000)
    as_is = forms.BooleanField(required=False)


class PriceForm(forms.Form):
    """The price at most that stood on the button."""

    at_most = forms.DecimalField(required=False, min_value=0, max_digits=20, decimal_places=8)


class HeroForm(PriceForm):
    note = forms.CharField(required=False, max_length=2000)


class CapForm(forms.Form):
    more = forms.IntegerField(min_value=1, max_value=100, initial=2, label="How many more")
    reason = forms.CharField(label="Why", widget=forms.Textarea(attrs={"rows": 2}), max_length=2000)


class UploadForm(forms.Form):
    file = forms.FileField(
        label="Picture or video",
        widget=forms.ClearableFileInput(
            attrs={"accept": "image/png,image/jpeg,image/webp,video/mp4,video/webm"}
        ),
    )
    phase = forms.ChoiceField(choices=Phase.choices, label="Phase")
    made_with = forms.CharField(
        max_length=120,
        label="Made with",
        widget=forms.TextInput(attrs={"placeholder": "Photoshop, stock …"}),
    )
    source_take = forms.IntegerField(
        required=False,
        min_value=1,
        label="From take",
        help_text="Its number, where a take was finished by hand.",
    )
    amount = forms.DecimalField(
        required=False, min_value=0, max_digits=18, decimal_places=8, label="What it cost"
    )
    note = forms.CharField(
        required=False, label="Note", widget=forms.Textarea(attrs={"rows": 2}), max_length=4000
    )
    round_id = forms.UUIDField(required=False, widget=forms.HiddenInput, initial=uuid.uuid4)


class RetryForm(forms.Form):
    round_id = forms.UUIDField(required=False, widget=forms.HiddenInput)


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label="Why", widget=forms.Textarea(attrs={"rows": 2, "autofocus": True}), max_length=2000
    )


class NoteForm(forms.Form):
    """A note; without a frame it is about the whole take."""

    body = forms.CharField(max_length=notes.MAX_LENGTH, label="Note")
    frame = forms.IntegerField(required=False, min_value=0, max_value=notes.LAST_FRAME)
