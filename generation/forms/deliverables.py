"""The form that edits a deliverable; its key and category stay, because books and routes stand on them."""

from __future__ import annotations

from typing import Any

from generation.forms.campaigns import DeliverableForm
from projects.models import Workspace


class EditForm(DeliverableForm):
    def __init__(self, *args: Any, workspace: Workspace, caps: bool, **options: Any) -> None:
        super().__init__(*args, workspace=workspace, **options)
        for name in ("key", "category", *(() if caps else ("cap",))):
            del self.fields[name]
        self.fields["brief"].required = False
