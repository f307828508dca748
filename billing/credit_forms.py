"""Forms about credits: a pack that was bought, and a balance that a provider shows."""

from __future__ import annotations

from django import forms

from billing.forms import Dated, amount_field

MOST_BYTES = 1_000_000
UNIT_HELP = "credit: and the provider's name, as credit:runway."


class LotForm(forms.Form):
    unit = forms.CharField(label="Credits of", max_length=47, help_text=UNIT_HELP)
    credits = amount_field("Credits bought")
    bonus = amount_field(
        "Bonus credits", required=False, help_text="They make all credits of the pack cheaper."
    )
    price = amount_field("Price of the pack", help_text="Net of tax that you get back.")
    currency = forms.CharField(label="Currency", max_length=3, help_text="Three capital letters, as USD.")
    bought_on = forms.DateField(label="Bought on", widget=Dated)
    expires_on = forms.DateField(
        label="Last day", widget=Dated, required=False, help_text="On which the credits can be used."
    )
    source = forms.CharField(label="Invoice or order", max_length=200)


class BalanceForm(forms.Form):
    unit = forms.CharField(label="Credits of", max_length=47, help_text=UNIT_HELP)
    credits = forms.DecimalField(label="Credits left", max_digits=20, decimal_places=8)
    source = forms.CharField(
        label="Source", max_length=200, help_text="Where it stands, such as the provider's billing page."
    )


class BalanceFileForm(forms.Form):
    file = forms.FileField(
        label="CSV file", widget=forms.ClearableFileInput(attrs={"accept": ".csv,text/csv"})
    )

    def clean_file(self) -> str:
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError("The file has more than 1 MB. Split it.")
        try:
            text = str(file.read().decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise forms.ValidationError("The file is no UTF-8. Save it as CSV, UTF-8.") from None
        if "\x00" in text:
            raise forms.ValidationError("The file is no text. Save it as CSV, UTF-8.")
        return text
