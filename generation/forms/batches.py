"""Forms about batches."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms

from generation.takes import MOST_AT_ONCE
from projects.models import Deliverable, Membership


class BatchForm(forms.Form):
    """Which deliverables, and how many takes of each."""

    deliverables = forms.ModelMultipleChoiceField(
        Deliverable.objects.none(), widget=forms.MultipleHiddenInput, label="Deliverables"
    )
    count = forms.IntegerField(min_value=1, max_value=MOST_AT_ONCE, initial=1, label="Takes of each")
    batch_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)

    def __init__(self, *args: Any, membership: Membership, **options: Any) -> None:
        super().__init__(*args, **options)
        rows = Deliverable.objects.visible_to(membership).select_related(
            "campaign__project", "category", "format", "workspace"
        )
        self.fields["deliverables"].queryset = rows.order_by("key")  # type: ignore[attr-defined]
