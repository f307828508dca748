"""One machine: embedded database, schema, web server and workers, as one foreground program."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.utils import timezone

from circletake.postgres import PostgresError, Server
from circletake.supervisor import Program, Supervisor, require_free_port, sole_user_of
from generation.demo import build as demo
from projects.models import Workspace

Say = Callable[[str], object]
PATIENCE = 10
"""Starts of the embedded database that may fail in a row, a second apart."""


def run(*, say: Say) -> None:
    """Serve until Ctrl-C or SIGTERM; raises CannotStart or PostgresError with the remedy."""
    with ExitStack() as stack:
        stack.enter_context(sole_user_of(settings.DATA_DIR))
        require_free_port(settings.HOST, settings.PORT)
        server = Server(settings.DATA_DIR) if settings.EMBEDDED_DATABASE else None
        if server:
            stack.callback(server.stop)
            server.start()
        prepare(say=say)
        connections.close_all()
        Supervisor([web(), work()]).run(each_second=Beat(server, say))
        say("Stopped.")


@contextmanager
def embedded_database() -> Iterator[None]:
    """The embedded database, for a command that needs the data to itself; raises CannotStart beside `up`."""
    with ExitStack() as stack:
        if settings.EMBEDDED_DATABASE:
            stack.enter_context(sole_user_of(settings.DATA_DIR))
            server = Server(settings.DATA_DIR)
            stack.callback(server.stop)
            server.start()
        stack.callback(connections.close_all)
        yield


def prepare(*, say: Say) -> None:
    """Bring the schema up to date and, in a demo without any workspace, make the demo's."""
    call_command("check", verbosity=0)
    call_command("migrate", interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)
    call_command("load_catalogue", verbosity=0)
    if settings.DEMO and not Workspace.objects.exists():
        say("First start: making the demo workspace …")
        demo.build(size="S", today=timezone.now().date(), say=say)


def web() -> Program:
    os.environ.setdefault("HASHED_STATIC", "1")
    return Program(name="web", command=manage("web"))


def work() -> Program:
    return Program(name="work", command=manage("work"))


def manage(command: str) -> list[str]:
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), command]


class Beat:
    """What happens each second: the database is kept up, and the address is told once it answers."""

    def __init__(self, server: Server | None, say: Say) -> None:
        self.server = server
        self.say = say
        self.told = False
        self.failed_starts = 0

    def restart(self, server: Server) -> None:
        """Start it again; what is left of a killed one may need a moment to go, but not for ever."""
        try:
            server.start()
            self.failed_starts = 0
        except PostgresError:
            self.failed_starts += 1
            if self.failed_starts > PATIENCE:
                raise

    def __call__(self) -> None:
        if self.server and not self.server.is_running():
            self.say("The embedded PostgreSQL ended by itself and is started again.")
            self.restart(self.server)
        if not self.told and answers():
            self.told = True
            self.say(f"Circletake is at http://localhost:{settings.PORT} — Ctrl-C stops it.")


def answers() -> bool:
    """True once the web server says that it is alive."""
    try:
        address = f"http://127.0.0.1:{settings.PORT}/healthz"
        with urllib.request.urlopen(address, timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
