"""`manage.py histories`: imports the large histories that wait; `manage.py work` starts it when one does."""

import signal
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from generation import history_jobs


class Command(BaseCommand):
    help = "Import the large histories that wait, one after the other, and end."

    def handle(self, *args: Any, **options: Any) -> None:
        def stop(signum: int, frame: FrameType | None) -> None:
            raise history_jobs.Stopped

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        try:
            history_jobs.run_waiting()
        except history_jobs.Stopped:
            self.stdout.write("Stopped; the import begins again with the next start.")
