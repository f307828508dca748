"""The workbook: every formula gives the audit's figure, and no text becomes a formula."""

from __future__ import annotations

import io
import shutil
import subprocess
import warnings
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest

from billing import audit, month_sums
from billing.exports import workbook
from generation import history
from projects.models import Campaign, Deliverable, Workspace
from tests import factories
from tests.billing import written
from tests.billing.exports.workbooks import Workbook
from tests.billing.histories import seeded
from tests.cast import Cast

NEAR = 1e-7


def imported(workspace: Workspace, charges: str, decisions: str) -> None:
    history.import_history(
        workspace=workspace,
        charges=io.BytesIO(charges.encode()),
        decisions=io.BytesIO(decisions.encode()),
        by=None,
    )


def made(workspace: Workspace, month: str, folder: Path) -> Path:
    path = folder / f"{month}.xlsx"
    with month_sums.snapshot():
        workbook.write(str(path), workspace=workspace, month=month)
    return path


def differences(book: Workbook) -> list[tuple[object, ...]]:
    """Formulas that give another value than the one that is kept with them."""
    wrong = []
    for place in book.formula:
        kept, found = book.value[place], book.worked_out(place)
        same = found == kept if "" in (kept, found) else abs(float(found) - float(kept)) < NEAR
        if not same:
            wrong.append((place, book.formula[place], kept, found))
    return wrong


def figures(book: Workbook) -> dict[str, object]:
    """Labels of the first sheet and the values beside them."""
    return {
        str(book.value[place]): book.value.get((place[0], place[1], 2), "")
        for place in book.value
        if place[0] == "Month" and place[2] == 1
    }


@pytest.fixture
def october(cast: Cast) -> Cast:
    charges = written.charges_file(*written.OCTOBER_CHARGES, *written.SEPTEMBER_CHARGES)
    decisions = written.decisions_file(*written.OCTOBER_DECISIONS, *written.SEPTEMBER_DECISIONS)
    imported(cast.workspace, charges, decisions)
    return cast


def test_the_worked_example_stands_on_the_first_sheet_and_its_formulas_give_it(
    october: Cast, tmp_path: Path
) -> None:
    book = Workbook(made(october.workspace, "2025-10", tmp_path))
    found = figures(book)
    assert (found["Cash per acceptable deliverable"], found["Takes per accepted (shooting ratio)"]) == (
        2.5,
        5,
    )
    assert (found["Base price of a take"], found["Rejected"], found["+ Spent"]) == (0.44, 0.1, 2.6)
    assert (found["Price"], found["Takes per accepted"], found["Mix of categories"]) == (0, 0.15, 0)
    assert found["Control and refinement"] == 0.3
    assert found["Check: in less out is nothing"] == 0
    assert len(book.formula) > 100
    assert differences(book) == []


def test_each_split_adds_up_to_the_total(october: Cast, tmp_path: Path) -> None:
    book = Workbook(made(october.workspace, "2025-10", tmp_path))
    for sheet in ("By campaign", "By category", "By tier", "By provider", "By model", "By person"):
        *rows, total = book.rows(sheet)
        assert (total["Cash"], total["Takes"], total["Accepted"]) == (2.5, 5, 1), sheet
        assert round(sum(row["Cash"] for row in rows), 9) == 2.5, sheet
    assert [row["Key"] for row in book.rows("By model")][:-1] == [
        "harbour/polish",
        "harbour/tide",
        "lantern/glow",
    ]


@pytest.mark.parametrize("seed", range(6))
def test_formulas_give_the_audits_figures_in_random_histories(seed: int, db: None, tmp_path: Path) -> None:
    told = seeded(seed)
    workspace = factories.workspace(f"w{seed}")
    workspace.currency, workspace.time_zone = told.settings.currency, told.settings.time_zone
    workspace.save()
    imported(workspace, told.charges, told.decisions)
    for month in told.months:
        book = Workbook(made(workspace, month, tmp_path))
        assert differences(book) == []
        document, found = audit.month_document(workspace=workspace, month=month), figures(book)
        assert found["+ Spent"] == float(Decimal(document["roll_forward"]["spend"]))
        assert found["Late"] == float(Decimal(document["totals"]["late"]))


