"""A database without the program, for a drill: the embedded server on a folder, or the one that is named."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


def prepare(folder: Path) -> None:
    """The folder, and the settings that the drill runs with."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)
    os.environ.setdefault("SECRET_KEY", "drill-" + "0123456789" * 5)
    os.environ.update(DATA_DIR=str(folder), DEMO="0", DJANGO_SETTINGS_MODULE="circletake.settings")


def migrate() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


@contextlib.contextmanager
def server(folder: Path, *, durable: bool = True) -> Iterator[None]:
    """The embedded server on the folder, unless another one is named."""
    from circletake import postgres

    if os.environ.get("DATABASE_URL"):
        yield
        return
    embedded = postgres.Server(folder, extra=None if durable else postgres.THROWAWAY)
    embedded.start()
    try:
        yield
    finally:
        embedded.stop()
