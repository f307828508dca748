"""Importing a history: what rows become, every kind of bad line, the same file again, large files."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing import audit, checks
from billing.models import Entry, ImportedCharge
from generation import history, history_jobs
from generation.models.imports import HistoryJob
from projects.access import MissingRight
from projects.models import Campaign, Category, Decision, Deliverable, Event, Person, Take, TimeLog, Workspace
from routing.models import CatalogueModel
from tests import factories
from tests.billing.booking import books
from tests.billing.written import (
    HERO,
    OCTOBER_CHARGES,
    OCTOBER_DECISIONS,
    charge,
    charges_file,
    decision,
    decisions_file,
    refund,
)

AT = "2025-10-06T09:00:00Z"
FIRST = charge(1, AT, "a", "1", "0.05")
ACCEPT = decision("2025-10-07T09:00:00Z", "a", "1", "accept")
LATER = {**ACCEPT, "at": "2025-10-08T09:00:00Z"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def studio(db: None) -> Workspace:
    return factories.workspace("studio")


def run(workspace: Workspace, charges: str, decisions: str = "", **said: Any) -> history.HistoryResult:
    files = io.BytesIO(charges.encode()), io.BytesIO((decisions or decisions_file()).encode())
    return history.import_history(
        workspace=workspace, charges=files[0], decisions=files[1], **{"by": None, **said}
    )


def bad(workspace: Workspace, charges: str, decisions: str = "") -> list[tuple[str, int, str]]:
    """The bad lines, after a look that nothing was changed."""
    tables = (Campaign, Category, Deliverable, Take, Decision, TimeLog, ImportedCharge, Event, CatalogueModel)
    before = books(), [model.objects.count() for model in tables]
    with pytest.raises(history.BadHistory) as raised:
        run(workspace, charges, decisions)
    assert (books(), [model.objects.count() for model in tables]) == before
    return [(line["file"], line["line"], line["reason"]) for line in raised.value.lines]


def test_the_worked_example_becomes_rows_as_if_it_had_been_made_here(studio: Workspace) -> None:
    result = run(studio, charges_file(*OCTOBER_CHARGES), decisions_file(*OCTOBER_DECISIONS))
    assert result == history.HistoryResult(charges=9, decisions=5, deliverables=3)
    a, c = Deliverable.objects.get(key="a"), Deliverable.objects.get(key="c")
    assert (a.state, a.board_column, a.take_count, a.drafts_used, a.heroes_used) == (
        "accepted",
        "done",
        5,
        4,
        1,
    )
    assert (c.state, c.board_column, c.accepted_at) == ("written_off", "dropped", None)
    assert a.created_at == factories.utc("2025-10-06T09:00:00")
    assert a.cost.generation == Decimal("2.2")
    assert a.cost.refinement == Decimal("0.3")
    marks = dict(Take.objects.filter(deliverable=a).values_list("number", "mark"))
    assert marks == {1: "rejected", 2: "rejected", 3: "selected", 4: "", 5: "accepted"}
    hero = Take.objects.get(deliverable=a, number=5)
    assert (hero.tier, hero.provider, hero.model) == ("cinematic", "harbour", "harbour/tide")
    assert (hero.state, hero.counted_at) == ("ready", factories.utc("2025-10-13T09:00:00"))
    assert Category.objects.get(key="social-cut").delivered_in == "hero"
    own = CatalogueModel.objects.filter(workspace=studio, imported=True)
    assert sorted(own.values_list("key", flat=True)) == ["harbour/polish", "harbour/tide", "lantern/glow"]
    assert checks.problems() == []


def test_the_same_files_again_change_nothing(studio: Workspace) -> None:
    files = charges_file(*OCTOBER_CHARGES), decisions_file(*OCTOBER_DECISIONS)
    run(studio, *files)
    before = books()
    assert run(studio, *files) == history.HistoryResult(0, 0, 0)
    assert books() == before
    assert Event.objects.filter(kind="history.imported").count() == 1


def test_columns_may_stand_in_any_order(studio: Workspace) -> None:
    lines = charges_file(FIRST).splitlines()
    turned = "\n".join(",".join(reversed(line.split(","))) for line in lines)
    assert run(studio, turned).charges == 1


def test_a_later_file_goes_on_where_the_first_ended(studio: Workspace) -> None:
    run(studio, charges_file(FIRST), decisions_file(ACCEPT))
    late = charge(2, "2025-10-20T09:00:00Z", "a", "1", "0.30", stage="refinement")
    early = charge(3, "2025-10-06T10:00:00Z", "a", "2", "0.07")
    back = decision("2025-11-03T09:00:00Z", "a", "1", "reverse")
    run(studio, charges_file(late, early, refund(4, "2025-11-04T09:00:00Z", FIRST)), decisions_file(back))
    october = audit.month_document(workspace=studio, month="2025-10")
    assert october["totals"]["cash"] == "0.12000000"
    assert october["bridge"] == {
        "cash": "0.12000000",
        "late": "0.30000000",
        "shared": "0.00000000",
        "carried_back": "0.00000000",
    }
    november = audit.month_document(workspace=studio, month="2025-11")
    assert november["bridge"]["carried_back"] == "0.42000000"
    assert november["roll_forward"]["closing_wip"] == "0.37000000"
    for month in ("2025-10", "2025-11"):
        assert audit.roll_forward_check(studio, month).holds
    assert checks.problems() == []


def test_a_foreign_charge_is_rounded_once_half_even(studio: Workspace) -> None:
    row = charge(1, AT, "a", "1", "0.00000005", currency="USD", rate="0.5")
    run(studio, charges_file(row, charge(2, AT, "a", "2", "0.00000003", currency="USD", rate="0.5")))
    assert sorted(Entry.objects.values_list("amount", flat=True)) == [Decimal("2E-8"), Decimal("2E-8")]


def test_a_failure_makes_no_entry_and_is_not_counted(studio: Workspace) -> None:
    run(
        studio,
        charges_file(
            charge(1, AT, "a", "1", "0", charge="failed"),
            charge(2, AT, "a", "2", "0.04", charge="failed_charged"),
        ),
    )
    failed, charged = Take.objects.order_by("number")
    assert (failed.state, failed.counted_at, failed.failed_charged) == ("failed", None, False)
    assert (charged.state, charged.counted_at, charged.failed_charged) == ("failed", None, True)
    assert Entry.objects.get().failed_charged
    assert Deliverable.objects.get().drafts_used == 1


def test_logged_time_is_money_apart_from_cash(studio: Workspace) -> None:
    run(studio, charges_file(FIRST, charge(2, AT, "a", "1", "9.5", stage="time")), decisions_file(ACCEPT))
    totals = audit.month_document(workspace=studio, month="2025-10")["totals"]
    assert (totals["cash"], totals["time"], totals["cost_per_acceptable"]) == (
        "0.05000000",
        "9.50000000",
        "9.55000000",
    )


def test_unknown_people_stay_text_and_known_members_are_linked(studio: Workspace) -> None:
    member = factories.membership(studio, person=factories.person("ada@example.org"))
    people = Person.objects.count()
    run(studio, charges_file({**FIRST, "person": "ben@example.org"}), decisions_file(ACCEPT))
    assert Person.objects.count() == people
    assert (Take.objects.get().requested_by, Take.objects.get().requested_by_email) == (
        None,
        "ben@example.org",
    )
    assert Decision.objects.get().by == member.person


CHARGE_FAULTS = {
    "no id": ({"id": ""}, "id: is empty"),
    "no offset": ({"occurred_at": "2025-10-06T09:00:00"}, "has no offset"),
    "no instant": ({"occurred_at": "soon"}, "is no instant"),
    "formula": ({"model": "=1+1"}, "begins like a formula"),
    "slash in a key": ({"campaign": "a/b"}, "is no key"),
    "campaign without project": ({"project": ""}, "project: is empty"),
    "take without phase": ({"phase": ""}, "phase: is empty"),
    "unknown phase": ({"phase": "final"}, "is none of draft, hero"),
    "take no number": ({"take": "0"}, "is no number from 1 on"),
    "take without deliverable": ({"deliverable": ""}, "there is no deliverable to belong to"),
    "no category": ({"category": ""}, "category: is empty"),
    "unknown stage": ({"stage": "polish"}, "is none of generation, control, refinement, time"),
    "unknown tier": ({"tier": "gold"}, "tier: “gold” is none of"),
    "negative": ({"amount": "-1"}, "is no amount from 0 on"),
    "no amount": ({"amount": ""}, "amount: is empty"),
    "too large": ({"amount": "999999999999", "currency": "USD", "rate": "9"}, "more than the books hold"),
    "foreign without rate": ({"currency": "USD"}, "USD needs its rate in EUR"),
    "rate of nothing": ({"currency": "USD", "rate": "0"}, "is no rate above 0"),
    "unknown word": ({"charge": "paid"}, "is none of charged, refunded, failed_charged, failed"),
    "failed with amount": ({"charge": "failed"}, "a failure without a charge costs 0"),
    "refunds of a charge": ({"refunds": "x"}, "only a row “refunded” gives a charge back"),
    "refund of nothing": ({"charge": "refunded"}, "name the id of the charge"),
    "refund of unknown": ({"charge": "refunded", "refunds": "x"}, "there is no charge x"),
    "model without provider": ({"provider": ""}, "provider: is empty"),
}


@pytest.mark.parametrize(("cells", "reason"), CHARGE_FAULTS.values(), ids=CHARGE_FAULTS)
def test_a_bad_charge_is_named_and_nothing_changes(
    studio: Workspace, cells: dict[str, str], reason: str
) -> None:
    sound = charge(2, AT, "b", "1", "0.05")
    ((file, line, said),) = bad(studio, charges_file(sound, {**FIRST, **cells}))
    assert (file, line) == ("charges", 3)
    assert reason in said


AGAINST_OTHERS = {
    "same id, other content": ([{**FIRST, "amount": "1"}], "stands in line 2 with other content"),
    "two categories": ([charge(2, AT, "a", "2", "1", category="film")], "conflicts with social-cut"),
    "two phases": ([charge(2, AT, "a", "1", "1", phase="hero")], "conflicts with draft of the same take"),
    "refund in part": ([{**refund(2, AT, FIRST), "amount": "0.04"}], "given back whole"),
    "refund elsewhere": ([{**refund(2, AT, FIRST), "tier": "budget"}], "given back whole"),
    "refund before": ([refund(2, "2025-10-05T09:00:00Z", FIRST)], "charged later than it is given back"),
    "refund of a refund": (
        [refund(2, AT, FIRST), {**refund(3, AT, FIRST), "refunds": "2"}],
        "no charge that can be given back",
    ),
    "refund twice": ([refund(2, AT, FIRST), refund(3, AT, FIRST)], "was given back already"),
}


@pytest.mark.parametrize(("rows", "reason"), AGAINST_OTHERS.values(), ids=AGAINST_OTHERS)
def test_a_charge_that_does_not_fit_the_others_is_named(
    studio: Workspace, rows: list[dict[str, str]], reason: str
) -> None:
    ((file, line, said),) = bad(studio, charges_file(FIRST, *rows))
    assert (file, line) == ("charges", 2 + len(rows))
    assert reason in said


def test_what_was_imported_before_is_held_against_a_later_file(studio: Workspace) -> None:
    run(studio, charges_file(FIRST, refund(2, AT, FIRST)), decisions_file(ACCEPT))
    lines = bad(
        studio,
        charges_file(
            {**FIRST, "amount": "1"}, refund(3, AT, FIRST), charge(4, AT, "a", "2", "1", category="film")
        ),
        decisions_file({**ACCEPT, "at": "2025-10-08T09:00:00Z"}, decision(AT, "a", "", "write_off")),
    )
    assert [(file, line) for file, line, _ in lines] == [
        ("charges", 2),
        ("charges", 3),
        ("charges", 4),
        ("decisions", 2),
        ("decisions", 3),
    ]


def test_numbers_of_live_takes_are_refused(studio: Workspace) -> None:
    project = factories.project(studio, "p")
    live = factories.deliverable(
        factories.campaign(project, "c"), "a", category=factories.category(studio, "social-cut")
    )
    factories.take(live)
    ((_, line, said),) = bad(studio, charges_file(FIRST))
    assert line == 2
    assert "made here" in said


DECISION_FAULTS = {
    "unknown deliverable": ([{**ACCEPT, "deliverable": "z"}], "no charge names p/c/z"),
    "unknown take": ([{**ACCEPT, "take": "9"}], "no charge names take 9"),
    "before the first row": ([{**ACCEPT, "at": "2025-10-06T08:59:59Z"}], "before the first row"),
    "no word": ([{**ACCEPT, "decision": "approve"}], "is none of select"),
    "accept without take": ([{**ACCEPT, "take": ""}], "take: is empty; accept names one"),
    "write-off of a take": ([{**ACCEPT, "decision": "write_off"}], "written off as a whole"),
    "accepted twice": ([ACCEPT, LATER], "is signed off already"),
    "reject in force": ([ACCEPT, {**LATER, "decision": "reject"}], "reverse that first"),
    "nothing to reverse": ([{**ACCEPT, "decision": "reverse"}], "is not signed off"),
    "no write-off to reverse": ([{**ACCEPT, "decision": "reverse", "take": ""}], "is not written off"),
    "campaign with a deliverable": ([{**ACCEPT, "decision": "end_campaign"}], "ended as a whole"),
}


@pytest.mark.parametrize(("rows", "reason"), DECISION_FAULTS.values(), ids=DECISION_FAULTS)
def test_a_bad_decision_is_named_and_nothing_changes(
    studio: Workspace, rows: list[dict[str, str]], reason: str
) -> None:
    ((file, line, said),) = bad(studio, charges_file(FIRST), decisions_file(*rows))
    assert (file, line) == ("decisions", 1 + len(rows))
    assert reason in said


FILES = {
    "latin-1": ("id,café\n".encode("latin-1"), "not UTF-8"),
    "empty": (b"", "the file is empty"),
    "no text": (b"\x00\x01", "no text file"),
    "missing column": (charges_file(FIRST).replace("stage,", "", 1).encode(), "columns are missing: stage"),
    "repeated column": (
        charges_file(FIRST).replace("tier,", "phase,", 1).encode(),
        "stand there twice: phase",
    ),
    "unknown column": (charges_file(FIRST).replace("rate,", "ratte,", 1).encode(), "unknown columns: ratte"),
    "short line": (charges_file(FIRST).encode() + b"1,2\n", "2 cells, the header has 19"),
}


@pytest.mark.parametrize(("content", "reason"), FILES.values(), ids=FILES)
def test_a_file_that_cannot_be_read_says_why(studio: Workspace, content: bytes, reason: str) -> None:
    with pytest.raises(history.BadHistory) as raised:
        history.import_history(
            workspace=studio,
            charges=io.BytesIO(content),
            decisions=io.BytesIO(decisions_file().encode()),
            by=None,
        )
    assert any(reason in line["reason"] for line in raised.value.lines)
    assert not Entry.objects.exists()


def test_every_bad_line_of_both_files_is_named_at_once(studio: Workspace) -> None:
    lines = bad(
        studio,
        charges_file({**FIRST, "amount": "x", "tier": "gold"}, charge(2, AT, "b", "1", "1", stage="")),
        decisions_file({**ACCEPT, "decision": "love"}),
    )
    assert [(file, line) for file, line, _ in lines] == [("charges", 2), ("charges", 3), ("decisions", 2)]
    assert "tier" in lines[0][2]
    assert "amount" in lines[0][2]


def test_only_who_keeps_the_books_imports(studio: Workspace) -> None:
    with pytest.raises(MissingRight):
        run(studio, charges_file(FIRST), by=factories.membership(studio, "manager"))
    assert not Entry.objects.exists()


def test_queries_do_not_grow_with_the_rows(studio: Workspace) -> None:
    def queries(first: int, count: int) -> int:
        rows = [
            charge(first + i, AT, f"d{first + i}", "1", "0.05", **({} if i % 2 else HERO))
            for i in range(count)
        ]
        with CaptureQueriesContext(connection) as found:
            run(studio, charges_file(*rows))
        return len(found)

    queries(1, 10)
    assert queries(100, 20) == queries(200, 40)


def test_a_large_history_is_staged_and_a_worker_applies_it(
    studio: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_jobs, "AT_ONCE", 5)
    by = factories.membership(studio, "finance")
    files = [charges_file(*OCTOBER_CHARGES), decisions_file(*OCTOBER_DECISIONS)]
    job = history_jobs.submit(
        workspace=studio,
        charges=io.BytesIO(files[0].encode()),
        decisions=io.BytesIO(files[1].encode()),
        by=by,
    )
    assert isinstance(job, HistoryJob)
    assert (job.state, job.rows_total) == ("staged", 14)
    assert not Entry.objects.exists()
    assert history_jobs.run_waiting() == 1
    job.refresh_from_db()
    assert (job.state, job.rows_done) == ("done", 14)
    assert job.answer == {"charges": 9, "decisions": 5, "deliverables": 3}
    assert history_jobs.run_waiting() == 0


def test_a_large_history_with_bad_lines_is_refused_with_all_of_them(
    studio: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_jobs, "AT_ONCE", 0)
    by = factories.membership(studio, "finance")
    content = charges_file({**FIRST, "amount": "x"}).encode()
    job = history_jobs.submit(
        workspace=studio, charges=io.BytesIO(content), decisions=io.BytesIO(decisions_file().encode()), by=by
    )
    history_jobs.run_waiting()
    assert isinstance(job, HistoryJob)
    job.refresh_from_db()
    assert job.state == "refused"
    assert [line["line"] for line in job.errors] == [2]
    assert not Entry.objects.exists()


def test_the_command_imports_and_the_audit_is_printed(
    studio: Workspace, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "charges.csv").write_text(charges_file(*OCTOBER_CHARGES))
    (tmp_path / "decisions.csv").write_text(decisions_file(*OCTOBER_DECISIONS))
    call_command("import_history", "studio", tmp_path / "charges.csv", tmp_path / "decisions.csv")
    assert "9 charges and 5 decisions imported, 3 deliverables created." in capsys.readouterr().out
    call_command("audit", "2025-10", "--workspace", "studio", "--format", "csv", "--by", "phase")
    assert capsys.readouterr().out.splitlines()[1].startswith("draft,Draft,0,4,")
    with pytest.raises(CommandError, match="There is no workspace nowhere"):
        call_command("audit", "2025-10", "--workspace", "nowhere")
