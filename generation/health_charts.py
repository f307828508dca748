"""Charts of the page of health as SVG: how calls ended over time, and how long they took."""

from __future__ import annotations

import datetime
import hashlib
import json
import math
from collections.abc import Iterable
from typing import Any

from django.utils import timezone

from billing.charts import AXIS, INK, LETTERS
from generation.health import Report

NAMES = ("calls", "times")
ENDED = ("Succeeded", "Failed", "Cancelled")
COLOURS = ("#3f9d76", "#d9534f", "#8a8a8a")
QUANTILES = ("Half within (p50)", "95 % within (p95)")
LINES = ("#7a9cf0", "#c08a2d")
BAR = 0.8
"""Of its step of time, how much a bar is wide."""

FORMATS = {"hour": "%H:%M", "day": "%H:%M", "week": "%-d %b", "month": "%-d %b"}


def values(name: str, report: Report) -> list[dict[str, Any]]:
    """What a chart shows, as the table below it has it.

    Times are the wall clock of the active zone, with its offset at the end of the span throughout, written
    as if they were UTC: the chart's axis knows no other zone.
    """
    found: list[dict[str, Any]] = []
    ahead = _ahead(report)
    step = datetime.timedelta(seconds=report.span.step)
    for slot, figures in report.slots:
        at = slot + ahead
        if name == "calls":
            counts = (figures.succeeded, figures.failed, figures.cancelled)
            parts: Any = zip(ENDED, counts, strict=True)
        else:
            parts = zip(QUANTILES, (figures.p50, figures.p95), strict=True)
        until, below = at + step * BAR, 0
        for part, n in parts:
            if n:
                row = {"at": at.isoformat(), "until": until.isoformat(), "part": part, "n": n}
                found.append({**row, "below": below, "above": below + n})
                below += n
    return found


def digest(name: str, report: Report) -> str:
    """A hash of what the chart shows."""
    shown = [name, report.span.key, *_ends(report), values(name, report)]
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:16]


def svg(name: str, report: Report) -> bytes:
    """The chart, in colours that stand on a dark and on a light page."""
    import altair  # heavy, and only needed for a chart that no browser holds yet
    import vl_convert

    rows = values(name, report)
    base = altair.Chart({"values": rows})
    times = altair.Scale(type="utc", domain=_ends(report), nice=False)
    axis = altair.Axis(
        title=None,
        format=FORMATS[report.span.key],
        grid=False,
        labelOverlap="greedy",
        labelSeparation=10,
        tickCount=8,
    )
    if name == "calls":
        chart = base.mark_rect().encode(
            x=altair.X("at:T", axis=axis, scale=times),
            x2="until:T",
            y=altair.Y("below:Q", title="Calls that ended", axis=altair.Axis(tickMinStep=1, format="~s")),
            y2="above:Q",
            color=_colours(ENDED, COLOURS),
        )
    else:
        scale = altair.Scale(type="log", domainMin=_ten_below(row["n"] for row in rows))
        chart = base.mark_line(point=True, interpolate="monotone").encode(
            x=altair.X("at:T", axis=axis, scale=times),
            y=altair.Y("n:Q", title="Seconds to result", scale=scale, axis=altair.Axis(tickCount=4)),
            color=_colours(QUANTILES, LINES),
        )
    made = (
        chart.properties(width=640, height=200, background="transparent")
        .configure_axis(**AXIS)
        .configure_legend(labelColor=INK, orient="top", title=None, labelFontSize=LETTERS, columnPadding=32)
        .configure_view(stroke=None)
    )
    drawn: str = vl_convert.vegalite_to_svg(made.to_json())
    return drawn.encode()


def _ahead(report: Report) -> datetime.timedelta:
    """The offset of the active zone at the end of the span."""
    return timezone.localtime(report.until).utcoffset() or datetime.timedelta(0)


def _ends(report: Report) -> list[int]:
    """Where the axis of time begins and ends, in milliseconds: the whole span, however few calls it has."""
    first, last = report.slots[0][0], report.slots[-1][0] + datetime.timedelta(seconds=report.span.step)
    return [int((at + _ahead(report)).timestamp() * 1000) for at in (first, last)]


def _ten_below(seconds: Iterable[float]) -> float:
    """The power of ten at which a logarithmic axis of these times begins; a tenth of a second at least."""
    least = min(seconds, default=1.0)
    return float(10 ** math.floor(math.log10(max(least, 0.1))))


def _colours(parts: tuple[str, ...], colours: tuple[str, ...]) -> Any:
    import altair

    scale = altair.Scale(domain=list(parts), range=list(colours))
    return altair.Color("part:N", scale=scale, legend=altair.Legend(title=None))
