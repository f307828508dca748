"""`manage.py exports`: makes the files and mails that wait; `manage.py work` starts it when one does."""

import signal
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from billing.exports import jobs, month_mail


class Command(BaseCommand):
    help = "Make the exports and send the statements that wait, and end."

    def handle(self, *args: Any, **options: Any) -> None:
        def stop(signum: int, frame: FrameType | None) -> None:
            raise jobs.Stopped

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        try:
            made = jobs.run_waiting()
            sent = month_mail.send(now=timezone.now())
        except jobs.Stopped:
            self.stdout.write("Stopped; what was being made begins again with the next start.")
        else:
            self.stdout.write(f"{made} exports made, {sent} statements mailed.")
