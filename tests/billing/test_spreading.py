"""The rule by which shared costs are spread, without a database."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from billing import spreading
from billing.spreading import Closed, Decided, Facts, Place
from tests.factories import utc

START = utc("2026-10-01T00:00")
OPEN = Closed(None, {})
PIECES = [uuid.UUID(int=number) for number in range(1, 5)]


def at(day: int) -> datetime.datetime:
    return START + datetime.timedelta(days=day)


def facts(cash: list[tuple[int, str]], decided: list[tuple[int, str, int | None]]) -> Facts:
    """Cash by day; decisions by day, on a piece by its place; every piece is there from the first day on."""
    return Facts(
        [(at(day), Decimal(amount)) for day, amount in cash],
        [
            Decided(at(day), number, word, None if place is None else PIECES[place])
            for number, (day, word, place) in enumerate(decided, 1)
        ],
        dict.fromkeys(PIECES, START),
    )


def amounts(found: dict[Place, spreading.Taken]) -> list[str]:
    rows = sorted(found.items(), key=lambda row: (row[0].at, row[0].decision))
    return [f"{taken.amount:f}" for _, taken in rows]


def test_each_acceptance_takes_what_is_left_among_the_open_and_the_last_takes_the_rest() -> None:
    found = spreading.spread(
        facts([(1, "10")], [(2, "accept", 0), (3, "write_off", 1), (4, "accept", 2), (5, "accept", 3)]), OPEN
    )
    # 10 ÷ 4, then 7.50 ÷ 2, and the rest
    assert amounts(found) == ["2.50000000", "3.75000000", "3.75000000"]


def test_thirds_are_rounded_once_and_the_last_takes_the_rest() -> None:
    found = spreading.spread(
        facts([(1, "1")], [(2, "write_off", 3), (3, "accept", 0), (4, "accept", 1), (5, "accept", 2)]), OPEN
    )
    assert amounts(found) == ["0.33333333", "0.33333334", "0.33333333"]


def test_a_reversal_gives_back_exactly_what_was_taken() -> None:
    found = spreading.spread(
        facts([(1, "1"), (4, "2")], [(2, "accept", 0), (5, "reverse", 0), (6, "accept", 0)]), OPEN
    )
    assert amounts(found) == ["0.25000000", "-0.25000000", "0.75000000"]


def test_with_none_open_a_cost_waits_for_the_next_acceptance() -> None:
    decided: list[tuple[int, str, int | None]] = [(2, "accept", place) for place in range(4)]
    found = spreading.spread(facts([(3, "4")], [*decided, (4, "reverse", 1), (5, "accept", 1)]), OPEN)
    assert amounts(found) == ["4"]


def test_the_end_writes_off_the_rest_what_comes_later_and_what_comes_back() -> None:
    found = spreading.spread(
        facts(
            [(1, "8"), (6, "1")],
            [(2, "accept", 0), (5, "end_campaign", None), (7, "reverse", 0), (8, "accept", 0)],
        ),
        OPEN,
    )
    assert {(place.deliverable_id, place.at): taken.amount for place, taken in found.items()} == {
        (PIECES[0], at(2)): 2,
        (None, at(5)): 6,
        (None, at(6)): 1,
        (PIECES[0], at(7)): -2,
        (None, at(7)): 2,
    }


def test_costs_of_an_instant_come_before_its_decisions() -> None:
    assert amounts(spreading.spread(facts([(2, "4")], [(2, "accept", 0)]), OPEN)) == ["1.00000000"]


def test_what_is_closed_stays_as_it_was_booked() -> None:
    asked = facts([(1, "4"), (2, "4")], [(3, "accept", 0), (5, "accept", 1), (6, "reverse", 0)])
    first = Place(PIECES[0], 1, at(3))
    found = spreading.spread(asked, Closed(at(4), {first: Decimal(1)}))
    # 8 less 1 that was taken, among three; and back comes what was booked
    assert amounts(found) == ["1", "2.33333333", "-1"]


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(-(10**8), 10**10)), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3), st.booleans()), max_size=20),
)
def test_shares_and_what_is_left_add_up_to_the_costs(
    cash: list[tuple[int, int]], turns: list[tuple[int, int, bool]]
) -> None:
    state: dict[int, str] = {}
    decided: list[tuple[int, str, int | None]] = []
    for day, place, drops in sorted(turns):
        word = {"": "write_off" if drops else "accept", "accept": "reverse", "write_off": "reopen"}
        said = word[state.get(place, "")]
        state[place] = "" if said in ("reverse", "reopen") else said
        decided.append((day, said, place))
    asked = facts([(day, f"{Decimal(amount) / 10**8:f}") for day, amount in cash], decided)
    found = spreading.spread(asked, OPEN)
    held = {piece: Decimal(0) for piece in PIECES}
    for place, taken in found.items():
        assert place.deliverable_id is not None
        held[place.deliverable_id] += taken.amount
        assert taken.amount == round(taken.amount, 8)
    accepted = [place for place, word in state.items() if word == "accept"]
    assert all(not held[piece] for place, piece in enumerate(PIECES) if place not in accepted)
    if set(accepted) == set(range(4)) and decided[-1][0] >= max(day for day, _ in cash):
        assert sum(held.values()) == Decimal(sum(amount for _, amount in cash)) / 10**8
