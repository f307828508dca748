"""`manage.py render`: the render lane, a pool of processes; `manage.py work` keeps it running."""

import signal
import threading
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from generation import render


class Command(BaseCommand):
    help = "Draw the built-in renderer's jobs and make posters, until SIGTERM or Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        stopping = threading.Event()

        def stop(signum: int, frame: FrameType | None) -> None:
            stopping.set()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        render.run(should_stop=stopping.is_set)
