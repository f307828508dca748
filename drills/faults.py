"""What is done to a site in the drill of a thousand faults, how often, and how the dice draw it."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

SHARES = {"kill": 46, "provider": 38, "site": 16}
"""Of a hundred faults. Whom a kill strikes is drawn by `drills.aim`."""

SITE = {
    "redis emptied": (4, 0.0, 0.0),
    "redis down": (3, 2.0, 5.0),
    "cable cut": (4, 2.0, 8.0),
    "host gone": (2, 2.0, 6.0),
    "storage full": (4, 3.0, 6.0),
}
"""How often, and for how many seconds at least and at most."""

PROVIDER: dict[str, dict[str, Any]] = {
    "429 with Retry-After": {"fail": "429", "retry_after": 2},
    "429 without": {"fail": "429", "retry_after": 0},
    "401": {"fail": "401"},
    "402": {"fail": "402"},
    "403 without credit": {"fail": "credit"},
    "422": {"fail": "422"},
    "500": {"fail": "500"},
    "502": {"fail": "502"},
    "503": {"fail": "503"},
    "504": {"fail": "504"},
    "model retired": {"fail": "retired"},
    "garbage": {"fail": "garbage"},
    "empty answer": {"fail": "empty"},
    "cut before the job": {"fail": "drop"},
    "answer lost after the job": {"fail": "lost"},
    "500 after the job": {"fail": "crash"},
    "answer stalls": {"stall": 4},
    "no answer in time": {"stall": 35},
    "job fails with 500": {"result": "500"},
    "job times out": {"result": "504"},
    "moderation": {"result": "policy"},
    "black picture": {"result": "black"},
    "success without media": {"result": "no_output"},
    "garbled result": {"result": "garbage"},
    "empty result": {"result": "empty"},
    "truncated media": {"output": "truncated_mp4"},
    "media that is none": {"output": "html"},
    "media gone": {"output": "missing"},
    "polls answered 500": {"poll": "500*2"},
    "polls garbled": {"poll": "garbage*2"},
    "polls cut": {"poll": "drop*2"},
    "result answered 500": {"fetch": "500*2"},
    "result cut": {"fetch": "drop*2"},
    "job takes long": {"latency": "12-20"},
    "webhook before the answer": {"webhook": "before"},
    "webhook twice": {"webhook": "twice"},
    "webhook late": {"webhook": "late", "webhook_delay": 6},
    "webhook forged": {"webhook": "forged"},
    "webhook stale": {"webhook": "stale"},
    "webhook unsigned": {"webhook": "unsigned"},
    "no webhook": {"webhook": "none"},
    "cancel ignored": {"cancel": "ignore", "latency": "5-9"},
    "cancel not known": {"cancel": "gone", "latency": "5-9"},
}
"""What the emulated provider does with some of the next submits (`tests.emulators.behaviour`)."""

MOST_JOBS = 4


@dataclasses.dataclass(frozen=True)
class Fault:
    """What was drawn: a kind of SHARES, its name in the table of that kind, and how much of it."""

    kind: str
    name: str = ""
    seconds: float = 0.0
    jobs: int = 0

    def told(self) -> dict[str, Any]:
        """As a drill remembers it."""
        return {key: value for key, value in dataclasses.asdict(self).items() if value}


def draw(dice: random.Random) -> Fault:
    """The next fault. Of a kill only the kind is drawn: whom it strikes depends on what runs."""
    (kind,) = dice.choices(list(SHARES), list(SHARES.values()))
    if kind == "provider":
        return Fault(kind, dice.choice(list(PROVIDER)), jobs=dice.randint(1, MOST_JOBS))
    if kind == "site":
        (name,) = dice.choices(list(SITE), [often for often, *_ in SITE.values()])
        return Fault(kind, name, seconds=round(dice.uniform(*SITE[name][1:]), 1))
    return Fault(kind)


def rule(fault: Fault) -> dict[str, Any]:
    """The line of the emulator's script that a provider's fault is."""
    return {"match": {"provider": "fal"}, "behaviour": PROVIDER[fault.name], "times": fault.jobs}
