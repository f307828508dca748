"""`manage.py import_history WORKSPACE charges.csv decisions.csv`: the months before the team came."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from generation import history
from projects.models import Workspace
from projects.problems import BadLines


class Command(BaseCommand):
    help = "Imports past charges and decisions. If a line is bad, all are named and nothing changes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("workspace", help="The workspace's short name, as it stands in addresses.")
        parser.add_argument("charges", type=Path)
        parser.add_argument("decisions", type=Path)

    def handle(self, *args: Any, workspace: str, charges: Path, decisions: Path, **options: Any) -> None:
        found = Workspace.objects.filter(slug=workspace).first()
        if found is None:
            raise CommandError(f"There is no workspace {workspace}: see create_workspace.")
        try:
            with charges.open("rb") as first, decisions.open("rb") as second:
                result = history.import_history(workspace=found, charges=first, decisions=second, by=None)
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}.") from None
        except BadLines as refused:
            for line in refused.lines:
                self.stderr.write(f"{line['file']} line {line['line']}: {line['reason']}")
            raise CommandError(f"{refused.detail} {refused.remedy}") from None
        self.stdout.write(
            f"{result.charges} charges and {result.decisions} decisions imported, "
            f"{result.deliverables} deliverables created."
        )
