"""`manage.py work`: the workers, watched and restarted, until Ctrl-C or SIGTERM."""

from typing import Any

from django.core.management.base import BaseCommand

from circletake.supervisor import Supervisor
from generation import workers


class Command(BaseCommand):
    help = "Run the workers: the queue's lanes and what else works outside the web server."

    def handle(self, *args: Any, **options: Any) -> None:
        Supervisor(workers.programs()).run()
