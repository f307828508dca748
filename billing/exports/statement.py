"""The month as a typeset statement (PDF): the page's figures, charts, a digest, and who has signed."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any, Literal

from billing import audit, charts, exceptions, months
from billing.dimensions import By
from billing.exports import canonical, document, entries, pictures, signing, tables, words
from billing.exports.forms import Form, file_name
from billing.exports.row_sheets import SPLITS
from projects.models import Workspace

TEMPLATE = Path(__file__).with_name("statement.typ")
STANDARDS: list[Any] = ["a-2a", "ua-1"]
MOST_EXCEPTIONS = 20
UNSIGNED = ("First signature", "Second signature")


def pdf(*, workspace: Workspace, month: str) -> bytes:
    """The statement; call it in `month_sums.snapshot()`. Raises Invalid (422) for what is no month."""
    return typeset(contents(workspace=workspace, month=month), "pdf")[0]


def typeset(data: dict[str, Any], form: Literal["pdf", "png"], template: Path = TEMPLATE) -> list[bytes]:
    """The pages as one PDF, or each as a picture (`png`).

    The PDF can be archived and read aloud (PDF/A-2a, PDF/UA-1); where no font of the machine has a sign of
    its words, which those standards forbid, it is an ordinary one.
    """
    import typst  # heavy, and only needed where a statement is made

    asked: dict[str, Any] = {
        "format": form,
        "sys_inputs": {"data": json.dumps(data, ensure_ascii=False)},
        "ppi": 110.0,
    }
    text = template.read_bytes()
    try:
        made: Any = typst.compile(text, **asked, pdf_standards=STANDARDS if form == "pdf" else [])
    except typst.TypstError:
        made = typst.compile(text, **asked)
    return made if isinstance(made, list) else [made]


def contents(*, workspace: Workspace, month: str) -> dict[str, Any]:
    """All words and charts of the statement."""
    page = audit.month_page(workspace=workspace, month=month, by=By.CAMPAIGN)
    whole = page.document
    asked = document.month_of(workspace, month)
    signed = signing.of(workspace, month)
    found = words.headline(whole)
    made_at = datetime.datetime.now(months.zone_of(workspace))
    return {
        "title": f"{workspace.name}, {words.month_name(month)}",
        "subtitle": f"Month statement. Calendar month in {workspace.time_zone}, as of its last instant; "
        f"amounts in {workspace.currency}. Made {made_at:%Y-%m-%d %H:%M}.",
        "state": signed.said,
        "headline": found.figure,
        "moved": words.moved(found),
        "also": _also(whole),
        "effects": _effects(found),
        "components": tables.components(whole),
        "forward": tables.forward(whole),
        "outcomes": tables.outcomes(whole),
        "spent": _spent(whole),
        "bridge": tables.bridge(whole),
        "curve": tables.curve(whole, page.also),
        "drawn_curve": _curve(page.also.curve, workspace.currency),
        "splits": [tables.split(_rows(whole, workspace, month, by), by) for by in SPLITS],
        "bars": tables.bars(page.bars, workspace),
        "exceptions": tables.exceptions(
            exceptions.listed(workspace=workspace, month=month, limit=MOST_EXCEPTIONS),
            exceptions.number(workspace=workspace, month=month),
            workspace,
        ),
        "digest": canonical.digest(asked),
        "closed_digest": signed.digest,
        "entries": words.count(entries.count(asked)),
        "file": file_name(workspace=workspace, month=month, form=Form.ROWS),
        "signatures": _signatures(signed, workspace),
    }


def _also(whole: dict[str, Any]) -> str:
    totals, currency = whole["totals"], whole["currency"]
    if totals["cash_per_acceptable"] is None:
        return "Nothing was signed off in this month and stood at its end."
    return (
        f"{words.amount(totals['cost_per_acceptable'], currency)} with the time of people, which is no cash. "
        "Loaded with late, written-off and period cost: "
        f"{words.amount(totals['loaded_cost_per_acceptable'], currency)}."
    )


def _rows(whole: dict[str, Any], workspace: Workspace, month: str, by: By) -> dict[str, Any]:
    if by == By.CAMPAIGN:
        return whole
    return audit.month_document(workspace=workspace, month=month, by=by.value)


def _effects(found: words.Headline) -> dict[str, Any] | None:
    if not found.parts:
        return None
    chart = pictures.bars(
        [(label.capitalize(), float(moved), said) for label, moved, said in found.parts], signed=True
    )
    return _drawn(pictures.svg(chart), f"What moved the figure since {found.before}", 62)


def _spent(whole: dict[str, Any]) -> dict[str, Any] | None:
    kinds = words.outcomes(whole)
    if not kinds:
        return None
    chart = pictures.bars([(label, float(cash), said) for label, cash, said in kinds])
    return _drawn(pictures.svg(chart), "Spend by outcome", 62)


def _curve(curve: list[Any], currency: str) -> dict[str, Any] | None:
    if not curve:
        return None
    svg = charts.take_curve(curve, currency=currency).decode()
    return _drawn(svg, "Deliverables by the take at which they were right, and their cash", 80)


def _drawn(svg: str, alt: str, width: int) -> dict[str, Any]:
    return {"svg": svg, "alt": alt, "width": width}


def _signatures(signed: signing.Signing, workspace: Workspace) -> list[dict[str, str]]:
    """Those that are there, and in a month that is not closed the places of those that are not."""
    zone = months.zone_of(workspace)
    given = [
        {"role": each.role, "name": each.name, "at": f"{each.at.astimezone(zone):%Y-%m-%d %H:%M}"}
        for each in signed.signatures
    ]
    if signed.state == "closed":
        return given
    return given + [{"role": role, "name": "not signed", "at": ""} for role in UNSIGNED[len(given) :]]
