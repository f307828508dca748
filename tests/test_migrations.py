"""Old and new code run at once while a deployment rolls: a migration must leave the old code working."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from django.apps import apps
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.models import NOT_PROVIDED

OURS = ("projects", "billing", "routing", "generation")
TAKES_AWAY = (migrations.RemoveField, migrations.RenameField, migrations.RenameModel, migrations.DeleteModel)


def breaks(operation: Operation) -> str:
    """Why code of the version before could not go on after this operation; "" where it can.

    It names every column that it reads and writes, so it neither sees nor fills a new one; what it names must
    be there, take what it writes, and hold what it reads.
    """
    if isinstance(operation, TAKES_AWAY):
        return f"{operation.describe()}: take it away in the version after, when no code names it"
    if isinstance(operation, migrations.AddField):
        field = operation.field
        filled = field.null or field.many_to_many or field.db_default is not NOT_PROVIDED
        return "" if filled else f"{operation.describe()}: give it a db_default, or let it be null"
    if isinstance(operation, migrations.AlterModelTable):
        return f"{operation.describe()}: the former version asks for the table by its name"
    return ""


def breaking(operations: Sequence[Operation]) -> Iterator[str]:
    """What breaks the former version; fields of a model that the same migration makes do not."""
    made = {one.name_lower for one in operations if isinstance(one, migrations.CreateModel)}
    for operation in operations:
        if getattr(operation, "model_name_lower", "") not in made and (words := breaks(operation)):
            yield words


def test_no_migration_breaks_the_version_before() -> None:
    loader = MigrationLoader(None, ignore_no_migrations=True)
    found = {
        (app, name, words)
        for (app, name), migration in loader.disk_migrations.items()
        if app in OURS and not migration.initial
        for words in breaking(migration.operations)
    }
    assert found == set()
    assert {app for app, _ in loader.disk_migrations} >= set(OURS)


@pytest.mark.parametrize(
    "operation",
    [
        migrations.RemoveField("run", "note"),
        migrations.RenameField("run", "note", "words"),
        migrations.DeleteModel("Run"),
        migrations.RenameModel("Run", "Step"),
        migrations.AlterModelTable("run", "steps"),
        migrations.AddField("run", "note", models.TextField()),
        migrations.AddField("run", "note", models.TextField(default="")),
    ],
)
def test_what_breaks_it_is_named(operation: Operation) -> None:
    assert breaks(operation)


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddField("run", "note", models.TextField(null=True)),
        migrations.AddField("run", "note", models.TextField(default="", db_default="")),
        migrations.CreateModel("Note", [("id", models.BigAutoField(primary_key=True))]),
    ],
)
def test_what_only_adds_is_let_through(operation: Operation) -> None:
    assert breaks(operation) == ""


def test_the_rooms_are_those_that_have_migrations() -> None:
    labels = {config.label for config in apps.get_app_configs() if config.module.__file__}
    assert set(OURS) <= labels
