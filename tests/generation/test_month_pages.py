"""The month's pages: the large figure, its drill-down, tables as CSV, the chart, the import of a history."""

from __future__ import annotations

import io
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing import pots
from billing.models import Entry
from generation import history
from projects.models import Deliverable, Take, Workspace
from tests.billing import written
from tests.cast import Cast
from tests.factories import utc
from tests.generation.pages import everybody, signed_in, statuses, text

MONTH = "/w/studio/month/2025-10/"


def imported(workspace: Workspace, charges: str, decisions: str) -> history.HistoryResult:
    return history.import_history(
        workspace=workspace,
        charges=io.BytesIO(charges.encode()),
        decisions=io.BytesIO(decisions.encode()),
        by=None,
    )


@pytest.fixture
def october(cast: Cast) -> Cast:
    """The worked example: September and October 2025."""
    charges = written.charges_file(*written.OCTOBER_CHARGES, *written.SEPTEMBER_CHARGES)
    decisions = written.decisions_file(*written.OCTOBER_DECISIONS, *written.SEPTEMBER_DECISIONS)
    imported(cast.workspace, charges, decisions)
    return cast


def test_the_large_figure_stands_with_its_change_and_what_moved_it(october: Cast) -> None:
    page = text(signed_in(october.finance), MONTH)
    assert "October 2025" in page
    for words in ("2.50", "+€0.45", "takes per accepted", "+€0.15", "+€0.30", "Opening work in progress"):
        assert words in page, words


def test_pace_is_a_number_and_outcomes_without_cash_are_left_out(october: Cast) -> None:
    page = " ".join(text(signed_in(october.finance), MONTH).split())
    _, _, pace = page.partition("Accepted a week")
    assert re.match(r"</p> <p class=\"stat__value\">\d+\.\d\d</p>", pace)
    assert "Signed off&nbsp;" in page
    assert "Shared by a campaign&nbsp;" not in page


def test_every_role_reads_the_month_and_only_finance_imports(october: Cast) -> None:
    accepted = Deliverable.objects.get(key="a")
    (chart,) = (
        line
        for line in text(signed_in(october.viewer), MONTH).split('"')
        if ".svg" in line and "charts" in line
    )
    for address in (
        "/w/studio/month/",
        MONTH,
        f"{MONTH}?by=model",
        f"{MONTH}entries/?outcome=rejected",
        f"{MONTH}exceptions/?kind=reversed",
        f"{MONTH}tables/rows.csv?by=tier",
        f"{MONTH}deliverables/?by=campaign&key=p/c",
        f"{MONTH}deliverables/{accepted.pk}/",
        chart,
    ):
        assert statuses(october, address) == everybody(october), address
    imports = statuses(october, "/w/studio/history/")
    allowed = {name for name, status in imports.items() if status == 200}
    assert allowed == {"finance"}
    assert imports["stranger"] == 404


@pytest.mark.parametrize(
    "address", ["/w/studio/month/2025-13/", f"{MONTH}?by=colour", f"{MONTH}charts/old.svg"]
)
def test_what_is_no_month_or_table_is_not_found(october: Cast, address: str) -> None:
    assert signed_in(october.finance).get(address).status_code == 404


def test_a_cell_drills_down_to_takes_and_entries(october: Cast) -> None:
    client = signed_in(october.finance)
    listed = text(client, f"{MONTH}deliverables/", by="phase", key="hero")
    assert "2.30" in listed
    accepted = Deliverable.objects.get(key="a")
    takes = text(client, f"{MONTH}deliverables/{accepted.pk}/")
    assert "Take 5" in takes
    assert "harbour/polish" in takes
    rejected = text(client, f"{MONTH}entries/", outcome="rejected")
    assert rejected.count("€0.05") == 2


def test_each_table_is_a_csv_of_exact_figures(october: Cast) -> None:
    client = signed_in(october.viewer)
    rows = client.get(f"{MONTH}tables/rows.csv", {"by": "phase"}).content.decode().splitlines()
    assert rows[1].startswith("draft,Draft,0,4,4,,0.05000000,0.20000000")
    assert rows[2].startswith("hero,Hero,1,1,1,1.00000000,2.00000000,2.00000000,0.00000000,0.30000000")
    forward = client.get(f"{MONTH}tables/roll_forward.csv").content.decode().splitlines()
    assert forward[1:] == [
        "opening_wip,0.05000000",
        "spend,2.60000000",
        "accepted,2.50000000",
        "written_off,0.05000000",
        "period,0.00000000",
        "closing_wip,0.10000000",
    ]
    entries = client.get(f"{MONTH}entries/", {"format": "csv"}).getvalue().decode().splitlines()
    assert len(entries) == 1 + 8


