"""Forms about people: inviting, joining, roles, what an hour is worth."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password

from generation.forms.campaigns import Dated
from projects.models import Person, Role


class RolesForm(forms.Form):
    roles = forms.MultipleChoiceField(
        choices=Role.choices,
        widget=forms.CheckboxSelectMultiple,
        label="Roles, which add up",
        error_messages={"required": "Choose at least one role."},
    )


class InviteForm(RolesForm):
    email = forms.EmailField(label="E-mail", max_length=254)
    field_order = ["email", "roles"]


class RoleRateForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices, label="Role")
    hourly_rate = forms.DecimalField(min_value=0, max_digits=20, decimal_places=8, label="An hour is worth")
    starts_on = forms.DateField(widget=Dated, label="From")

    def __init__(self, *args: Any, currency: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["hourly_rate"].label = f"An hour is worth, in {currency}"


class JoinForm(forms.Form):
    """The account of somebody who has none yet."""

    name = forms.CharField(
        max_length=120, label="Your name", widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    password = forms.CharField(
        label="Password",
        strip=False,
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least eight characters, and no common word.",
    )

    def __init__(self, *args: Any, email: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.email = email

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        if password := said.get("password"):
            person = Person(email=self.email, name=said.get("name", ""))
            try:
                validate_password(password, person)
            except forms.ValidationError as error:
                self.add_error("password", error)
        return said
