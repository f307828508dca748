"""`manage.py histories`: imports the large histories and bills that wait; `manage.py work` starts it then."""

import signal
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from generation import bill_jobs, history_jobs


class Command(BaseCommand):
    help = "Import the large histories and bills that wait, one after the other, and end."

    def handle(self, *args: Any, **options: Any) -> None:
        def stop(signum: int, frame: FrameType | None) -> None:
            raise history_jobs.Stopped

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        try:
            bill_jobs.run_waiting()
            history_jobs.run_waiting()
        except history_jobs.Stopped:
            self.stdout.write("Stopped; the import begins again with the next start.")
