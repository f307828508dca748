"""What a drill remembers between its legs: seeds, kills by part, and in which states there were runs."""

from __future__ import annotations

import collections
import dataclasses
import json
from pathlib import Path
from typing import Any

from generation.models.runs import RunState

LEAST = 5
STATES = [str(state) for state in RunState]


@dataclasses.dataclass
class Memory:
    """Only legs that were settled and judged count; one that was broken off is listed as such."""

    path: Path
    legs: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    @classmethod
    def of(cls, folder: Path, name: str = "drill.json") -> Memory:
        path = folder / name
        return cls(path, json.loads(path.read_text())["legs"] if path.exists() else [])

    def begin(self, seed: int) -> None:
        self.legs.append({"seed": seed, "finished": False, "kills": []})
        self.save()

    def killed(self, kill: dict[str, Any]) -> None:
        self.legs[-1]["kills"].append(kill)
        self.save()

    def struck(self, fault: dict[str, Any]) -> None:
        """A fault that is no kill."""
        self.legs[-1].setdefault("faults", []).append(fault)
        self.save()

    def finish(self, **result: Any) -> None:
        self.legs[-1].update(finished=True, **result)
        self.save()

    def broke(self, why: str) -> None:
        """The leg could not be judged: that is a violation too, and its kills do not count."""
        self.legs[-1]["violations"] = [why]
        self.save()

    def stopped(self, seconds: int) -> None:
        """The leg was stopped from outside and could not be judged: that says nothing of the site."""
        self.legs[-1]["stopped_seconds"] = seconds
        self.save()

    def broke_off(self) -> bool:
        """Whether the last leg ended unjudged, and not because it was stopped from outside."""
        return not self.legs[-1]["finished"] and not self.legs[-1].get("stopped_seconds")

    def save(self) -> None:
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps({"legs": self.legs}, indent=1))
        fresh.rename(self.path)

    def kills(self, *, unfinished: bool = False) -> list[dict[str, Any]]:
        counted = [leg for leg in self.legs if leg["finished"]]
        if unfinished and self.legs and not self.legs[-1]["finished"]:
            counted.append(self.legs[-1])
        return [kill for leg in counted for kill in leg["kills"]]

    def faults(self) -> list[dict[str, Any]]:
        """Those of judged legs that are no kills."""
        return [fault for leg in self.legs if leg["finished"] for fault in leg.get("faults", [])]

    def by_state(self, *, unfinished: bool = False) -> dict[str, int]:
        """In how many kills at least one run was in the state, while the engine moved."""
        counts = collections.Counter(
            state for kill in self.kills(unfinished=unfinished) if kill["moves"] for state in kill["runs"]
        )
        return {state: counts[state] for state in STATES}

    def by_part(self) -> dict[str, int]:
        return dict(sorted(collections.Counter(kill["part"] for kill in self.kills()).items()))

    def while_moving(self) -> int:
        """How many kills met an engine that moved; the others struck while it still got up."""
        return sum(kill["moves"] for kill in self.kills())

    def scarce(self) -> list[str]:
        """States met by too few kills so far, this leg's included, the scarcest first."""
        counts = self.by_state(unfinished=True)
        return sorted((s for s in STATES if counts[s] < LEAST), key=lambda state: counts[state])

    def violations(self) -> list[str]:
        return [line for leg in self.legs for line in leg.get("violations", [])]
