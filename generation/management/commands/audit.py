"""`manage.py audit MONTH --workspace … --format json|csv`: the audit of a month, printed."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing import audit, audit_tables
from billing.dimensions import By
from projects.models import Workspace
from projects.problems import Invalid


class Command(BaseCommand):
    help = "Prints the audit of a month as one JSON document, or its rows as CSV."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("month", help="As 2026-10.")
        parser.add_argument("--workspace", required=True, help="The workspace's short name.")
        parser.add_argument("--format", choices=["json", "csv"], default="json")
        parser.add_argument("--by", choices=By.values, default=By.CAMPAIGN)

    def handle(self, *args: Any, month: str, workspace: str, **options: Any) -> None:
        found = Workspace.objects.filter(slug=workspace).first()
        if found is None:
            raise CommandError(f"There is no workspace {workspace}.")
        try:
            document = audit.month_document(workspace=found, month=month, by=options["by"])
        except Invalid as invalid:
            raise CommandError(invalid.detail) from None
        if options["format"] == "json":
            self.stdout.write(json.dumps(document, ensure_ascii=False, indent=2))
        else:
            self.stdout.write(audit_tables.csv_text(audit_tables.rows(document)), ending="")
