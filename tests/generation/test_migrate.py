"""Data of the states before 0.1.0 is taken when it is whole, and refused with the remedy when it is not."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

pytestmark = pytest.mark.django_db
ROOMS = ("projects", "billing", "routing", "generation")


def names() -> set[tuple[str, str]]:
    return {step for step in MigrationRecorder(connection).applied_migrations() if step[0] in ROOMS}


def forget(**which: str) -> None:
    MigrationRecorder.Migration.objects.filter(**which).delete()


def test_data_with_all_former_migrations_has_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    all_names = names()
    forget(name__contains="_squashed_")
    assert len(names()) == len(all_names) - len(ROOMS)
    call_command("migrate", skip_checks=True)
    assert "No migrations to apply." in capsys.readouterr().out
    assert names() == all_names


@pytest.mark.parametrize(
    ("room", "lacking"), [("generation", "0013_call_tokens"), ("billing", "0018_budgets_in_depth")]
)
def test_data_with_some_of_them_is_refused(room: str, lacking: str) -> None:
    forget(app=room, name__contains="_squashed_")
    forget(app=room, name=lacking)
    before = names()
    with pytest.raises(CommandError) as refused:
        call_command("migrate", verbosity=0)
    assert str(refused.value) == (
        f"This data is of a state before 0.1.0 and stopped half way to it: {room} lacks {lacking}. "
        "Start it once with commit a238e5e, which has that step, and then with this version."
    )
    assert names() == before
