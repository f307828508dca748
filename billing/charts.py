"""Charts of an audit as SVG. A chart has an address of its own that carries the hash of its numbers."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from billing.also import Place

INK, GRID, BAR = "#7a7a7a", "#7a7a7a33", "#7a9cf0"
LETTERS = 13
AXIS: dict[str, Any] = {
    "labelColor": INK,
    "titleColor": INK,
    "gridColor": GRID,
    "domainColor": GRID,
    "tickColor": GRID,
    "labelFontSize": LETTERS,
    "titleFontSize": LETTERS,
    "titleFontWeight": "normal",
}
"""How the axes of every chart look."""


def digest(curve: list[Place]) -> str:
    """A hash of the numbers that a chart shows."""
    return hashlib.sha256(json.dumps([list(map(str, row)) for row in curve]).encode()).hexdigest()[:16]


def take_curve(curve: list[Place], *, currency: str) -> bytes:
    """How many deliverables were accepted at take 1, 2, 3 …, with the money at each, as SVG.

    Colours are plain mid-greys and one blue, which stand on a dark and on a light page.
    """
    import altair  # heavy, and only needed for a chart that no browser holds yet
    import vl_convert

    rows = [
        {"take": row.take, "accepted": row.accepted, "cash": f"{row.cash:,.2f} {currency}"} for row in curve
    ]
    base = altair.Chart({"values": rows}).encode(
        x=altair.X("take:O", title="Accepted at take", axis=altair.Axis(labelAngle=0))
    )
    bars = base.mark_bar(color=BAR).encode(y=altair.Y("accepted:Q", title="Deliverables"))
    words = base.mark_text(dy=-6, color=INK).encode(y="accepted:Q", text="cash:N")
    chart = (
        (bars + words)
        .properties(width=640, height=220, background="transparent", usermeta={"currency": currency})
        .configure_axis(**AXIS)
        .configure_text(fontSize=LETTERS)
        .configure_view(stroke=None)
    )
    svg: str = vl_convert.vegalite_to_svg(chart.to_json())
    return svg.encode()


class PriceStep(NamedTuple):
    """A price from an instant on, with how it stands: `approved`, `proposed` or `declined`."""

    starts_at: datetime.datetime
    amount: Decimal
    unit: str
    state: str


def steps_digest(steps: Sequence[PriceStep]) -> str:
    """A hash of the numbers that a chart of prices shows."""
    return hashlib.sha256(json.dumps([list(map(str, step)) for step in steps]).encode()).hexdigest()[:16]


def price_steps(steps: Sequence[PriceStep], *, until: datetime.datetime) -> bytes:
    """How a price went, as SVG: a step for each row in force, up to `until`; a ring for each proposal.

    `unit` is that of a row's price in words, such as `USD per second`; rows of another unit have a line of
    their own. Declined rows are left out. The line follows approved rows; where none is, proposed ones.
    """
    import altair  # heavy, and only needed for a chart that no browser holds yet
    import vl_convert

    in_line = [step for step in steps if step.state == "approved"] or [
        step for step in steps if step.state == "proposed"
    ]
    line = [_drawn(step, step.starts_at) for step in in_line]
    line += [_drawn(step, until) for step in in_line[-1:] if step.starts_at < until]
    rings = [_drawn(step, step.starts_at) for step in steps if step.state == "proposed"]
    axes = {
        "x": altair.X(
            "at:T", title=None, axis=altair.Axis(format="%b %Y", labelOverlap="greedy", labelFlush=True)
        ),
        "y": altair.Y(
            "amount:Q",
            title="Price of a unit",
            scale=altair.Scale(zero=False, nice=True),
            axis=altair.Axis(titlePadding=16, tickCount=5),
        ),
        "detail": "unit:N",
    }
    drawn = altair.Chart({"values": line}).mark_line(interpolate="step-after", color=BAR, strokeWidth=2)
    points = altair.Chart({"values": rings}).mark_point(color=INK, size=70, strokeWidth=2)
    chart = (
        (drawn.encode(**axes) + points.encode(**axes))
        .properties(width=640, height=220, background="transparent")
        .configure_axis(**AXIS)
        .configure_view(stroke=None)
    )
    svg: str = vl_convert.vegalite_to_svg(chart.to_json())
    return svg.encode()


def _drawn(step: PriceStep, at: datetime.datetime) -> dict[str, Any]:
    return {"at": at.isoformat(), "amount": float(step.amount), "unit": step.unit}


def bars(shown: Sequence[dict[str, Any]]) -> bytes:
    """Upright bars in the order given, as SVG: rows of `label`, `value` and the words that stand over it."""
    import altair  # heavy, and only needed for a chart that no browser holds yet
    import vl_convert

    axis = altair.Axis(title=None, labelAngle=0, labelOverlap="greedy", labelPadding=6, ticks=False)
    order = [row["label"] for row in shown]
    base = altair.Chart({"values": list(shown)}).encode(x=altair.X("label:N", sort=order, axis=axis))
    boxes = base.mark_bar(color=BAR).encode(
        y=altair.Y("value:Q", title=None, axis=altair.Axis(tickCount=5, tickMinStep=1, format="~s"))
    )
    words = base.mark_text(dy=-8, color=INK).encode(y="value:Q", text="words:N")
    chart = (
        (boxes + words)
        .properties(width=max(360, 56 * len(order)), height=220, background="transparent")
        .configure_axis(**AXIS)
        .configure_text(fontSize=LETTERS)
        .configure_view(stroke=None)
    )
    svg: str = vl_convert.vegalite_to_svg(chart.to_json())
    return svg.encode()
