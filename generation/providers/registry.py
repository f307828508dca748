"""Which providers there are, by name. A provider is a module with an object named `provider`."""

from __future__ import annotations

import importlib

from generation.providers.protocol import Provider

MODULES = {
    "a1111": "generation.providers.a1111",
    "bfl": "generation.providers.bfl",
    "builtin": "generation.providers.builtin",
    "byteplus": "generation.providers.byteplus",
    "chat": "generation.providers.chat",
    "comfyui": "generation.providers.comfyui",
    "elevenlabs": "generation.providers.elevenlabs",
    "fal": "generation.providers.fal",
    "google": "generation.providers.google",
    "kling": "generation.providers.kling",
    "luma": "generation.providers.luma",
    "minimax": "generation.providers.minimax",
    "openai": "generation.providers.openai",
    "replicate": "generation.providers.replicate",
    "runway": "generation.providers.runway",
    "stability": "generation.providers.stability",
}


class UnknownProvider(LookupError):
    """No adapter has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no provider {name!r}; known are {', '.join(names())}.")


def names() -> tuple[str, ...]:
    return tuple(sorted(MODULES))


def with_accounts() -> tuple[str, ...]:
    """The providers that a workspace has accounts at."""
    return tuple(name for name in names() if not get(name).abilities.local)


def get(name: str) -> Provider:
    """The adapter of this name; raises UnknownProvider."""
    if name not in MODULES:
        raise UnknownProvider(name)
    provider: Provider = importlib.import_module(MODULES[name]).provider
    return provider


def base_url(name: str, *, region: str = "") -> str:
    """Where the provider is found when an account does not say otherwise; "" where only the account can.

    Raises UnknownProvider.
    """
    urls = get(name).profile.base_urls
    return urls.get(region) or next(iter(urls.values()), "")
