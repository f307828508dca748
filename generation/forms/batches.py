"""The form of a batch: which deliverables, what is varied, on which models, how many takes of each."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import forms

from generation import takes
from generation.batch_choices import Choices
from generation.matrices import MOST_TAKES, MOST_VARIANTS, Asked, Column, Variant
from generation.prompts import MAX_LENGTH
from generation.takes import MOST_AT_ONCE
from projects.models import Deliverable, Membership
from projects.work import MAX_SEED

AS_ROUTED = ""
SWITCH = "switch:"
VALUE = "value-"
LINES = forms.Textarea(attrs={"rows": 3})


class ChosenForm(forms.Form):
    """The deliverables of a batch."""

    deliverables = forms.ModelMultipleChoiceField(
        Deliverable.objects.none(), widget=forms.MultipleHiddenInput, label="Deliverables"
    )

    def __init__(self, *args: Any, membership: Membership, **options: Any) -> None:
        super().__init__(*args, **options)
        rows = Deliverable.objects.visible_to(membership).select_related(*takes.ABOVE)
        self.fields["deliverables"].queryset = rows.order_by("key")  # type: ignore[attr-defined]


class BatchForm(forms.Form):
    """What is varied over deliverables that are chosen already; each line of words is a variant."""

    count = forms.IntegerField(
        min_value=1,
        max_value=MOST_AT_ONCE,
        initial=1,
        label="Takes of each cell",
        help_text=f"1 to {MOST_AT_ONCE} of each; {MOST_TAKES:,} in all.",
    )
    seed = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=MAX_SEED,
        label="First seed",
        help_text="The takes of a cell count up from it. Left empty, each deliverable has its own.",
        widget=forms.NumberInput(attrs={"placeholder": "automatic"}),
    )
    words = forms.CharField(
        required=False,
        max_length=MAX_LENGTH,
        widget=LINES,
        label="Words added to the prompt",
        help_text="One variant a line.",
    )
    as_briefed = forms.BooleanField(required=False, initial=True, label="The prompt without added words, too")
    profiles = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, label="Control profiles"
    )
    models = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple, initial=[AS_ROUTED], label="Models"
    )
    leave_out = forms.BooleanField(required=False, label="Leave out what cannot be made")
    confirmed = forms.DecimalField(required=False, widget=forms.HiddenInput, min_value=Decimal(0))
    batch_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)

    def __init__(self, *args: Any, offered: Choices, **options: Any) -> None:
        super().__init__(*args, **options)
        self.offered: dict[str, set[str]] = {}
        switches = [(f"{SWITCH}{key}", label) for key, label in offered.switches]
        models = [(key, f"{name} ({key})") for key, name in offered.models]
        self._offer("models", [(AS_ROUTED, "As the route says"), *models, *switches])
        self._offer("profiles", [("", "As the campaign says"), *offered.profiles])
        self.values = [f"{VALUE}{name}" for name in offered.variables]
        for name in offered.variables:
            self.fields[f"{VALUE}{name}"] = forms.CharField(
                required=False,
                max_length=MAX_LENGTH,
                widget=LINES,
                label=f"Values of {name}",
                help_text="One a line; left empty, each deliverable keeps its own.",
            )

    @property
    def variables(self) -> list[forms.BoundField]:
        """The fields of the template's variables."""
        return [self[name] for name in self.values]

    def drop_what_is_not_offered(self) -> list[str]:
        """Leaves out of the initial choices what the routes or profiles have no longer, and names it."""
        gone = []
        for name in ("models", "profiles"):
            wanted = list(self.initial.get(name) or ())
            gone += [key for key in wanted if key not in self.offered[name]]
            if wanted:
                self.initial[name] = [key for key in wanted if key in self.offered[name]]
        if "models" in self.initial and not self.initial["models"]:
            self.initial["models"] = [AS_ROUTED]
        return gone

    def asked(self, deliverables: Sequence[Deliverable]) -> Asked:
        """The matrix of a valid form."""
        said = self.cleaned_data
        return Asked(
            deliverables=deliverables,
            count=said["count"],
            seed=said["seed"],
            variants=self._variants(),
            columns=[_column(key) for key in said["models"]],
        )

    def _variants(self) -> list[Variant]:
        """Every wording with every choice of values and every profile, as far as a matrix can take them.

        One more than it takes is enough for it to be refused; all of them would fill the memory.
        """
        said = self.cleaned_data
        words = _lines(said["words"])
        wordings = [*([""] if said["as_briefed"] or not words else []), *words]
        values = {name.removeprefix(VALUE): _lines(said[name]) for name in self.values if _lines(said[name])}
        found = (
            Variant(words=wording, variables=dict(zip(values, chosen, strict=True)), control_profile=profile)
            for wording in wordings
            for chosen in itertools.product(*values.values())
            for profile in said["profiles"] or [""]
        )
        return list(itertools.islice(found, MOST_VARIANTS + 1))

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - narrows the type
        field.choices = choices
        self.offered[name] = {key for key, _ in choices}


def initial(variants: Sequence[Variant], columns: Sequence[Column], count: int) -> Mapping[str, Any]:
    """The form's values for a matrix that was made before."""
    words = list(dict.fromkeys(variant.words for variant in variants))
    values: dict[str, dict[str, None]] = {}
    for variant in variants:
        for name, value in variant.variables.items():
            values.setdefault(f"{VALUE}{name}", {})[value] = None
    profiles = list(dict.fromkeys(variant.control_profile for variant in variants))
    return {
        "count": count,
        "words": "\n".join(word for word in words if word),
        "as_briefed": "" in words,
        "profiles": [] if profiles == [""] else profiles,
        "models": [f"{SWITCH}{column.switch}" if column.switch else column.model for column in columns],
        **{name: "\n".join(found) for name, found in values.items()},
    }


def _column(key: str) -> Column:
    if key.startswith(SWITCH):
        return Column(switch=key.removeprefix(SWITCH))
    return Column(model=key)


def _lines(text: str) -> list[str]:
    return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
