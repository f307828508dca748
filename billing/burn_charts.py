"""The burn-down of a budget as SVG, under the hash of its numbers."""

from __future__ import annotations

import datetime
import hashlib
import json
from typing import Any

from billing.burn_down import BurnDown
from billing.charts import AXIS, BAR, INK

MOST_AHEAD = 60
"""So many days are drawn ahead where the window has no end."""


def digest(burn: BurnDown) -> str:
    """A hash of the numbers that the chart shows."""
    numbers = [[str(cell) for cell in day] for day in burn.days]
    ahead = [str(burn.limit), str(burn.pace), str(burn.ends_on), str(burn.used_up_on)]
    return hashlib.sha256(json.dumps([numbers, ahead]).encode()).hexdigest()[:16]


def drawn(burn: BurnDown) -> bytes:
    """What was left at the end of each day, and, dashed, what will be at the pace of late."""
    import altair  # heavy, and only needed for a chart that no browser holds yet
    import vl_convert

    was = [{"day": f"{each.day}T00:00", "left": float(each.left)} for each in burn.days]
    axes: dict[str, Any] = {
        "x": altair.X(
            "day:T",
            title=None,
            axis=altair.Axis(format="%-d %b", labelOverlap="greedy", labelSeparation=14, labelFlush=True),
        ),
        "y": altair.Y("left:Q", title="Left", axis=altair.Axis(titlePadding=16, tickCount=5)),
    }
    lines = altair.Chart({"values": was}).mark_line(interpolate="step-after", color=BAR, strokeWidth=2)
    zero = altair.Chart({"values": [{"left": 0}]}).mark_rule(color=INK).encode(y="left:Q")
    ahead = altair.Chart({"values": _ahead(burn)}).mark_line(color=INK, strokeDash=[5, 4], strokeWidth=2)
    chart = (
        (zero + lines.encode(**axes) + ahead.encode(**axes))
        .properties(width=640, height=220, background="transparent")
        .configure_axis(**AXIS)
        .configure_view(stroke=None)
    )
    svg: str = vl_convert.vegalite_to_svg(chart.to_json())
    return svg.encode()


def _ahead(burn: BurnDown) -> list[dict[str, Any]]:
    """The ends of the dashed line: from today to where nothing is left, or to the end of the window."""
    last = burn.days[-1]
    until = burn.used_up_on or burn.ends_on or last.day + datetime.timedelta(days=MOST_AHEAD)
    until = min(until, last.day + datetime.timedelta(days=MOST_AHEAD))
    if burn.rolling or until <= last.day or not burn.pace:
        return []
    then = last.left - burn.pace * (until - last.day).days
    return [
        {"day": f"{last.day}T00:00", "left": float(last.left)},
        {"day": f"{until}T00:00", "left": float(max(then, type(then)(0)))},
    ]
