"""Time of people worked out slowly, minute by minute: the reference for what is derived from intervals.

Nothing here comes from the product. Instants are whole minutes since some midnight.
"""

from __future__ import annotations

import dataclasses
from fractions import Fraction

REVIEW_CAP, WAITING_CAP, WAITING_WEIGHT = 15, 60, Fraction(1, 4)
RATES = {"reviewer": 60, "producer": 40}


@dataclasses.dataclass
class Interval:
    """Time of a person on a deliverable; `known` is when it is known."""

    person: str
    deliverable: str
    role: str
    starts: int
    ends: int
    known: int


@dataclasses.dataclass
class Day:
    """What happened: tuples as the test wrote them."""

    waits: list[tuple[str, str, int, int]] = dataclasses.field(default_factory=list)
    views: list[tuple[str, str, str, int]] = dataclasses.field(default_factory=list)
    decisions: list[tuple[str, str, str, int]] = dataclasses.field(default_factory=list)
    logs: list[tuple[str, str, str, int, int]] = dataclasses.field(default_factory=list)
    accepted: dict[str, int] = dataclasses.field(default_factory=dict)

    def cost(self, deliverable: str, until: int) -> Fraction:
        """What the deliverable's time had cost by its acceptance, as a month that ends at `until` sees it."""
        known = [each for each in self.intervals() if each.known < until]
        return sum(
            (
                shared(each, known) / 60 * RATES[each.role] * weight(each)
                for each in known
                if each.deliverable == deliverable and each.known <= self.accepted[deliverable]
            ),
            Fraction(0),
        )

    def intervals(self) -> list[Interval]:
        found = [
            Interval(person, deliverable, "producer", asked, min(ready, asked + WAITING_CAP), ready)
            for person, deliverable, asked, ready in self.waits
        ]
        for person, deliverable, take, at in self.decisions:
            opened = [v for who, _, what, v in self.views if (who, what) == (person, take) and v <= at]
            logged = any((who, what) == (person, take) for who, _, what, _, _ in self.logs)
            if not opened or logged:
                continue
            last = max(opened)
            place = self.decisions.index((person, deliverable, take, at))
            if any((p, t) == (person, take) and a >= last for p, _, t, a in self.decisions[:place]):
                continue
            found.append(Interval(person, deliverable, "reviewer", last, min(at, last + REVIEW_CAP), at))
        found += [
            Interval(person, deliverable, "reviewer", at, at + minutes, at + minutes)
            for person, deliverable, _, at, minutes in self.logs
        ]
        return found


def weight(interval: Interval) -> Fraction:
    return WAITING_WEIGHT if interval.role == "producer" else Fraction(1)


def shared(interval: Interval, known: list[Interval]) -> Fraction:
    """Minutes of the interval, each split equally by all of that person that run in it."""
    return sum(
        (
            Fraction(1, sum(e.person == interval.person and e.starts <= minute < e.ends for e in known))
            for minute in range(interval.starts, interval.ends)
        ),
        Fraction(0),
    )
