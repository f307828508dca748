"""What is asked of the outlook: a month, rises of prices, a provider that is away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from django import forms

from generation.stability import MEASURES, TAKES
from routing.shocks import Shock

PROVIDER, CURRENCY = "provider:", "currency:"
MOST_RISE, STEP = 100, 5
USUAL_RISE = 20
DAYS = (1, 3, 7, 14)


class ShockForm(forms.Form):
    """A slider for each provider, and for each kind of credits, that the month was spent on."""

    def __init__(
        self, given: Mapping[str, str], *, providers: Sequence[str], currencies: Sequence[str], first: str
    ) -> None:
        named = {f"{PROVIDER}{one}": one for one in providers}
        named |= {f"{CURRENCY}{one}": f"{one.partition(':')[2]} credits" for one in currencies}
        asked = {name: value for name, value in given.items() if name in named}
        if not asked and first:
            asked = {f"{PROVIDER}{first}": str(USUAL_RISE)}
        super().__init__(asked)
        for name, label in named.items():
            rise = _rise(asked.get(name, ""))
            slider = forms.NumberInput(
                attrs={"type": "range", "min": 0, "max": MOST_RISE, "step": STEP, "value": rise}
            )
            self.fields[name] = forms.IntegerField(
                label=f"{label or 'no provider'}: +{rise} %", required=False, widget=slider
            )
        self.rises = {name: _rise(asked.get(name, "")) for name in named}

    @property
    def shock(self) -> Shock:
        """What the sliders say; what is no number or lies outside them counts as it is drawn."""
        shares = {name: Decimal(rise) / 100 for name, rise in self.rises.items() if rise}
        return Shock(
            providers={n.removeprefix(PROVIDER): x for n, x in shares.items() if n.startswith(PROVIDER)},
            currencies={n.removeprefix(CURRENCY): x for n, x in shares.items() if n.startswith(CURRENCY)},
        )


def _rise(text: str) -> int:
    return min(int(text), MOST_RISE) if text.isdecimal() and len(text) < 6 else 0


class OutageForm(forms.Form):
    """Which provider would be away, and for how long."""

    provider = forms.ChoiceField(label="If this provider were away")
    days = forms.TypedChoiceField(
        label="For", choices=[(n, f"{n} day{'' if n == 1 else 's'}") for n in DAYS], coerce=int
    )

    def __init__(self, given: Mapping[str, str], providers: Sequence[str]) -> None:
        usual = {"provider": providers[0] if providers else "", "days": "7"}
        super().__init__(usual | {name: value for name, value in given.items() if value}, initial=usual)
        self.fields["provider"] = forms.ChoiceField(
            label="If this provider were away", choices=[(one, one) for one in providers]
        )


class StabilityFilter(forms.Form):
    """Which category, and what is counted in it."""

    measure = forms.ChoiceField(label="Count", choices=list(MEASURES.items()))
    category = forms.ChoiceField(label="Chart of")

    def __init__(self, given: Mapping[str, str], categories: Sequence[tuple[str, str]], first: str) -> None:
        usual = {"measure": TAKES, "category": first}
        super().__init__(usual | {name: value for name, value in given.items() if value}, initial=usual)
        self.fields["category"] = forms.ChoiceField(label="Chart of", choices=list(categories))
