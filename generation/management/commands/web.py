"""`manage.py web`: the web server."""

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from circletake import measures


class Command(BaseCommand):
    help = "Run the web server on HOST and PORT (environment); static files are collected first."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.HASHED_STATIC:
            call_command("collectstatic", interactive=False, verbosity=0)
        if settings.METRICS_TOKEN or settings.METRICS_FROM:
            measures.begin(settings.DATA_DIR, os.environ)
        os.execv(sys.executable, [sys.executable, "-m", "circletake.server", *self.granian_options()])  # noqa: S606

    def granian_options(self) -> list[str]:
        return [
            "--interface=wsgi",
            f"--host={settings.HOST}",
            f"--port={settings.PORT}",
            f"--workers={settings.WEB_PROCESSES}",
            f"--blocking-threads={settings.WEB_THREADS}",
            "--no-ws",
            "--respawn-failed-workers",
            "--workers-kill-timeout=4",
            "--log-level=error",
            "circletake.wsgi:application",
        ]
