"""Forms of provider accounts: which fields there are the provider's profile says."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Any

from django import forms

from generation import accounts
from generation.providers import registry
from generation.providers.profile import Field, Profile, SecretFrom

LONGEST = 4000  # of a key: some are whole files
OVERLAPS = [(24, "for a day"), (168, "for a week"), (1, "for an hour"), (0, "not at all: it has leaked")]


def secret(label: str, **options: Any) -> forms.CharField:
    """A field whose content is never shown again."""
    widget = forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    return forms.CharField(label=label, max_length=LONGEST, widget=widget, **options)


def overlap() -> forms.TypedChoiceField:
    return forms.TypedChoiceField(
        choices=OVERLAPS,
        coerce=int,
        required=False,
        label="The old one still serves",
        help_text="What was begun under it is finished under it; nothing new is begun.",
    )


class LimitsForm(forms.Form):
    concurrency = forms.IntegerField(
        min_value=1, max_value=10_000, initial=20, label="Jobs at once", help_text="As your plan allows."
    )
    rate_per_minute = forms.IntegerField(
        min_value=1,
        max_value=100_000,
        required=False,
        label="Requests a minute",
        help_text="Empty: no limit.",
    )
    webhooks = forms.BooleanField(
        required=False,
        label="Webhooks",
        help_text="Results come sooner. The provider must be able to reach this server.",
    )

    def __init__(self, *args: Any, provider: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        if provider and not registry.get(provider).abilities.webhooks:
            del self.fields["webhooks"]
        if provider:
            self.fields["concurrency"].initial = registry.get(provider).profile.concurrency

    def clean(self) -> dict[str, Any]:
        return {"webhooks": False, **(super().clean() or {})}


def add_key(form: forms.Form, profile: Profile) -> None:
    """The fields of a key: one, several or none."""
    for part in profile.key:
        name = "key" if len(profile.key) == 1 else f"key_{part.name}"
        words = part.help or "It is never shown again."
        form.fields[name] = secret(part.label, required=part.required, help_text=words)


def key_of(profile: Profile, values: Mapping[str, Any]) -> str:
    """The key as an account keeps it: as it is, or its parts as JSON; "" where none was entered."""
    if len(profile.key) < 2:
        return str(values.get("key") or "")
    parts = {part.name: str(values.get(f"key_{part.name}") or "").strip() for part in profile.key}
    return json.dumps(parts) if any(parts.values()) else ""


def add_place(form: forms.Form, profile: Profile) -> None:
    """Where the provider is: one of its regions, or an address of one's own."""
    urls = profile.base_urls
    if len(urls) > 1:
        choices = [(name, f"{name or 'usual'} ({url})") for name, url in urls.items()]
        form.fields["region"] = forms.ChoiceField(choices=choices, label="Region", required=False)
    own = "Where your server answers. A private host must be named in the setting PRIVATE_HOSTS."
    usual = "Empty: the provider's own. Only for a gateway in front of it."
    form.fields["base_url"] = forms.CharField(
        max_length=300, label="Address", required=not urls, help_text=usual if urls else own
    )


class PlaceForm(forms.Form):
    """Another name or place of an account; the key again where the address is another one."""

    name = forms.CharField(max_length=80, label="Name")

    def __init__(self, *args: Any, provider: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.profile = registry.get(provider).profile
        add_place(self, self.profile)
        add_key(self, self.profile)
        for name, field in self.fields.items():
            if name.startswith("key"):
                field.required = False
                field.help_text = "Only where the address is another one: it is sent to no other by itself."

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        kept = {name: value for name, value in values.items() if not name.startswith("key")}
        return {**kept, "key": key_of(self.profile, values)}


class RemoveForm(forms.Form):
    """How many calls in flight the person was told of who removes an account."""

    in_flight = forms.IntegerField(min_value=0, required=False, widget=forms.HiddenInput)


class KeyForm(forms.Form):
    """A new key in the place of the old one."""

    def __init__(self, *args: Any, provider: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.profile = registry.get(provider).profile
        add_key(self, self.profile)
        self.fields["overlap"] = overlap()

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        return {"key": key_of(self.profile, values), "overlap": _hours(values)}


class SecretForm(forms.Form):
    """A new webhook secret in the place of the old one."""

    webhook_secret = secret("Webhook secret", help_text="It is never shown again.")
    overlap = overlap()

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        return {"webhook_secret": values.get("webhook_secret", ""), "overlap": _hours(values)}


def _hours(values: Mapping[str, Any]) -> datetime.timedelta:
    hours = values.get("overlap")
    return accounts.OVERLAP if hours in (None, "") else datetime.timedelta(hours=hours)


class AccountForm(LimitsForm):
    """A new account at one provider."""

    def __init__(self, *args: Any, provider: str, **options: Any) -> None:
        super().__init__(*args, provider=provider, **options)
        self.provider, self.profile = provider, registry.get(provider).profile
        limits = {name: self.fields.pop(name) for name in list(self.fields)}
        self.fields["name"] = forms.CharField(
            max_length=80, label="Name", help_text="Such as the team that pays."
        )
        add_key(self, self.profile)
        add_place(self, self.profile)
        for field in self.profile.extra:
            self.fields[f"extra_{field.name}"] = _plain(field)
        if self.profile.webhook_secret is SecretFrom.ENTERED:
            self.fields["webhook_secret"] = secret(
                "Webhook secret",
                required=False,
                help_text="The provider shows it where webhooks are set up; it signs its messages.",
            )
        self.fields.update(limits)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        extra = {field.name: values.pop(f"extra_{field.name}", "") or "" for field in self.profile.extra}
        kept = {name: value for name, value in values.items() if not name.startswith("key")}
        return {**kept, "provider": self.provider, "key": key_of(self.profile, values), "extra": extra}


def _plain(field: Field) -> forms.CharField:
    return forms.CharField(max_length=300, label=field.label, required=field.required, help_text=field.help)
