"""The site under many faults: each ends by itself, none begins twice; what was killed is started again."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from drills.chaos_leg import STOPPED_SECONDS, Stops
from drills.faults import Fault
from drills.ground import Ground


class Part:
    """A host, web server, cable, database or shelf that only remembers what was asked of it."""

    process = None

    def __init__(self) -> None:
        self.up = True
        self.asked: list[str] = []
        self.cable = self.folder = self
        self.name = "host"

    def is_up(self) -> bool:
        return self.up

    is_running = is_up

    def start(self) -> None:
        self.up = True
        self.asked.append("start")

    def vanish(self) -> int:
        self.up = False
        return 7

    def pull(self) -> None:
        self.asked.append("pull")

    def plug(self) -> None:
        self.asked.append("plug")

    def fill(self, dice: random.Random) -> str:
        self.asked.append("fill")
        return "full"

    def free(self) -> None:
        self.asked.append("free")


@pytest.fixture
def ground() -> Any:
    made: Any = Ground(Part(), [Part()], {"database": Part()}, Part())  # type: ignore[arg-type, list-item]
    return made


def strike(ground: Any, name: str, seconds: float) -> Any:
    return ground.strike(Fault("site", name, seconds=seconds), random.Random(1))


def test_a_fault_ends_after_its_time_and_not_before(ground: Any) -> None:
    assert strike(ground, "cable cut", 0.2) == {
        "kind": "site", "name": "cable cut", "seconds": 0.2, "host": "host",
    }  # fmt: skip
    ground.keep_up()
    assert ground.hosts[0].asked == ["pull"]
    time.sleep(0.25)
    ground.keep_up()
    assert ground.hosts[0].asked == ["pull", "plug"]


def test_a_fault_that_is_under_way_is_not_begun_again(ground: Any) -> None:
    assert strike(ground, "storage full", 60) is not None
    assert strike(ground, "storage full", 60) is None
    assert ground.shelf.asked == ["fill"]


def test_a_host_that_is_gone_stays_so_for_its_time_and_others_are_started_at_once(ground: Any) -> None:
    strike(ground, "host gone", 60)
    ground.web.up = False
    ground.keep_up()
    assert (ground.hosts[0].asked, ground.web.asked) == ([], ["start"])
    ground.end_all()
    ground.keep_up()
    assert ground.hosts[0].asked == ["start"]


def test_at_the_end_every_fault_is_over_and_nothing_is_started_any_more(ground: Any) -> None:
    strike(ground, "cable cut", 60)
    strike(ground, "storage full", 60)
    ground.leave()
    assert (ground.hosts[0].asked, ground.shelf.asked) == (["pull", "plug"], ["fill", "free"])
    ground.web.up = False
    ground.keep_up()
    assert ground.web.asked == []


def test_a_drill_knows_for_how_long_it_was_stopped_from_outside() -> None:
    stops = Stops()
    for now in (0.0, 1.0, 2.5, STOPPED_SECONDS, STOPPED_SECONDS + 1):
        stops.look(now)
    assert stops.seconds == 0
    stops.look(2 * STOPPED_SECONDS + 5)
    assert stops.seconds == STOPPED_SECONDS + 4
