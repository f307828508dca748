"""`manage.py up`: everything on one machine, in the foreground."""

import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from circletake.postgres import PostgresError
from circletake.supervisor import CannotStart
from generation import up


class Command(BaseCommand):
    help = "Run web server, workers and the embedded database as one program, until Ctrl-C."
    requires_system_checks = []  # some ask the database, which is not up yet

    def say(self, words: str) -> None:
        self.stdout.write(words)
        self.stdout.flush()  # a service's output is no terminal, and would be kept back

    def handle(self, *args: Any, **options: Any) -> None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # while it starts; then its own
        try:
            up.run(say=self.say)
        except KeyboardInterrupt:
            self.stdout.write("Stopped while starting.")
        except (CannotStart, PostgresError) as error:
            raise CommandError(str(error)) from error
