"""Evidence for routing as lines of CSV, and its chart as SVG: a dot and its interval for each ranked row."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from billing.charts import AXIS, BAR, INK
from billing.figures import printed
from generation import outlook_charts
from generation.evidence import MEASURES, Figure, Ranked

MOST_DRAWN = 24
ROW_HEIGHT = 26
FORMATS = {"cost": ",.2f", "acceptance": ".0%", "takes": ".1f", "lead": ".1f", "failure": ".0%"}
DAY = 86_400
HEAD = (
    *("category", "phase", "model", "place", "told_apart_from_the_first"),
    *("takes", "failed", "judged", "kept", "paid"),
    *(f"{one.column}{part}" for one in MEASURES.values() for part in ("", "_low", "_high", "_n")),
)


def lines(found: Sequence[Ranked]) -> list[Sequence[Any]]:
    """The header and a line for each row; shares of one, lead times in seconds, ends left out are open."""
    return [HEAD, *(_line(each) for each in found)]


def _line(each: Ranked) -> Sequence[Any]:
    row = each.row
    apart = "" if each.place is None else "" if each.place == 1 else "no" if each.level else "yes"
    figures = [measure.of(row) for measure in MEASURES.values()]
    return (
        *(row.category, row.phase, row.model, each.place, apart),
        *(row.takes, row.failed, row.judged, row.kept, printed(row.paid)),
        *(cell for figure in figures for cell in _cells(figure)),
    )


def _cells(figure: Figure) -> list[str | int]:
    ends = (figure.value, figure.interval.low, figure.interval.high)
    return [*("" if end is None else printed(end) for end in ends), figure.number]


def values(found: Sequence[Ranked], by: str) -> list[dict[str, Any]]:
    """What the chart shows of the first rows that have a place."""
    shown = []
    for each in [one for one in found if one.place is not None][:MOST_DRAWN]:
        row, figure = each.row, MEASURES[by].of(each.row)
        low, high = figure.interval
        ends = [figure.value if end is None else end for end in (low, figure.value, high)]
        words = f"{row.category_name}, {row.phase}: {outlook_charts.short(row.model) or row.model}"
        shown.append({"row": words, **dict(zip(("low", "at", "high"), map(_drawn(by), ends), strict=True))})
    return shown


def height(found: Sequence[Ranked]) -> int:
    """About how high the chart is, where it is 900 wide."""
    return 60 + ROW_HEIGHT * min(MOST_DRAWN, sum(each.place is not None for each in found))


def _drawn(by: str) -> Any:
    return lambda value: float(value or Decimal(0)) / (DAY if by == "lead" else 1)


def digest(found: Sequence[Ranked], by: str) -> str:
    """A hash of what the chart shows."""
    return hashlib.sha256(json.dumps([by, values(found, by)]).encode()).hexdigest()[:16]


def svg(found: Sequence[Ranked], by: str, *, currency: str) -> bytes:
    """The chart, in colours that stand on a dark and on a light page."""
    import altair  # heavy, and only needed for a chart that no browser holds yet
    import vl_convert

    rows = values(found, by)
    unit = {"cost": f", {currency}", "lead": ", days"}.get(by, "")
    base = altair.Chart({"values": rows}).encode(
        y=altair.Y("row:N", title=None, sort=[row["row"] for row in rows], axis=altair.Axis(labelLimit=330))
    )
    scale = altair.Scale(zero=True, nice=True)
    x = altair.X(
        "at:Q",
        title=f"{MEASURES[by].label}{unit}",
        scale=scale,
        axis=altair.Axis(format=FORMATS[by], tickCount=6),
    )
    dots = base.mark_point(filled=True, color=BAR, size=80, opacity=1).encode(x=x)
    whiskers = base.mark_rule(color=INK, strokeWidth=2).encode(x=altair.X("low:Q", scale=scale), x2="high:Q")
    chart = (
        (whiskers + dots)
        .properties(
            width=560,
            height={"step": ROW_HEIGHT},
            background="transparent",
            padding=outlook_charts.ROOM,
        )
        .configure_axis(**AXIS)
        .configure_view(stroke=None)
    )
    drawn: str = vl_convert.vegalite_to_svg(chart.to_json())
    return drawn.encode()
