"""`manage.py token EMAIL WORKSPACE`: prints a new API token of a member."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from projects import tokens
from projects.models import Membership


class Command(BaseCommand):
    help = "Prints a new API token for a member of a workspace; it is shown once and works for a year."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("workspace", help="The workspace's short name, as it stands in addresses.")
        parser.add_argument("--label", default="command line")

    def handle(self, *args: Any, email: str, workspace: str, label: str, **options: Any) -> None:
        rows = Membership.objects.select_related("workspace", "person")
        member = rows.filter(
            person__email__iexact=email, workspace__slug=workspace, ended_at__isnull=True
        ).first()
        if member is None:
            raise CommandError(
                f"{email} does not belong to a workspace {workspace}: invite the person first."
            )
        self.stdout.write(tokens.issue(membership=member, label=label))
