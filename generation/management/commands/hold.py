"""`manage.py hold`: keeps calls open whose answer is the result; `manage.py work` keeps it running."""

import signal
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from circletake import stopping
from generation import hold


class Command(BaseCommand):
    help = "Hold calls to providers that answer with the result, until SIGTERM or Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--drain", action="store_true", help="on SIGTERM wait for open calls; Ctrl-C gives them up"
        )

    def handle(self, *args: Any, drain: bool, **options: Any) -> None:
        def stop(signum: int, frame: FrameType | None) -> None:
            if drain and signum == signal.SIGTERM:
                stopping.announce_drain()
            else:
                stopping.announce()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        hold.run(stops=stopping.is_stopping, gives_up=stopping.gives_up)
