"""Charts for paper and mail: what moved the headline, and what the month's cash became."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from billing import charts

UP, DOWN, BARS = "#c2543d", "#3d8f63", "#4f74c8"
Bar = tuple[str, float, str]
"""What it is called, how long it is, and its number in words."""


def bars(found: Sequence[Bar], *, signed: bool = False) -> dict[str, Any]:
    """Horizontal bars in the order given, as a Vega-Lite document; signed ones in two colours."""
    import altair  # heavy, and only needed where a chart is drawn

    rows = [
        {
            "label": label,
            "value": value,
            "words": words,
            "color": (UP if value > 0 else DOWN) if signed else BARS,
        }
        for label, value, words in found
    ]
    order = [label for label, _, _ in found]
    axis = altair.Axis(title=None, labelLimit=240, labelPadding=8)
    base = altair.Chart({"values": rows}).encode(y=altair.Y("label:N", sort=order, axis=axis))
    drawn = base.mark_bar(height=14).encode(
        x=altair.X("value:Q", axis=None), color=altair.Color("color:N", scale=None, legend=None)
    )
    words = base.mark_text(align="left", dx=5, color="#444444").encode(
        x=altair.X("end:Q", axis=None), text="words:N"
    )
    words = words.transform_calculate(end="max(datum.value, 0)")
    chart = (
        (drawn + words)
        .properties(width=300, height=26 * len(rows), background="white", padding={"right": 90})
        .configure_axis(**{**charts.AXIS, "labelColor": "#444444"}, grid=False, domain=False, ticks=False)
        .configure_text(fontSize=charts.LETTERS)
        .configure_view(stroke=None)
    )
    found_chart: dict[str, Any] = chart.to_dict()
    return found_chart


def svg(chart: dict[str, Any]) -> str:
    import vl_convert

    text: str = vl_convert.vegalite_to_svg(chart)
    return text


def png(chart: dict[str, Any]) -> bytes:
    import vl_convert

    picture: bytes = vl_convert.vegalite_to_png(chart, scale=2)
    return picture
