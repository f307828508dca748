"""Charts of exposure, what-ifs, forecasts and weeks as SVG, each known by a hash of what it shows."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from billing.charts import AXIS, INK, LETTERS
from billing.control import Point
from billing.exposure import Exposure
from billing.forecasts import Forecast
from generation.what_if import Line

#: Plain tones that stand on a dark and on a light page; the last one is for all the rest.
COLOURS = ("#7a9cf0", "#c08a2d", "#3f9d76", "#b86aa6", "#5fa8b8", "#8a8a8a")
REST = "all others"
CASES = ("as it was", "dearer", "with fallbacks")
CASE_COLOURS = ("#8a8a8a", "#d9534f", "#3f9d76")
MOST_LINES = 8
LONGEST = 24
ROOM = {"left": 44, "top": 5, "right": 12, "bottom": 5}
"""Around a chart: letters are wider in some browsers than where it is laid out."""


def digest(values: Sequence[Any]) -> str:
    """A hash of what a chart shows."""
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]


def shares(found: Sequence[Exposure]) -> list[dict[str, Any]]:
    """The share of each provider in each month; the smallest ones together."""
    names = _largest(found)
    rows: list[dict[str, Any]] = []
    for exposure in reversed(found):
        parts = dict.fromkeys([*names, REST], 0.0)
        for share in exposure.providers:
            if share.share is not None and share.share > 0:
                parts[share.key if share.key in names else REST] += float(share.share)
        rows += [
            {"month": exposure.month, "provider": name or "none", "place": place, "share": round(part, 6)}
            for place, (name, part) in enumerate(parts.items())
            if part
        ]
    return rows


def short(model: str) -> str:
    """A model's name as an axis has room for it: without its provider, and without what is usual there."""
    parts = model.split("/")[1:]
    name = "/".join(parts[1:] if len(parts) > 2 else parts)
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def _largest(found: Sequence[Exposure]) -> list[str]:
    sums: dict[str, Any] = {}
    for exposure in found:
        for share in exposure.providers:
            sums[share.key] = sums.get(share.key, 0) + share.amount
    return sorted(sums, key=lambda name: (-sums[name], name))[: len(COLOURS) - 1]


def shares_svg(rows: list[dict[str, Any]]) -> bytes:
    """A bar of shares for each month, the latest last."""
    import altair  # heavy, and only needed for a chart that no browser holds yet

    names = [row["provider"] for row in sorted(rows, key=lambda row: row["place"])]
    domain = list(dict.fromkeys(names))
    places = {row["provider"]: row["place"] for row in rows}
    scale = altair.Scale(domain=domain, range=[COLOURS[places[name]] for name in domain])
    chart = (
        altair.Chart({"values": rows})
        .mark_bar()
        .encode(
            x=altair.X("month:O", title=None, axis=altair.Axis(labelAngle=0, labelOverlap="greedy")),
            y=altair.Y("share:Q", title="Share of spend", axis=altair.Axis(format=".0%", tickCount=5)),
            order=altair.Order("place:Q"),
            color=altair.Color("provider:N", scale=scale, legend=altair.Legend(title=None)),
        )
    )
    return _svg(chart, width=720, height=220)


