"""The kits: one module a provider, found by its name. Each has `DECLARED` and `make(emulator) -> Kit`."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import Any


@functools.cache
def modules() -> dict[str, Any]:
    """The kits' modules by provider, in alphabetical order."""
    names = sorted(found.name for found in pkgutil.iter_modules(__path__))
    return {name: importlib.import_module(f"{__name__}.{name}") for name in names}
