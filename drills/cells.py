"""The cells of the kill matrix: which there are, what the provider does in them, how one is told in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from drills import points

KILLS = ("worker", "sentinel", "main", "backend", "database")
ANSWERS = ("429", "402", "5xx", "garbage", "lost")
FAULTS = (*KILLS, *ANSWERS)
TITLES = {
    "main": "main process",
    "backend": "database backend",
    "lost": "answer lost",
}
STEP_TITLES = {"call": "provider call", "save": "saving the job id"}
CANCELLED_LATENCY = 8
"""Seconds that a job lasts which is to be cancelled while it runs."""

SILENT = "does not talk to the provider"
REFUSED = "a refusal has nothing after it"
CAME = "the file has come"

DIRECTIVES: dict[str, dict[str, str]] = {
    "before:call": {"429": "fail:429*1", "402": "fail:402*1", "5xx": "fail:500*1",
                    "garbage": "fail:garbage*1", "lost": "fail:drop*1"},
    "after:call": {"5xx": "fail:crash*1", "garbage": "answer:garbage*1", "lost": "fail:lost*1"},
    "before:poll": {"429": "poll:429*1", "402": "poll:402*1", "5xx": "poll:500*1",
                    "garbage": "poll:garbage*1", "lost": "poll:drop*1"},
    "after:poll": {"429": "fetch:429*1", "402": "fetch:402*1", "5xx": "fetch:500*1",
                   "garbage": "fetch:garbage*1", "lost": "fetch:drop*1"},
    "before:download": {"429": "file:429*1", "402": "file:402*1", "5xx": "file:503*1",
                        "garbage": "file:garbage*1", "lost": "file:drop*1"},
    "after:download": {"lost": "file:broken*1"},
    "before:cancel": {"429": "stop:429*1", "402": "stop:402*1", "5xx": "stop:500*1",
                      "garbage": "stop:garbage*1", "lost": "stop:drop*1"},
    "after:cancel": {"5xx": "stopped:500*1", "garbage": "stopped:garbage*1", "lost": "stopped:drop*1"},
}  # fmt: skip
"""What the provider does, once, before or after it did its part.

*Before* the call nothing is made, *after* it the job is, and the answer hides that. *Before* the poll the
job's state is not told; *after* it the state was told, and the result that is asked for next is not. *Before*
the download nothing of the file comes, *after* it its first half has. *Before* the cancel the job goes on,
*after* it has stopped.
"""


@dataclasses.dataclass(frozen=True)
class Cell:
    point: str
    fault: str

    @property
    def name(self) -> str:
        return f"{self.point}/{self.fault}"

    @property
    def is_kill(self) -> bool:
        return self.fault in KILLS

    @property
    def is_cancelled(self) -> bool:
        return self.point in points.BESIDE

    @property
    def directive(self) -> str:
        """What the provider is told by the prompt; in most kills nothing."""
        said = f"[[latency:{CANCELLED_LATENCY}]]" if self.is_cancelled else ""
        fault = DIRECTIVES.get(self.point, {}).get(self.fault, "")
        return f"{said}[[{fault}]]" if fault else said

    @property
    def does_not_exist(self) -> str:
        """Why there is no such cell, or nothing."""
        if self.is_kill or self.fault in DIRECTIVES.get(self.point, {}):
            return ""
        if self.point not in DIRECTIVES:
            return SILENT
        return CAME if self.point == "after:download" else REFUSED


POINTS = (*points.POINTS, *points.BESIDE)
ALL = tuple(Cell(point, fault) for point in POINTS for fault in FAULTS)


def named(words: list[str]) -> list[Cell]:
    """The cells of these names, or all that exist; raises ValueError for a name that is none of them."""
    there = {cell.name: cell for cell in ALL if not cell.does_not_exist}
    if unknown := set(words) - there.keys():
        raise ValueError(f"There are no cells {', '.join(sorted(unknown))}.")
    return [there[word] for word in words] if words else spread(list(there.values()))


def spread(cells: list[Cell]) -> list[Cell]:
    """The same cells, fault after fault, so that whatever a kill leaves behind meets other faults next."""
    turns = {fault: [cell for cell in cells if cell.fault == fault] for fault in FAULTS}
    order = []
    while any(turns.values()):
        order += [turns[fault].pop(0) for fault in FAULTS if turns[fault]]
    return order


def words(result: Mapping[str, Any] | None) -> str:
    """One cell's result: how the take ended, and what is to be said of its calls."""
    if result is None:
        return "not run"
    if result["violations"]:
        return "VIOLATION"
    said = [result["state"]]
    if result["failure_class"]:
        said = [f"{result['state']} ({result['failure_class']})"]
    if result["unknown"]:
        how = {"it happened": "it had happened", "it did not happen": "it had not"}
        found = [how[word] for word in result["settled"]] or ["found out by itself"]
        said.append(f"unknown: {', '.join(found)}")
    if result["sent_once_more"]:
        said.append("sent once more, said so")
    if result["jobs"] != 1:
        said.append(f"{result['jobs']} jobs")
    if (result["charged"], result["booked"]) != (1, 1):
        said.append(f"charged {result['charged']}, booked {result['booked']}")
    return "; ".join(said)


def title(point: str) -> str:
    when, _, step = point.partition(":")
    return f"{when} {STEP_TITLES.get(step, step)}"


def table(results: Mapping[str, Mapping[str, Any]], faults: tuple[str, ...]) -> str:
    """Rows are points, columns faults; as Markdown."""
    heads = ["point", *(TITLES.get(fault, fault) for fault in faults)]
    lines = [heads, ["---"] * len(heads)]
    for point in POINTS:
        row = [Cell(point, fault) for fault in faults]
        lines.append([title(point), *(cell.does_not_exist or words(results.get(cell.name)) for cell in row)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
