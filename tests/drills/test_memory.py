"""What a drill remembers: judged legs count, broken-off ones do not, and scarce states are aimed at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from drills.memory import LEAST, STATES, Memory


def kill(part: str, *, moves: bool = True, **runs: int) -> dict[str, Any]:
    return {"part": part, "runs": runs, "moves": moves, "at": 1.0}


def test_a_judged_leg_counts_by_part_and_by_state_and_is_found_again(tmp_path: Path) -> None:
    memory = Memory.of(tmp_path)
    memory.begin(7)
    memory.killed(kill("queue worker", rendering=3, queued=1))
    memory.killed(kill("web", rendering=1))
    memory.finish(violations=[])
    again = Memory.of(tmp_path)
    assert len(again.kills()) == 2
    assert again.by_part() == {"queue worker": 1, "web": 1}
    counted = {state: count for state, count in again.by_state().items() if count}
    assert counted == {"rendering": 2, "queued": 1}
    assert again.legs[0]["seed"] == 7


def test_a_leg_that_was_broken_off_counts_for_nothing(tmp_path: Path) -> None:
    memory = Memory.of(tmp_path)
    memory.begin(7)
    memory.killed(kill("queue worker", rendering=3))
    assert memory.by_state(unfinished=True)["rendering"] == 1
    again = Memory.of(tmp_path)
    again.begin(8)
    assert (again.kills(), again.by_state(unfinished=True)["rendering"]) == ([], 0)


def test_a_kill_that_struck_an_engine_at_rest_counts_for_no_state(tmp_path: Path) -> None:
    memory = Memory.of(tmp_path)
    memory.begin(7)
    memory.killed(kill("web", rendering=1))
    memory.killed(kill("web", moves=False, rendering=1))
    memory.finish(violations=[])
    assert (len(memory.kills()), memory.while_moving(), memory.by_state()["rendering"]) == (2, 1, 1)


def test_a_leg_that_could_not_be_judged_is_a_violation(tmp_path: Path) -> None:
    memory = Memory.of(tmp_path)
    memory.begin(7)
    memory.killed(kill("web", rendering=1))
    memory.broke("It does not start any more.")
    again = Memory.of(tmp_path)
    assert (again.kills(), again.violations()) == ([], ["It does not start any more."])


def test_the_scarcest_states_come_first_and_those_met_often_enough_not_at_all(tmp_path: Path) -> None:
    memory = Memory.of(tmp_path)
    memory.begin(1)
    for number in range(LEAST):
        memory.killed(kill("web", rendering=1, **({"unknown": 1} if number else {})))
    scarce = memory.scarce()
    assert "rendering" not in scarce
    assert scarce[-1] == "unknown"
    assert set(scarce) == set(STATES) - {"rendering"}


def test_violations_of_every_leg_are_kept(tmp_path: Path) -> None:
    memory = Memory.of(tmp_path)
    for seed in (1, 2):
        memory.begin(seed)
        memory.finish(violations=[f"Hold {seed} is left open."])
    assert Memory.of(tmp_path).violations() == ["Hold 1 is left open.", "Hold 2 is left open."]


def test_a_leg_that_was_stopped_from_outside_is_neither_judged_nor_broken(tmp_path: Path) -> None:
    memory = Memory.of(tmp_path)
    memory.begin(7)
    assert memory.broke_off()
    memory.stopped(30)
    assert (Memory.of(tmp_path).broke_off(), memory.violations(), memory.kills()) == (False, [], [])
