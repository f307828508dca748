"""Forms about passing costs on: a campaign's fee and numbers, a client's mark-up, the journal's accounts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.validators import RegexValidator

from billing import journal_accounts
from billing.forms import amount_field
from billing.journal_accounts import ACCOUNTS, COLUMNS, Setup

PLAIN = RegexValidator(
    r"^[\w][\w ./_-]*$", "Begin with a letter or a digit; letters, digits, spaces and . / _ - may follow."
)


class TermsForm(forms.Form):
    fee = amount_field(
        "Fee", required=False, help_text="What the client pays for the campaign; none if unknown."
    )
    job_number = forms.CharField(label="Job number", max_length=60, required=False, validators=[PLAIN])
    purchase_order = forms.CharField(
        label="Purchase order", max_length=60, required=False, validators=[PLAIN]
    )
    cost_centre = forms.CharField(
        label="Cost centre",
        max_length=36,
        required=False,
        validators=[PLAIN],
        help_text="As bookkeeping knows it: the journal has a line for each.",
    )

    def __init__(self, *args: Any, currency: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["fee"].label = f"Fee in {currency}"


class MarkUpForm(forms.Form):
    percent = forms.DecimalField(
        label="Mark-up in percent of cost", min_value=0, max_value=1000, max_digits=7, decimal_places=3
    )
    first_month = forms.CharField(
        label="From the month", max_length=7, help_text="As 2026-10; it must be open."
    )
    reason = forms.CharField(
        label="Agreed in", max_length=300, help_text="The contract, or who agreed to it."
    )


class AccountsForm(forms.Form):
    """A number for each account of ours; one for each provider, where it has its own."""

    columns = forms.CharField(
        label="Columns of the CSV",
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=f"One a line, as Konto=account. There are {', '.join(journal_accounts.FIELDS)}.",
    )
    consultant = forms.IntegerField(
        label="DATEV: consultant (Beraternummer)", min_value=1001, max_value=9_999_999, required=False
    )
    client = forms.IntegerField(
        label="DATEV: client (Mandantennummer)", min_value=1, max_value=99_999, required=False
    )
    account_length = forms.IntegerField(
        label="DATEV: digits of an account (Sachkontenlänge)", min_value=4, max_value=8
    )
    year_begins_in = forms.IntegerField(label="First month of the fiscal year", min_value=1, max_value=12)
    tax_rate = forms.CharField(
        label="Xero: name of the tax rate", max_length=60, help_text="As it reads in Xero's settings."
    )
    tracking = forms.CharField(label="Xero: tracking category of cost centres", max_length=60)

    def __init__(self, *args: Any, setup: Setup, providers: Iterable[str], **options: Any) -> None:
        initial = {name: getattr(setup, name) for name in ("consultant", "client", "account_length")}
        initial |= {name: getattr(setup, name) for name in ("year_begins_in", "tax_rate", "tracking")}
        initial["columns"] = "\n".join(f"{title}={field}" for title, field in setup.columns or COLUMNS)
        super().__init__(*args, **{**options, "initial": initial})
        own = {key: label for key, (label, _) in ACCOUNTS.items()}
        own |= {f"provider:{name}": f"Owed to {name}" for name in providers}
        first = {}
        for key, label in own.items():
            needed = key in ACCOUNTS
            first[key] = forms.CharField(
                label=label,
                max_length=20,
                required=needed,
                initial=setup.number(key) if needed else setup.accounts.get(key, ""),
                help_text="" if needed else "Nothing said: the account of all providers.",
            )
        self.fields = {**first, **self.fields}
        self.keys = tuple(first)

    def clean_columns(self) -> list[tuple[str, str]]:
        pairs = []
        for line in self.cleaned_data["columns"].splitlines():
            title, equals, field = line.strip().rpartition("=")
            if not line.strip():
                continue
            if not equals or not title.strip():
                raise forms.ValidationError(f"Write “{line.strip()}” as Title=column.")
            pairs.append((title.strip(), field.strip()))
        return pairs

    def said(self) -> dict[str, Any]:
        """As `journal_accounts.say` takes it."""
        said = dict(self.cleaned_data)
        accounts = {key: number for key in self.keys if (number := said.pop(key))}
        return {**said, "accounts": accounts}