def test_a_wrong_row_is_seen_by_the_formulas(october: Cast, tmp_path: Path) -> None:
    """That the values are not simply compared with themselves."""
    book = Workbook(made(october.workspace, "2025-10", tmp_path))
    (place,) = (at for at, value in book.value.items() if at[0] == "Entries" and value == 2.0 and at[2] == 15)
    book.value[place] = 3.0
    wrong = {formula for _, formula, _, _ in differences(book)}
    assert 'SUMIFS(entry_amount,entry_life,1,entry_stage,"generation")' in wrong
    assert 'IF(total_accepted=0,"",(total_cash)/total_accepted)' in wrong


def test_no_text_of_a_person_becomes_a_formula(cast: Cast, tmp_path: Path) -> None:
    nasty = '=HYPERLINK("x")'
    rows = [written.charge(1, "2025-10-06T09:00:00Z", "d1", "1", "0.05")]
    accepts = [written.decision("2025-10-07T09:00:00Z", "d1", "1", "accept")]
    imported(cast.workspace, written.charges_file(*rows), written.decisions_file(*accepts))
    Deliverable.objects.filter(key="d1").update(key=nasty, name=nasty)
    Campaign.objects.filter(key="c").update(name="@SUM(1)")
    book = Workbook(made(cast.workspace, "2025-10", tmp_path))
    assert [row["Deliverable"] for row in book.rows("Entries")] == [nasty]
    assert [row["Name"] for row in book.rows("Accepted")] == [nasty]
    assert book.rows("By campaign")[0]["Name"] == "@SUM(1)"
    assert not [text for text in book.formula.values() if "HYPERLINK" in text or text.startswith("@")]
    assert differences(book) == []


def test_a_month_without_anything_is_a_workbook_too(cast: Cast, tmp_path: Path) -> None:
    book = Workbook(made(cast.workspace, "2024-02", tmp_path))
    assert figures(book)["Cash per acceptable deliverable"] == ""
    assert differences(book) == []


@pytest.mark.parametrize(("currency", "form"), [("EUR", '#,##0.00 "EUR"'), ("JPY", '#,##0 "JPY"')])
def test_money_has_the_minor_unit_of_its_currency(
    currency: str, form: str, cast: Cast, tmp_path: Path
) -> None:
    cast.workspace.currency = currency
    path = made(cast.workspace, "2024-02", tmp_path)
    with zipfile.ZipFile(path) as file:
        assert form.replace('"', "&quot;") in file.read("xl/styles.xml").decode()


def test_an_office_recalculates_the_same_values(october: Cast, tmp_path: Path) -> None:
    """With LibreOffice, where it is there; these tests' own evaluator looks at every formula anyway."""
    office = shutil.which("soffice")
    if office is None:
        warnings.warn(
            "LIBREOFFICE IS NOT HERE: the workbook was recalculated by the tests' own evaluator alone.",
            stacklevel=1,
        )
        pytest.skip("LIBREOFFICE IS NOT HERE: recalculated by the tests' own evaluator alone")
    path = made(october.workspace, "2025-10", tmp_path)
    kept = Workbook(path)
    out = tmp_path / "again"
    subprocess.run(
        [
            office,
            "--headless",
            "--convert-to",
            "xlsx:Calc MS Excel 2007 XML",
            "--outdir",
            str(out),
            str(path),
        ],
        check=True,
        timeout=120,
        capture_output=True,
    )
    again = Workbook(out / path.name)
    for place in kept.formula:
        assert again.value.get(place, "") == pytest.approx(kept.value[place]), place
