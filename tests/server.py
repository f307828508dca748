"""Pytest plugin: the database server of a test run, started before Django reads its settings.

With DATABASE_URL that server is used. Otherwise the first process starts one embedded PostgreSQL on a
temporary DATA_DIR and ends it with the run; the workers of pytest-xdist find its address in their
environment. Its durability is off: the data is thrown away, and only a crash of the machine could tell.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from circletake import postgres

ENVIRONMENT = {
    "HERO_UNDO_SECONDS": "0",
    "LOG_LEVEL": "WARNING",
    "EMAIL_URL": "memorymail://",
    "DATABASE_CONNECTION_SECONDS": "0",
    "API_RATE": "",
    "API_SPEND_RATE": "",
}
UNWANTED = ("PRODUCTION", "DEBUG", "DEMO", "SECRET_KEY", "ALLOWED_HOSTS", "PORT", "PUBLIC_URL")


def prepare() -> None:
    """Set the environment of the run, and start a server unless there is one."""
    for name in UNWANTED:
        os.environ.pop(name, None)
    os.environ.update(ENVIRONMENT)
    if "CIRCLETAKE_TEST_RUN" in os.environ:
        return
    folder = Path(tempfile.mkdtemp(prefix="circletake-test-"))
    folder.chmod(0o711)
    os.environ["CIRCLETAKE_TEST_RUN"] = os.environ["DATA_DIR"] = str(folder)
    server = None if os.environ.get("DATABASE_URL") else postgres.Server(folder, extra=postgres.THROWAWAY)
    atexit.register(finish, folder, server, os.getpid())
    if server:
        server.start()
        os.environ["DATABASE_URL"] = postgres.url(folder)


def finish(folder: Path, server: postgres.Server | None, owner: int) -> None:
    """End the server and remove its data, in the process that started it and in none that it forked."""
    if os.getpid() != owner:
        return
    if server:
        server.stop()
    shutil.rmtree(folder, ignore_errors=True)


prepare()
