"""Which providers there are, by name. A provider is a module with an object named `provider`."""

from __future__ import annotations

import importlib

from generation.providers.protocol import Provider

MODULES = {
    "builtin": "generation.providers.builtin",
    "fal": "generation.providers.fal",
}
BASE_URLS = {
    "builtin": "",
    "fal": "https://queue.fal.run",
}


class UnknownProvider(LookupError):
    """No adapter has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no provider {name!r}; known are {', '.join(names())}.")


def names() -> tuple[str, ...]:
    return tuple(sorted(MODULES))


def get(name: str) -> Provider:
    """The adapter of this name; raises UnknownProvider."""
    if name not in MODULES:
        raise UnknownProvider(name)
    provider: Provider = importlib.import_module(MODULES[name]).provider
    return provider


def base_url(name: str) -> str:
    """Where the provider is found when an account does not say otherwise; raises UnknownProvider."""
    if name not in BASE_URLS:
        raise UnknownProvider(name)
    return BASE_URLS[name]


def key_set_address(name: str, account_url: str) -> str:
    """Where the keys are that sign the provider's webhooks; "" for a provider that signs none."""
    module = importlib.import_module(MODULES[name])
    find = getattr(module, "key_set_address", None)
    return str(find(account_url or base_url(name))) if find else ""
