"""The form by which a stopped batch goes on."""

from __future__ import annotations

from decimal import Decimal

from django import forms


class GoOnForm(forms.Form):
    """What the rest may cost, as it was shown on the button."""

    confirmed = forms.DecimalField(required=False, min_value=Decimal(0))