def cases(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """The dearest lines of a what-if, each in its three cases."""
    return [
        {
            "line": f"{line.category}, {line.place.phase}: {short(line.model) or line.provider}",
            "case": case,
            "place": place,
            "amount": float(amount),
        }
        for line in lines[:MOST_LINES]
        for place, (case, amount) in enumerate(zip(CASES, line.amounts, strict=True))
    ]


def cases_svg(rows: list[dict[str, Any]], *, currency: str) -> bytes:
    """Three bars for each line: as it was, dearer, with the table's fallbacks."""
    import altair

    order = list(dict.fromkeys(row["line"] for row in rows))
    scale = altair.Scale(domain=list(CASES), range=list(CASE_COLOURS))
    chart = (
        altair.Chart({"values": rows})
        .mark_bar()
        .encode(
            y=altair.Y("line:N", title=None, sort=order, axis=altair.Axis(labelLimit=300)),
            yOffset=altair.YOffset("place:O"),
            x=altair.X(
                "amount:Q",
                title=f"Cash of the month, {currency}",
                axis=altair.Axis(format=",.2~f", tickCount=6),
            ),
            color=altair.Color("case:N", scale=scale, legend=altair.Legend(title=None)),
        )
    )
    return _svg(chart, width=560, height=_step(54))


def course(days: Sequence[tuple[datetime.date, Decimal]], found: Forecast, last: datetime.date) -> list[Any]:
    """What was spent so far, day by day, and the month's end with its interval."""
    spent, rows = Decimal(0), list[Any]()
    for day, amount in days:
        spent += amount
        rows.append({"day": day.isoformat(), "spent": float(spent)})
    ends = {name: float(getattr(found, name)) for name in ("low", "amount", "high")}
    return [*rows, {"day": last.isoformat(), **ends}]


def course_svg(rows: list[Any], *, currency: str) -> bytes:
    """A line of what was spent, then a dot with its interval at the month's end."""
    import altair

    *days, end = rows
    days_axis = altair.Axis(format="%-d %b", labelOverlap="greedy", tickCount=8)
    x = altair.X("day:T", title=None, scale=altair.Scale(type="utc"), axis=days_axis)
    y = altair.Axis(format=",.2~f", tickCount=5)
    title = f"Spent so far, {currency}"
    line = altair.Chart({"values": days}).mark_line(color=COLOURS[0], strokeWidth=2, interpolate="step-after")
    last = altair.Chart({"values": [end]})
    chart = (
        line.encode(x=x, y=altair.Y("spent:Q", title=title, axis=y))
        + last.mark_rule(color=COLOURS[1], strokeWidth=3).encode(
            x=x, y=altair.Y("low:Q", title=title), y2="high:Q"
        )
        + last.mark_point(filled=True, color=COLOURS[1], size=90, opacity=1).encode(
            x=x, y=altair.Y("amount:Q", title=title)
        )
    )
    return _svg(chart, width=720, height=220)


def weeks(points: Sequence[Point]) -> list[dict[str, Any]]:
    """A control chart: each week's figure, its centre and its limits."""
    return [
        {
            "week": point.week.isoformat(),
            "at": float(point.value),
            "out": point.is_out,
            **(
                {"centre": float(point.centre), "low": float(point.low), "high": float(point.high)}
                if point.centre is not None and point.low is not None and point.high is not None
                else {}
            ),
        }
        for point in points
    ]


def weeks_svg(rows: list[dict[str, Any]], *, title: str) -> bytes:
    """Points over the weeks between their limits; those outside are filled."""
    import altair

    mondays = [_milliseconds(row["week"]) for row in rows]
    axis = altair.Axis(format="%-d %b", labelOverlap="greedy", values=mondays, grid=False)
    base = altair.Chart({"values": rows}).encode(
        x=altair.X("week:T", title=None, scale=altair.Scale(type="utc"), axis=axis)
    )
    limited = altair.Chart({"values": [row for row in rows if "centre" in row]}).encode(x="week:T")
    y = altair.Y("at:Q", title=title, scale=altair.Scale(zero=True), axis=altair.Axis(tickCount=5))
    out = altair.condition("datum.out", altair.value(CASE_COLOURS[1]), altair.value(COLOURS[0]))
    chart = (
        limited.mark_area(color=INK, opacity=0.15, interpolate="step").encode(
            y=altair.Y("low:Q", title=title), y2="high:Q"
        )
        + limited.mark_line(color=INK, strokeDash=[5, 4], interpolate="step").encode(y="centre:Q")
        + base.mark_line(color=COLOURS[0], strokeWidth=2).encode(y=y)
        + base.mark_point(filled=True, size=80, opacity=1).encode(y=y, color=out)
    )
    return _svg(chart, width=720, height=230)


def _milliseconds(day: str) -> int:
    midnight = datetime.datetime.fromisoformat(day).replace(tzinfo=datetime.UTC)
    return int(midnight.timestamp() * 1000)


def _step(pixels: int) -> Any:
    import altair

    return altair.Step(pixels, **{"for": "position"})


def _svg(chart: Any, *, width: int, height: Any) -> bytes:
    import vl_convert

    made = (
        chart.properties(width=width, height=height, background="transparent", padding=ROOM)
        .configure_axis(**AXIS)
        .configure_legend(labelColor=INK, orient="top", title=None, labelFontSize=LETTERS, columnPadding=24)
        .configure_view(stroke=None)
    )
    drawn: str = vl_convert.vegalite_to_svg(made.to_json())
    return drawn.encode()
