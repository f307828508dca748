"""The product's audit against the naive reference: whole documents, to the last digit."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing import audit, month_sums
from billing.models import Entry, ImportedCharge
from generation import history as importing
from projects.models import Category, Decision, Deliverable, Project, Role, Take, Workspace
from tests import factories
from tests.billing import badly_written, covered, histories, naive
from tests.billing.histories import History, month_after
from tests.billing.naive_rows import bounds, instant, rows_of
from tests.billing.written import (
    OCTOBER_CHARGES,
    OCTOBER_DECISIONS,
    SEPTEMBER_CHARGES,
    SEPTEMBER_DECISIONS,
    charges_file,
    decisions_file,
)

NOT_COMPARED = {"digest", "name"}  # of a closed month; of rows, words and no figures

pytestmark = pytest.mark.django_db


@contextmanager
def imported(history: History) -> Iterator[Workspace]:
    """A workspace that holds this history and nothing else, until the block ends."""
    with transaction.atomic():
        zone, currency = history.settings.time_zone, history.settings.currency
        workspace = factories.workspace(time_zone=zone, currency=currency)
        put_in(workspace, history.charges, history.decisions)
        connection.check_constraints()
        yield workspace
        transaction.set_rollback(True)


def put_in(workspace: Workspace, charges: str, decisions: str) -> None:
    importing.import_history(
        workspace=workspace,
        charges=io.BytesIO(charges.encode()),
        decisions=io.BytesIO(decisions.encode()),
        by=factories.membership(workspace, *Role.values),
    )


def comparable(part: Any) -> Any:
    """The document without what is not compared; its rows in the order of their keys."""
    if isinstance(part, dict):
        return {name: comparable(part[name]) for name in part if name not in NOT_COMPARED}
    if isinstance(part, list):
        return sorted(map(comparable, part), key=lambda row: row["key"])
    return part


def differences(expected: Any, found: Any, path: str = "") -> list[str]:
    """Each place where two documents differ, with both values."""
    if isinstance(expected, dict) and isinstance(found, dict):
        names = sorted({*expected, *found})
        pairs = [(f"{path}.{name}", expected.get(name), found.get(name)) for name in names]
    elif isinstance(expected, list) and isinstance(found, list):
        ours, theirs = ({row["key"]: row for row in rows} for rows in (expected, found))
        keys = sorted({*ours, *theirs})
        pairs = [(f"{path}[{key!r}]", ours.get(key), theirs.get(key)) for key in keys]
    else:
        same = type(expected) is type(found) and expected == found
        return [] if same else [f"{path}: reference {expected!r}, product {found!r}"]
    return [line for name, ours, theirs in pairs for line in differences(ours, theirs, name)]


def agrees(workspace: Workspace, history: History, month: str, by: str) -> None:
    document = audit.month_document(workspace=workspace, month=month, by=by)
    assert json.loads(json.dumps(document)) == document
    files = history.charges, history.decisions
    expected = naive.audit(*files, history.settings, month=month, by=by)
    lines = differences(comparable(expected), comparable(document))
    assert not lines, "\n".join([f"{month} by {by}:", *lines, *files])


def test_the_worked_examples_agree_by_every_dimension() -> None:
    history = History(
        charges_file(*OCTOBER_CHARGES, *SEPTEMBER_CHARGES),
        decisions_file(*OCTOBER_DECISIONS, *SEPTEMBER_DECISIONS),
        naive.Settings(),
        ("2025-09", "2025-10"),
    )
    with imported(history) as workspace:
        for month in history.months:
            for by in naive.DIMENSIONS:
                agrees(workspace, history, month, by)


@pytest.mark.slow
def test_random_histories_agree_to_the_last_digit(capsys: pytest.CaptureFixture[str]) -> None:
    coverage = covered.Coverage()

    @settings(
        max_examples=200,
        derandomize=True,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(history=histories.histories(), turn=st.integers(0, len(naive.DIMENSIONS) - 1))
    def compared(history: History, turn: int) -> None:
        coverage.add(history)
        months = (*history.months, month_after(history.months[-1]))
        with imported(history) as workspace:
            for number, month in enumerate(months):
                agrees(workspace, history, month, "campaign")
                if number == 1:
                    month_sums.fold()
                    assert month_sums.problems() == []
                by = naive.DIMENSIONS[(turn + number) % len(naive.DIMENSIONS)]
                agrees(workspace, history, month, by)

    compared()
    with capsys.disabled():
        print(f"\n{coverage.report()}")
    assert coverage.histories >= 200
    coverage.check()


@pytest.mark.parametrize("seed", range(1000, 1010))
def test_seeded_histories_agree_by_every_dimension(seed: int) -> None:
    history = histories.seeded(seed)
    with imported(history) as workspace:
        for month in history.months:
            for by in naive.DIMENSIONS:
                agrees(workspace, history, month, by)
        month_sums.fold()
        for month in history.months:
            for by in naive.WHOLE:
                agrees(workspace, history, month, by)


@pytest.mark.parametrize("seed", range(1010, 1030))
def test_a_history_put_in_piece_by_piece_agrees_as_well(seed: int) -> None:
    history = histories.seeded(seed)
    border = bounds(history.months[len(history.months) // 2], history.settings.time_zone)[0]
    earlier = before(history, border)
    with imported(earlier) as workspace:
        agrees(workspace, earlier, history.months[-1], "campaign")
        month_sums.fold()
        for _ in range(2):
            put_in(workspace, history.charges, history.decisions)
            for month in history.months:
                agrees(workspace, history, month, "model")
                agrees(workspace, history, month, "project")
            month_sums.fold()
            assert month_sums.problems() == []
            agrees(workspace, history, history.months[0], "category")


def before(history: History, border: datetime) -> History:
    """What the two files held at an earlier instant."""
    charges = [row for row in rows_of(history.charges) if instant(row["occurred_at"]) < border]
    decisions = [row for row in rows_of(history.decisions) if instant(row["at"]) < border]
    return replace(history, charges=charges_file(*charges), decisions=decisions_file(*decisions))


@pytest.mark.parametrize("bad", badly_written.CASES, ids=str)
def test_a_bad_line_is_refused_and_leaves_nothing_behind(bad: badly_written.Bad) -> None:
    workspace = factories.workspace()
    with pytest.raises(importing.BadHistory) as refusal:
        put_in(workspace, bad.charges, bad.decisions)
    lines = [(line["file"], line["line"]) for line in refusal.value.lines]
    assert lines == [(bad.file, bad.line)]
    for model in (Project, Category, Deliverable, Take, Decision, Entry, ImportedCharge):
        assert not model.objects.filter(workspace=workspace).exists(), model