def test_the_chart_is_kept_under_the_hash_of_its_numbers(october: Cast) -> None:
    client = signed_in(october.viewer)
    (address,) = (line for line in text(client, MONTH).split('"') if "/charts/" in line)
    answer = client.get(address)
    assert answer["Content-Type"] == "image/svg+xml"
    assert "immutable" in answer["Cache-Control"]
    assert b"<svg" in answer.content


def test_queries_stay_the_same_when_the_rows_double(october: Cast) -> None:
    client = signed_in(october.finance)
    counts = []
    for round_ in range(2):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            for address in (MONTH, f"{MONTH}entries/", f"{MONTH}deliverables/"):
                text(client, address)
        counts.append(len(queries))
        more = [
            written.charge(
                100 + number, "2025-10-08T09:00:00Z", f"x{number}", "1", "0.10", campaign=f"c{number % 3}"
            )
            for number in range(12)
        ]
        accepts = [
            {
                **written.decision("2025-10-09T09:00:00Z", f"x{number}", "1", "accept"),
                "campaign": f"c{number % 3}",
            }
            for number in range(12)
        ]
        if not round_:
            imported(october.workspace, written.charges_file(*more), written.decisions_file(*accepts))
    assert counts[0] == counts[1]


def test_the_page_imports_a_history_and_says_what_came(cast: Cast) -> None:
    client = signed_in(cast.finance)
    files = {
        "charges": SimpleUploadedFile("charges.csv", written.charges_file(*written.OCTOBER_CHARGES).encode()),
        "decisions": SimpleUploadedFile("d.csv", written.decisions_file(*written.OCTOBER_DECISIONS).encode()),
    }
    page = client.post("/w/studio/history/", files, follow=True).content.decode()
    assert "9 charges and 5 decisions imported, 3 deliverables created." in page


def test_a_bad_file_is_refused_with_its_lines_and_nothing_is_imported(cast: Cast) -> None:
    client = signed_in(cast.finance)
    bad = written.charge(1, "yesterday", "a", "1", "0.05")
    files = {
        "charges": SimpleUploadedFile("charges.csv", written.charges_file(bad).encode()),
        "decisions": SimpleUploadedFile("d.csv", written.decisions_file().encode()),
    }
    answer = client.post("/w/studio/history/", files)
    assert answer.status_code == 422
    assert "is no instant" in answer.content.decode()
    assert not Entry.objects.exists()


def test_a_long_split_shows_its_first_rows_until_all_are_asked_for(cast: Cast) -> None:
    charges = [
        written.charge(n, "2025-10-08T09:00:00Z", f"x{n}", "1", "0.1", campaign=f"k{n:02}") for n in range(30)
    ]
    decisions = [
        written.decision("2025-10-09T09:00:00Z", f"x{n}", "1", "accept") | {"campaign": f"k{n:02}"}
        for n in range(30)
    ]
    imported(cast.workspace, written.charges_file(*charges), written.decisions_file(*decisions))
    page, whole = (text(signed_in(cast.finance), MONTH + query) for query in ("", "?by=campaign&all=1"))
    assert ("Show all 30" in page, "k07" in page, "k08" in page) == (True, True, False)
    assert ("Show all" in whole, "k29" in whole) == (False, True)


def test_all_exceptions_of_a_month_are_a_file(october: Cast) -> None:
    take = Take.objects.get(deliverable__key="b", number=2)
    for number in range(12):
        pots.decide(
            deliverable=take.deliverable,
            take=take,
            decision="accept" if number % 2 == 0 else "reverse",
            by=october.manager.person,
            at=utc(f"2025-10-30T{number:02}:00"),
            as_is=number % 2 == 0,
            note="good enough",
        )
    counts = text(signed_in(october.finance), f"{MONTH}exceptions/", counts=1)
    for words in ("Drafts signed off as is", "Decisions taken back", "All 12"):
        assert words in counts
    listed = text(signed_in(october.finance), f"{MONTH}exceptions/", kind="as_is")
    assert listed.count("?take=2") == 6
    lines = text(signed_in(october.finance), f"{MONTH}tables/exceptions.csv").splitlines()
    assert lines[0] == "kind,at,campaign,deliverable,take,by,note,amount"
    assert len(lines) == 13
    assert lines[1].startswith("Drafts signed off as is,2025-10-30T00:00:00+00:00,p/c,b,2,")
