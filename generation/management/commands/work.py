"""`manage.py work`: the workers, watched and restarted, until Ctrl-C or SIGTERM."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from circletake.supervisor import Supervisor
from generation import unknown, workers


class Command(BaseCommand):
    help = "Run the workers: the queue's lanes and what else works outside the web server."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--drain",
            action="store_true",
            help=f"on SIGTERM begin nothing and wait up to {settings.DRAIN_SECONDS} s for open calls;"
            " Ctrl-C gives them up",
        )

    def handle(self, *args: Any, drain: bool, **options: Any) -> None:
        begun = timezone.now()
        Supervisor(workers.programs(drain=drain)).run()
        if given_up := unknown.given_up_since(begun):
            self.stdout.write(
                f"{given_up} open {'call is' if given_up == 1 else 'calls are'} marked unknown:"
                " the queue page lists what is known of each."
            )
