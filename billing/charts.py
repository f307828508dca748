"""Charts of an audit as SVG. A chart has an address of its own that carries the hash of its numbers."""

from __future__ import annotations

import hashlib
import json
from typing import Any

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
