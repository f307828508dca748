"""The product's audit against the naive reference: whole documents, to the last digit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest

from billing import audit, month_sums
from billing.models import Entry, ImportedCharge
from generation import history as importing
from projects.models import Category, Decision, Deliverable, Project, Take, Workspace
from tests import factories
from tests.billing import badly_written, covered, histories, naive, playing
from tests.billing.comparing import by_each
from tests.billing.histories import History
from tests.billing.naive import Reading
from tests.billing.naive_rows import bounds, instant, month_after, rows_of
from tests.billing.playing import imported, put_in
from tests.billing.written import (
    OCTOBER_CHARGES,
    OCTOBER_DECISIONS,
    SEPTEMBER_CHARGES,
    SEPTEMBER_DECISIONS,
    charges_file,
    decisions_file,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _in_one_piece(db: None) -> Iterator[None]:
    with playing.in_one_piece():
        yield


def agrees(workspace: Workspace, reading: Reading, month: str, *by: str) -> None:
    lines = by_each(workspace, reading, month, by)
    assert not lines, "\n".join(lines)


def test_the_worked_examples_agree_by_every_dimension() -> None:
    history = History(
        charges_file(*OCTOBER_CHARGES, *SEPTEMBER_CHARGES),
        decisions_file(*OCTOBER_DECISIONS, *SEPTEMBER_DECISIONS),
        naive.Settings(),
        ("2025-09", "2025-10"),
    )
    with imported(history) as workspace:
        for month in history.months:
            document = audit.month_document(workspace=workspace, month=month)
            assert json.loads(json.dumps(document)) == document
            agrees(workspace, Reading.of(history), month, *naive.DIMENSIONS)


def test_one_unit_of_the_last_decimal_is_named() -> None:
    charges, decisions = OCTOBER_CHARGES, decisions_file(*OCTOBER_DECISIONS)
    history = History(charges_file(*charges), decisions, naive.Settings(), ("2025-10",))
    dearer = ({**charges[0], "amount": "0.05000001"}, *charges[1:])
    other = replace(history, charges=charges_file(*dearer))
    with imported(history) as workspace:
        lines = by_each(workspace, Reading.of(other), "2025-10", ["provider"])
    assert "2025-10 by provider .totals.cash: reference '2.50000001', product '2.50000000'" in lines
    assert any(".rows['lantern'].generation: reference '0.20000001'" in line for line in lines)


def in_turn(number: int) -> tuple[str, ...]:
    """One dimension whose sums are kept, and one of the others."""
    others = [name for name in naive.DIMENSIONS if name not in naive.WHOLE]
    return naive.WHOLE[number % 3], others[number % len(others)]


def two_months_agree(history: History, coverage: covered.Coverage, seed: int) -> None:
    """Two months in a row, chosen by the seed; the second with its sums folded."""
    reading = Reading.of(history)
    coverage.add(history, reading)
    months = (*history.months, month_after(history.months[-1]))
    first = seed % len(history.months)
    with imported(history) as workspace:
        for number, month in enumerate(months[first : first + 2]):
            if number:
                month_sums.fold()
                assert month_sums.problems() == []
            lines = by_each(workspace, reading, month, in_turn(seed + number))
            assert not lines, "\n".join([f"seed {seed}:", *lines])


@pytest.mark.slow
def test_random_histories_agree_to_the_last_digit(capsys: pytest.CaptureFixture[str]) -> None:
    """160 imports and 40 that were kept; `python -m drills histories` compares more, and every month."""
    imports, kept = covered.Coverage(required=covered.OF_ALL), covered.Coverage()
    for seed in range(2000, 2160):
        two_months_agree(histories.seeded(seed), imports, seed)
    for seed in range(2160, 2200):
        two_months_agree(histories.seeded_kept(seed), kept, seed)
    with capsys.disabled():
        print(f"\nImported: {imports.report()}\nKept: {kept.report()}")
    imports.check()
    kept.check()


@pytest.mark.parametrize("seed", range(1000, 1006))
def test_seeded_histories_agree_by_every_dimension(seed: int) -> None:
    history = histories.seeded_either(seed)
    reading = Reading.of(history)
    with imported(history) as workspace:
        for month in history.months:
            agrees(workspace, reading, month, *naive.DIMENSIONS)
        month_sums.fold()
        for month in history.months:
            agrees(workspace, reading, month, *naive.WHOLE)


@pytest.mark.parametrize("seed", range(1010, 1030))
def test_a_history_put_in_piece_by_piece_agrees_as_well(seed: int) -> None:
    history = histories.seeded(seed)
    border = bounds(history.months[len(history.months) // 2], history.settings.time_zone)[0]
    earlier, reading = before(history, border), Reading.of(history)
    with imported(earlier) as workspace:
        agrees(workspace, Reading.of(earlier), history.months[-1], "campaign")
        month_sums.fold()
        for _ in range(2):
            put_in(workspace, history.charges, history.decisions)
            for month in history.months:
                agrees(workspace, reading, month, "model", "project")
            month_sums.fold()
            assert month_sums.problems() == []
            agrees(workspace, reading, history.months[0], "category")


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
