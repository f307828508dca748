"""`manage.py own_model WORKSPACE model.json`: a model of the workspace's own, such as a ComfyUI workflow."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from generation import own_models
from projects.models import Workspace
from projects.problems import Invalid


class Command(BaseCommand):
    help = (
        "Adds a model that this workspace alone sees, or replaces it. The file has the model's key, name, "
        "kinds and capabilities as the catalogue has them; a ComfyUI workflow in API format may be a file of "
        "its own. The model's price is entered under Prices."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("workspace", help="The workspace's short name, as it stands in addresses.")
        parser.add_argument("model", type=Path, help="The model as JSON.")
        parser.add_argument("--workflow", type=Path, help="A workflow, as the editor exports it for the API.")

    def handle(self, *args: Any, workspace: str, model: Path, **options: Any) -> None:
        found = Workspace.objects.filter(slug=workspace).first()
        if found is None:
            raise CommandError(f"There is no workspace {workspace}: see create_workspace.")
        entry = _read(model)
        if options["workflow"] is not None:
            entry.setdefault("capabilities", {})["workflow"] = _read(options["workflow"])
        try:
            row = own_models.store(workspace=found, entry=entry)
        except Invalid as refused:
            raise CommandError(refused.detail) from None
        self.stdout.write(f"{row.key} can be routed to; enter its price under Prices.")


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}.") from None
    except ValueError as error:
        raise CommandError(f"{path}: {error}.") from None
    if not isinstance(found, dict):
        raise CommandError(f"{path} is no JSON object.")
    return found
