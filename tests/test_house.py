"""The plan of the house, held by machine: rooms refer downwards, the project runs no inline code."""

import re
from pathlib import Path

import pytest
from django.apps import apps

ROOT = Path(__file__).parents[1]
ROOMS = ("projects", "billing", "routing", "generation")
MODELS = [model for room in ROOMS for model in apps.get_app_config(room).get_models()]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_foreign_keys_run_downwards_only(model):
    own = ROOMS.index(model._meta.app_label)
    above = [
        field.name
        for field in model._meta.get_fields()
        if field.is_relation
        and not field.auto_created
        and field.related_model._meta.app_label in ROOMS[own + 1 :]
    ]
    assert above == []


def test_who_and_when_stand_together():
    """A column that says who did a thing comes with one that says when, or the row's own time."""
    alone = []
    for model in MODELS:
        names = {field.name for field in model._meta.concrete_fields}
        for name in names:
            stem = name.removesuffix("_by")
            if name.endswith("_by") and stem != name and f"{stem}_at" not in names:
                alone.append(f"{model._meta.label}.{name}")
    assert alone == []


@pytest.mark.parametrize("room", [*ROOMS, "circletake"])
def test_each_room_begins_with_its_charter(room):
    words = (ROOT / room / "__init__.py").read_text()
    assert words.startswith('"""')
    assert len(words.split('"""')[1].split()) > 10


def test_templates_query_nothing_and_run_no_inline_code():
    wrong = []
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text()
        styled = "" if path.name.endswith("_mail.html") else r"<style|\sstyle=|"  # mail has no other way
        if re.search(rf"{styled}\son[a-z]+=|hx-on|javascript:", text):
            wrong.append(f"{path.name}: inline code")
        if re.search(r"\.objects|\.filter\b(?!s)", text):
            wrong.append(f"{path.name}: a query")
    assert wrong == []
