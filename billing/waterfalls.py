"""Waterfalls: from one amount to another in signed steps, as rows for a table and as a chart."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from billing import charts, money

CHANGE = {"sum": "#8a8a8a", "up": "#c2543d", "down": "#3d8f63"}
"""Of a cost, where more is worse."""
PARTS = {"sum": "#8a8a8a", "up": charts.BAR, "down": "#c08a2d"}
"""Where neither is better."""
LETTERS = 13
"""In a line of a bar's name."""
ZERO = Decimal(0)


class Step(NamedTuple):
    """A bar: an amount that is reached (`total`) or one that is added. `href` leads to what it is made of."""

    key: str
    label: str
    amount: Decimal
    total: bool = False
    href: str = ""


class Bar(NamedTuple):
    """A step with where its bar begins and ends."""

    step: Step
    start: Decimal
    end: Decimal


def bars(steps: Iterable[Step]) -> list[Bar]:
    """The bars in their order; a total begins at zero, every other where the one before ended."""
    found: list[Bar] = []
    at = ZERO
    for step in steps:
        start = ZERO if step.total else at
        at = step.amount if step.total else at + step.amount
        found.append(Bar(step, start, at))
    return found


def left_over(steps: Sequence[Step]) -> Decimal:
    """By how much the last total parts from what leads to it; zero where nothing is left unexplained."""
    *some, last = steps
    return last.amount - (bars(some)[-1].end if some else ZERO)


def rows(steps: Iterable[Step], *, currency: str) -> list[dict[str, Any]]:
    """What the chart shows, plain enough for an address."""
    return [
        {
            "label": textwrap.wrap(bar.step.label, LETTERS),
            "from": float(bar.start),
            "to": float(bar.end),
            "words": words(bar.step, currency),
            "kind": "sum" if bar.step.total else "up" if bar.step.amount > 0 else "down",
        }
        for bar in bars(steps)
    ]


def words(step: Step, currency: str) -> str:
    """The amount as it stands over its bar, signed where it is added."""
    shown = f"{money.minor(abs(step.amount), currency):,}"
    if step.total:
        return f"−{shown}" if step.amount < 0 else shown
    return f"{'+' if step.amount > 0 else '−' if step.amount < 0 else '±'}{shown}"


def svg(shown: Sequence[dict[str, Any]], *, colours: Mapping[str, str]) -> bytes:
    """The chart, in the colours of `CHANGE` or of `PARTS`."""
    import altair  # heavy, and only needed for a chart that no browser holds yet
    import vl_convert

    drawn = [{**row, "label": "|".join(row["label"]), "colour": colours[row["kind"]]} for row in shown]
    order = [row["label"] for row in drawn]
    axis = altair.Axis(
        title=None, labelAngle=0, labelPadding=6, ticks=False, labelExpr="split(datum.label, '|')"
    )
    base = altair.Chart({"values": drawn}).encode(x=altair.X("label:N", sort=order, axis=axis))
    boxes = base.mark_bar(size=44).encode(
        y=altair.Y("from:Q", title=None, axis=altair.Axis(tickCount=5, format="~s")),
        y2="to:Q",
        color=altair.Color("colour:N", scale=None, legend=None),
    )
    letters = base.mark_text(dy=-8, color=charts.INK).encode(y="top:Q", text="words:N")
    letters = letters.transform_calculate(top="max(datum.from, datum.to)")
    chart = (
        (boxes + letters)
        .properties(width=90 * len(drawn), height=240, background="transparent")
        .configure_axis(**charts.AXIS)
        .configure_text(fontSize=charts.LETTERS)
        .configure_view(stroke=None)
    )
    found: str = vl_convert.vegalite_to_svg(chart.to_json())
    return found.encode()
