"""Exports that are made in the background: asked for once, restarted, given up, forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.utils import timezone

from billing.exports import files, jobs
from billing.models import ExportJob
from generation import workers
from tests import factories
from tests.billing import written
from tests.billing.exports.test_export_pages import MONTH, body, by_api
from tests.billing.exports.test_workbook import imported
from tests.billing.exports.workbooks import Workbook
from tests.cast import Cast
from tests.generation.pages import everybody, signed_in, statuses, text


@pytest.fixture
def october(cast: Cast) -> Cast:
    charges = written.charges_file(*written.OCTOBER_CHARGES, *written.SEPTEMBER_CHARGES)
    decisions = written.decisions_file(*written.OCTOBER_DECISIONS, *written.SEPTEMBER_DECISIONS)
    imported(cast.workspace, charges, decisions)
    return cast


@pytest.fixture
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if eight entries were many."""
    monkeypatch.setattr(jobs, "DIRECT_ROWS", 7)


def made(month: str = "2025-10") -> ExportJob:
    return ExportJob.objects.get(month=month)


def test_a_long_workbook_is_made_in_the_background_once(october: Cast, long: None, tmp_path: Path) -> None:
    client = signed_in(october.viewer)
    address = client.get(f"{MONTH}exports/xlsx/")["Location"]
    assert client.get(f"{MONTH}exports/xlsx/")["Location"] == address
    assert "Waiting" in text(client, address)
    assert client.get(f"{address}file/").status_code == 404
    assert (jobs.waiting(now=timezone.now()), jobs.run_waiting(), jobs.run_waiting()) == (1, 1, 0)
    job = made()
    assert (job.state, job.rows_done, job.attempts) == ("done", 8, 1)
    assert f"{address}file/" in text(client, address)
    file = tmp_path / "month.xlsx"
    file.write_bytes(body(client.get(f"{address}file/")))
    assert Workbook(file).titles[0] == "Month"
    assert client.get(f"{MONTH}exports/xlsx/")["Location"] == address


def test_the_api_says_how_far_it_is_and_then_gives_the_file(october: Cast, long: None) -> None:
    answer: Any = by_api(october.viewer, "format=xlsx")
    assert (answer.status_code, answer["Retry-After"]) == (202, "5")
    assert {name: answer.json()[name] for name in ("state", "rows_total", "rows_done", "form")} == {
        "state": "waiting",
        "rows_total": 8,
        "rows_done": 0,
        "form": "xlsx",
    }
    jobs.run_waiting()
    done = by_api(october.viewer, "format=xlsx")
    assert (done.status_code, body(done)[:2]) == (200, b"PK")


def test_a_strangers_job_is_not_there(october: Cast, long: None) -> None:
    address = signed_in(october.viewer).get(f"{MONTH}exports/xlsx/")["Location"]
    other = factories.membership(factories.workspace("third"), "finance")
    assert signed_in(other).get(address).status_code == 404
    assert signed_in(other).get(address.replace("/studio/", "/third/")).status_code == 404
    assert statuses(october, address) == everybody(october)


def test_a_process_that_died_leaves_a_job_that_is_taken_up_again_and_given_up_at_last(
    october: Cast, long: None
) -> None:
    signed_in(october.viewer).get(f"{MONTH}exports/xlsx/")
    for attempts in (1, 2, 3):
        job = jobs._leased(timezone.now())
        assert job is not None
        assert job.attempts == attempts
        assert jobs.waiting(now=timezone.now()) == 0
        ExportJob.objects.update(leased_until=timezone.now() - jobs.LEASE)
    assert jobs.run_waiting() == 1
    assert (made().state, made().said) == ("failed", "Making it was interrupted 3 times. Ask again.")


def test_files_go_after_a_week(october: Cast, long: None) -> None:
    signed_in(october.viewer).get(f"{MONTH}exports/xlsx/")
    jobs.run_waiting()
    name, now = made().file_name, timezone.now()
    assert (jobs.forget_old(now=now + jobs.KEPT / 2), default_storage.exists(name)) == (0, True)
    assert (jobs.forget_old(now=now + jobs.KEPT * 2), default_storage.exists(name)) == (1, False)
    assert ExportJob.objects.count() == 0


def test_a_process_that_is_asked_to_end_gives_its_job_back(
    october: Cast, long: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(**_: Any) -> None:
        raise jobs.Stopped

    signed_in(october.viewer).get(f"{MONTH}exports/xlsx/")
    with monkeypatch.context() as patched:
        patched.setattr(files, "workbook_file", stopped)
        with pytest.raises(jobs.Stopped):
            jobs.run_waiting()
    assert (made().state, made().attempts, made().leased_until) == ("waiting", 0, None)
    assert jobs.run_waiting() == 1


def test_a_month_that_does_not_fit_says_so_and_what_to_take_instead(
    october: Cast, long: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billing.exports.book.MOST_ROWS", 3)
    client = signed_in(october.viewer)
    address = client.get(f"{MONTH}exports/xlsx/")["Location"]
    jobs.run_waiting()
    assert made().state == "failed"
    page = text(client, address)
    assert "holds 3 rows at most" in page
    assert "Export the month as FOCUS" in page
    assert "Make it again" in page


def test_the_supervisor_wants_the_process_while_a_file_waits(october: Cast, long: None) -> None:
    program = next(one for one in workers.programs() if one.name == "exports")
    assert program.wanted is not None
    assert program.wanted() is False
    signed_in(october.viewer).get(f"{MONTH}exports/xlsx/")
    assert program.wanted() is True
    call_command("exports")
    assert (program.wanted(), made().state) == (False, "done")


def test_progress_is_seen_while_the_snapshot_is_still_open(committed: None) -> None:
    workspace = factories.workspace("apart")
    job = ExportJob.objects.create(
        workspace=workspace, month="2025-10", form="xlsx", rows_total=10, requested_at=timezone.now()
    )
    progress = jobs._Progress(job)
    progress.say(4)
    assert made().rows_done == 4
    progress.say(6)  # within the second
    assert made().rows_done == 4
    progress.close()
