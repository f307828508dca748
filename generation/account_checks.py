"""What an account needs, as its provider's profile says, before it is stored; and doubts about a key."""

from __future__ import annotations

import re
from collections.abc import Mapping

import httpx
from django.conf import settings

from generation import addresses
from generation.providers import registry
from generation.providers.profile import Profile, SecretFrom
from generation.providers.protocol import Account
from projects.problems import Invalid


def check(
    provider: str, *, name: str, key: str, base_url: str = "", region: str = "", webhook_secret: str = ""
) -> None:
    """Raises Invalid where an account of these values cannot be."""
    if provider not in registry.with_accounts():
        raise Invalid({"provider": [f"There is no provider {provider} that needs an account."]})
    profile = registry.get(provider).profile
    found = {
        **_against_place(profile, name=name, base_url=base_url, region=region),
        "key": _against_key(profile, key),
        "webhook_secret": ""
        if not webhook_secret or profile.webhook_secret is SecretFrom.ENTERED
        else "This provider's webhooks need no secret from you.",
    }
    _refuse(found)


def check_key(provider: str, key: str) -> None:
    """Raises Invalid where a key lacks a part that the provider needs."""
    _refuse({"key": _against_key(registry.get(provider).profile, key)})


def check_place(provider: str, *, name: str, base_url: str, region: str) -> None:
    """Raises Invalid where an account cannot be called so, or lie there."""
    _refuse(_against_place(registry.get(provider).profile, name=name, base_url=base_url, region=region))


def _refuse(found: Mapping[str, str]) -> None:
    if errors := {field: [words] for field, words in found.items() if words}:
        raise Invalid(errors)


def _against_place(profile: Profile, *, name: str, base_url: str, region: str) -> dict[str, str]:
    return {
        "name": "" if name.strip() else "Give the account a name, such as the team that pays.",
        "base_url": _against_address(profile, base_url.strip()),
        "region": "" if not region or region in profile.base_urls else "The provider has no such region.",
    }


def doubts(provider: str, key: str) -> str:
    """What makes a key look unlike one of the provider's, in words; "" where nothing does.

    A hint and no refusal: forms change, and a gateway may have keys of its own.
    """
    profile = registry.get(provider).profile
    account = Account(id="", provider=provider, key=key.strip(), base_url="")
    for part in profile.key:
        value = account.key if len(profile.key) == 1 else account.part(part.name)
        if value and part.form and not re.fullmatch(part.form, value):
            return (
                f"This does not look like {profile.title}’s {part.label.lower()}, which has the form "
                f"{part.looks_like}. It is stored all the same; test the connection."
            )
    return ""


def _against_key(profile: Profile, key: str) -> str:
    """What is wrong with a key; one of several parts needs each that its profile asks for."""
    if len(profile.key) < 2:
        needed = bool(profile.key) and profile.key[0].required
        return "Paste the key that the provider gave you." if needed and not key else ""
    account = Account(id="", provider="", key=key, base_url="")
    given = {part.name for part in profile.key if account.part(part.name)}
    if not given:
        return "Paste the key that the provider gave you."
    missing = [part.label for part in profile.key if part.required and part.name not in given]
    return f"Still missing: {', '.join(missing)}." if missing else ""


def _against_address(profile: Profile, base_url: str) -> str:
    """What is wrong with a base address; a private host and plain HTTP only as the operator allows."""
    if not base_url:
        return "" if profile.base_urls else "Enter the address at which the server answers."
    return against_address(base_url)


def against_address(address: str) -> str:
    """What is wrong with an address that is to be called; nothing where it may be."""
    try:
        place = httpx.URL(address)
    except httpx.InvalidURL:
        return "This is no address."
    if place.scheme not in ("https", "http") or not place.host or place.userinfo:
        return "An address begins with https:// and a host; user names and passwords do not belong into it."
    named = place.host in settings.PRIVATE_HOSTS
    if place.scheme == "http" and not named:
        return f"Over plain HTTP only hosts are called that the operator names in PRIVATE_HOSTS: {place.host}"
    try:
        addresses.require_allowed_literal(place.host)
    except addresses.PrivateAddress as private:
        return str(private)
    return ""
