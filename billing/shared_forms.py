"""Forms about shared costs of a campaign."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from billing.forms import Dated, amount_field
from billing.models.ledger import Stage
from projects.identifiers import new_id
from projects.models import Campaign, Membership, Take

#: What most shared costs are: they prepare what is made afterwards.
USUAL_STAGE = Stage.CONTROL


class SharedCostForm(forms.Form):
    amount = amount_field("Amount")
    currency = forms.CharField(label="Currency", max_length=3, help_text="Three capital letters, as USD.")
    service_on = forms.DateField(label="Service date", widget=Dated, help_text="Day of the service.")
    reason = forms.CharField(
        label="What it is for", max_length=300, help_text="As: locking the character, reference plates."
    )
    evidence = forms.CharField(
        label="Evidence",
        max_length=200,
        help_text="The bill's number or its address.",
    )
    stage = forms.ChoiceField(label="Stage", choices=Stage.choices, initial=USUAL_STAGE)
    provider = forms.CharField(
        label="Paid to",
        max_length=40,
        required=False,
        help_text="As in the models' keys, or none.",
    )
    #: So that a form that is sent twice books once.
    entry_id = forms.UUIDField(required=False, widget=forms.HiddenInput, initial=new_id)

    def clean_currency(self) -> str:
        said: str = self.cleaned_data["currency"]
        return said.strip().upper()


class TakeOverForm(forms.Form):
    deliverable = forms.CharField(label="Deliverable", max_length=120, help_text="Its key, as on the board.")
    number = forms.IntegerField(label="Take", min_value=1, max_value=100_000)
    reason = forms.CharField(label="What it serves the campaign for", max_length=300)

    def __init__(self, *args: Any, membership: Membership, campaign: Campaign, **options: Any) -> None:
        super().__init__(*args, **options)
        self.takes = Take.objects.visible_to(membership).filter(deliverable__campaign=campaign)

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        key, number = said.get("deliverable"), said.get("number")
        if key and number:
            found = self.takes.filter(deliverable__key=key.strip(), number=number)
            said["take"] = found.select_related("deliverable__category", "deliverable__campaign").first()
            if said["take"] is None:
                self.add_error("number", "This campaign has no such take.")
        return said


class AdjustForm(forms.Form):
    amount = amount_field("Right amount", help_text="Nothing undoes it.")
    was = forms.DecimalField(widget=forms.HiddenInput, max_digits=20, decimal_places=8)
    reason = forms.CharField(label="Reason", max_length=300)

    def __init__(self, *args: Any, currency: str, amount: Decimal, **options: Any) -> None:
        options["initial"] = {"amount": f"{amount.normalize():f}", "was": amount}
        super().__init__(*args, **options)
        self.fields["amount"].label = f"Right amount in {currency}"
