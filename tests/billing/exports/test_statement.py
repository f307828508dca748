"""The typeset statement: the page's numbers, its signatures, its digest, and text that is only text."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any

import pytest

from billing import month_sums, months
from billing.exports import files, signing, statement, words
from billing.exports.forms import Form
from billing.models import MonthClose, MonthStep
from projects.models import Workspace
from tests.billing import written
from tests.billing.exports.test_workbook import imported
from tests.cast import Cast
from tests.factories import utc

NASTY = '#let x = 1; [*bold*] "quoted" \\ $a$ @ref `raw` _it_ ~ * 漢字 🎬'


def contents(workspace: Workspace, month: str = "2025-10") -> dict[str, Any]:
    with month_sums.snapshot():
        return statement.contents(workspace=workspace, month=month)


@pytest.fixture
def october(cast: Cast) -> Cast:
    charges = written.charges_file(*written.OCTOBER_CHARGES, *written.SEPTEMBER_CHARGES)
    decisions = written.decisions_file(*written.OCTOBER_DECISIONS, *written.SEPTEMBER_DECISIONS)
    imported(cast.workspace, charges, decisions)
    return cast


def closed(cast: Cast, **changes: Any) -> MonthClose:
    start, end = months.span(cast.workspace, "2025-10")
    signed = {
        "signed_by": cast.finance.person,
        "signed_at": utc("2025-11-03T09:00"),
        "single_signature": False,
    }
    return MonthClose.objects.create(
        workspace=cast.workspace, month="2025-10", starts_at=start, ends_at=end, document={}, digest="c" * 64,
        entries=8, closed_by=cast.manager.person, closed_at=utc("2025-11-04T10:30"), **{**signed, **changes},
    )  # fmt: skip


def test_it_says_the_numbers_of_the_page(october: Cast) -> None:
    found = contents(october.workspace)
    assert (found["title"], found["headline"]) == ("Studio, October 2025", "2.50 EUR")
    assert found["moved"] == (
        "+0.45 EUR against September 2025: prices ±0.00 EUR, takes per accepted +0.15 EUR, "
        "control and refinement +0.30 EUR and the mix of categories ±0.00 EUR."
    )
    assert found["forward"]["rows"][1] == ["+ Spent", "2.60 EUR"]
    assert found["forward"]["total"] == ["= Closing work in progress", "0.10 EUR"]
    models = next(split for split in found["splits"] if split["title"] == "By model")
    assert models["rows"][0] == ["harbour/tide", "1", "1", "1.00", "2.00 EUR", "2.00 EUR", "0.00 EUR"]
    assert models["total"] == ["Total", "1", "5", "5.00", "2.50 EUR", "2.50 EUR", "0.00 EUR"]


def test_its_digest_is_that_of_the_file_of_canonical_rows(october: Cast) -> None:
    file = b"".join(files.rows_file(workspace=october.workspace, month="2025-10", form=Form.ROWS))
    found = contents(october.workspace)
    assert found["digest"] == hashlib.sha256(file).hexdigest()
    assert (found["entries"], found["file"]) == ("8", "studio-2025-10-canonical-rows.csv")
    more = written.charge(40, "2025-10-29T09:00:00Z", "b", "3", "0.01")
    imported(october.workspace, written.charges_file(more), written.decisions_file())
    assert contents(october.workspace)["digest"] != found["digest"]


def test_an_open_month_says_so_and_leaves_room_for_two_signatures(october: Cast) -> None:
    found = contents(october.workspace)
    assert found["state"] == "Open, not signed: figures may still change."
    assert [(each["role"], each["name"]) for each in found["signatures"]] == [
        ("First signature", "not signed"),
        ("Second signature", "not signed"),
    ]
    assert found["closed_digest"] == ""


def test_a_closed_month_names_who_signed_and_when(october: Cast) -> None:
    closed(october)
    found = contents(october.workspace)
    finance, manager = october.finance.person, october.manager.person
    assert (found["state"], found["closed_digest"]) == ("Closed.", "c" * 64)
    assert [(each["role"], each["at"]) for each in found["signatures"]] == [
        ("First signature", "2025-11-03 10:00"),
        ("Second signature, closed", "2025-11-04 11:30"),
    ]
    assert finance.email in found["signatures"][0]["name"]
    assert manager.email in found["signatures"][1]["name"]


def test_a_month_under_review_names_its_first_signature_and_leaves_room_for_the_second(october: Cast) -> None:
    steps = {"workspace": october.workspace, "month": "2025-10", "by": october.finance.person}
    MonthStep.objects.create(**steps, kind="review", at=utc("2025-11-02T09:00"))
    found = contents(october.workspace)
    assert found["state"] == "Under review, not signed: figures may still change."
    MonthStep.objects.create(**steps, kind="signed", at=utc("2025-11-03T09:00"))
    found = contents(october.workspace)
    assert found["state"] == "Under review, signed by one of two: not closed."
    assert [(each["role"], each["at"]) for each in found["signatures"]] == [
        ("First signature", "2025-11-03 10:00"),
        ("Second signature", ""),
    ]


def test_a_single_signature_is_said(october: Cast) -> None:
    closed(october, signed_by=october.manager.person, single_signature=True)
    found = signing.of(october.workspace, "2025-10")
    assert (found.said, len(found.signatures)) == ("Closed with a single signature.", 1)


def test_text_that_looks_like_markup_is_set_as_it_is(cast: Cast) -> None:
    rows = [
        written.charge(1, "2025-10-06T09:00:00Z", "a", "1", "0.05", category=NASTY, model=NASTY, person=NASTY)
    ]
    accepts = [written.decision("2025-10-07T09:00:00Z", "a", "1", "accept")]
    imported(cast.workspace, written.charges_file(*rows), written.decisions_file(*accepts))
    cast.workspace.name = NASTY
    found = contents(cast.workspace)
    assert NASTY in found["title"]
    assert any(row[0].endswith(NASTY) for split in found["splits"] for row in split["rows"])
    (pdf,) = statement.typeset(found, "pdf")
    assert pdf.startswith(b"%PDF-")


def test_a_month_without_anything_is_a_statement_too(cast: Cast) -> None:
    found = contents(cast.workspace, "2024-02")
    assert (found["headline"], found["effects"], found["spent"]) == ("No acceptance", None, None)
    assert len(statement.typeset(found, "png")) >= 1


def test_many_rows_are_the_dearest_and_the_others_in_one_line(cast: Cast) -> None:
    rows, accepts = [], []
    for number in range(25):
        model = f"m{number:02d}"
        at = "2025-10-06T09:00:00Z"
        rows.append(written.charge(number, at, f"d{number}", "1", f"{number + 1}.00", model=model))
        accepts.append(written.decision("2025-10-07T09:00:00Z", f"d{number}", "1", "accept"))
    imported(cast.workspace, written.charges_file(*rows), written.decisions_file(*accepts))
    models = next(split for split in contents(cast.workspace)["splits"] if split["title"] == "By model")
    assert len(models["rows"]) == 21
    assert models["rows"][-1][:2] == ["5 others", "5"]
    assert models["rows"][0][0] == "lantern/m24"
    cash = sum(Decimal(row[4].split()[0]) for row in models["rows"])
    assert cash == Decimal(models["total"][4].split()[0]) == Decimal(325)


def test_what_is_not_zero_never_reads_as_zero() -> None:
    assert words.amount("0.00400000", "EUR") == words.amount("-0.00400000", "EUR") == "<0.01 EUR"
    assert (words.amount("0.4", "JPY"), words.amount("0", "EUR")) == ("<1 JPY", "0.00 EUR")
    assert words.change(Decimal("-0.004"), "EUR") == "−<0.01 EUR"
