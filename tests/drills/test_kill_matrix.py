"""The kill matrix: which cells there are, what it remembers, and that what is wrong in a cell is named."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pytest

from billing import ledger
from drills import cells, meeting, targets, truth
from drills.cells import Cell
from drills.matrix import Matrix
from drills.results import Results, of_take
from projects.models import Take
from projects.models.takes import TakeState
from tests.cast import Cast
from tests.drills.rows import Place, made
from tests.generation.conftest import Fal
from tests.generation.engine_rows import FLUX, Engine

SOUND = {
    "state": "ready", "failure_class": "", "unknown": 0, "jobs": 1, "charged": 1, "booked": 1,
    "sent_once_more": 0, "settled": {}, "violations": [], "seconds": 5.0, "load": 2.0,
}  # fmt: skip


class Program:
    """A program that runs and that nobody can reach."""

    pid = 0
    starts = 1
    url = "http://127.0.0.1:9"

    def keep_up(self) -> None:
        """It never ends."""


@pytest.fixture
def drill(cast: Cast, fal: Fal, tmp_path: Path) -> Matrix:
    place = Place(cast.workspace, cast.manager)
    return Matrix(tmp_path, Program(), place, fal.program.url)


def test_every_point_meets_every_fault_or_says_why_it_cannot() -> None:
    there = [cell for cell in cells.ALL if not cell.does_not_exist]
    silent = [cell for cell in cells.ALL if cell.does_not_exist == cells.SILENT]
    assert (len(cells.ALL), len(there), len(silent)) == (180, 122, 50)
    assert {cell.point.partition(":")[2] for cell in silent} == {
        *("hold", "enqueue", "claim", "save", "settle"),
    }
    assert sorted(cell.name for cell in cells.named([])) == sorted(cell.name for cell in there)
    with pytest.raises(ValueError, match="after:call/429"):
        cells.named(["before:call/429", "after:call/429"])


def test_what_a_cell_found_is_told_in_words() -> None:
    assert cells.words(None) == "not run"
    assert cells.words(SOUND) == "ready"
    assert cells.words({**SOUND, "violations": ["A hold is left open."]}) == "VIOLATION"
    lost = {**SOUND, "unknown": 1, "settled": {"it happened": 1}, "jobs": 2, "booked": 2, "charged": 2}
    assert cells.words(lost) == "ready; unknown: it had happened; 2 jobs; charged 2, booked 2"
    failed = {**SOUND, "state": "failed", "failure_class": "malformed_output", "unknown": 1}
    assert cells.words(failed) == "failed (malformed_output); unknown: found out by itself"


def test_a_sound_cell_is_not_run_again_and_one_with_a_violation_is(tmp_path: Path) -> None:
    results = Results.of(tmp_path)
    results.add("before:claim/worker", dict(SOUND))
    results.add("after:claim/worker", {**SOUND, "violations": ["Take 7 is still rendering."]})
    again = Results.of(tmp_path)
    assert [again.has(f"{when}:claim/worker") for when in ("before", "after")] == [True, False]
    told = again.markdown()
    assert "2 of 122 cells were run, each in 5 to 5 (median 5) s" in told
    assert "Violations: 1. Answers lost: 0; the log settled 0: 0 had happened, 0 had not." in told
    assert "| before claim | ready | not run | not run | not run | not run |" in told
    assert f"| before claim | {' | '.join([cells.SILENT] * 5)} |" in told
    assert "VIOLATION after:claim/worker: Take 7 is still rendering." in told


def test_a_cell_whose_books_are_wrong_says_so_once(
    cast: Cast, engine: Engine, fal: Fal, drill: Matrix
) -> None:
    first = made(cast, engine, fal)
    drill.promised[first.pk] = "before:call/worker"
    assert drill._judged(first.pk, [])["violations"] == []
    second = made(cast, engine, fal)
    drill.promised[second.pk] = "after:call/worker"
    planned = ledger.PlannedHold(
        run=second.runs.get().pk, model_key=FLUX, provider="fal", amount=Decimal("0.05")
    )
    (hold,) = ledger.reserve(take=second, holds=[planned], now=engine.now)
    Take.objects.filter(pk=first.pk).update(
        state=TakeState.FAILED, failure="It broke.", failure_class="unknown"
    )
    wrong = [
        f"Hold {hold.pk} of run {hold.run} is left open.",
        f"Take {first.pk} failed for no fault of its job (before:call/worker): It broke.",
    ]
    assert drill._judged(second.pk, [])["violations"] == wrong
    assert drill._judged(second.pk, [])["violations"] == []


def test_a_take_that_nobody_had_asked_for_is_named(
    cast: Cast, engine: Engine, fal: Fal, drill: Matrix
) -> None:
    take = made(cast, engine, fal)
    found = drill._judged(take.pk, [])
    assert found["violations"] == [f"Take {take.pk} was made and nobody had asked for it."]


def test_an_answer_that_is_lost_is_settled_by_the_log_and_told(
    cast: Cast, engine: Engine, fal: Fal, drill: Matrix
) -> None:
    take = made(cast, engine, fal, "[[fail:garbage*1]]")
    drill.promised[take.pk] = "before:call/garbage"
    cast.workspace.refresh_from_db()
    place = Place(cast.workspace, cast.manager)
    assert truth.settle([place], fal.jobs) == {"it did not happen": 1}
    for _ in range(6):
        engine.turn()
        fal.finish_all(engine)
    found = of_take(take.pk, fal.jobs)
    assert {name: found[name] for name in ("state", "unknown", "jobs", "charged", "booked", "calls")} == {
        "state": "ready", "unknown": 1, "jobs": 1, "charged": 1, "booked": 1,
        "calls": ["refused unknown", "succeeded"],
    }  # fmt: skip


def test_a_point_that_nobody_reaches_is_a_violation(drill: Matrix, monkeypatch: Any) -> None:
    monkeypatch.setattr("drills.matrix.MEET_SECONDS", 0)
    assert drill._strike(Cell("before:claim", "worker")) == ["No process came to the point before:claim."]


def test_a_fault_that_finds_nobody_to_kill_is_a_violation(drill: Matrix, tmp_path: Path) -> None:
    met = meeting.Met("before:claim", 2**22 + 1, 0)
    meeting._write(tmp_path / "reached", meeting.json.dumps(dataclasses.asdict(met)))
    assert drill._strike(Cell("before:claim", "backend")) == ["There was no backend to kill at before:claim."]
    assert (tmp_path / "go").exists()


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    words = [sys.executable, "-c", "import time; time.sleep(60)"]
    process = subprocess.Popen(words)
    yield process
    process.kill()
    process.wait()


def test_the_very_process_that_was_met_is_killed_and_no_other(sleeper: subprocess.Popen[bytes]) -> None:
    met = meeting.Met("before:call", sleeper.pid, sleeper.pid)
    for fault in ("worker", "backend"):
        assert targets.of(fault, met, 0) == psutil.Process(sleeper.pid)
    for fault in ("main", "sentinel", "database"):
        assert targets.of(fault, met, 0) is None


def test_what_outlives_its_kill_is_named(sleeper: subprocess.Popen[bytes]) -> None:
    process = psutil.Process(sleeper.pid)
    assert targets.below(psutil.Process(), meeting.Met("before:call", sleeper.pid, 0)) == [process]
    assert targets.outlive([process], seconds=0) == [process]
    sleeper.kill()
    assert targets.outlive([process], seconds=10) == []
