"""Large histories: a process of their own, whatever becomes of it, imports them whole and once."""

from __future__ import annotations

import dataclasses
import datetime
import io
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection, connections
from django.utils import timezone

from billing.models import Entry, ImportedCharge
from circletake.supervisor import Child, Program
from generation import history, history_jobs, history_write, lanes, workers
from generation.models import HistoryJob
from projects.access import MissingRight
from projects.models import Decision, Deliverable, Membership, Take
from tests import factories
from tests.billing.races import blocked
from tests.billing.written import OCTOBER_CHARGES, OCTOBER_DECISIONS, charges_file, decisions_file
from tests.circletake.running import wait_for

ALL = {"charges": 9, "decisions": 5, "deliverables": 3}


@pytest.fixture(autouse=True)
def _everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_jobs, "AT_ONCE", 5)


@pytest.fixture
def finance(db: None) -> Membership:
    return factories.membership(factories.workspace("books"), "finance")


def staged(by: Membership) -> HistoryJob:
    job = history_jobs.submit(
        workspace=by.workspace,
        charges=io.BytesIO(charges_file(*OCTOBER_CHARGES).encode()),
        decisions=io.BytesIO(decisions_file(*OCTOBER_DECISIONS).encode()),
        by=by,
    )
    assert isinstance(job, HistoryJob)
    return job


def counts() -> list[int]:
    tables: tuple[Any, ...] = (Entry.objects.exclude(kind="transfer"), ImportedCharge.objects)
    return [rows.count() for rows in (*tables, Decision.objects, Take.objects, Deliverable.objects)]


NOTHING, WHOLE = [0, 0, 0, 0, 0], [9, 9, 5, 8, 3]


def test_a_job_is_waited_for_run_once_and_its_files_go(finance: Membership) -> None:
    job = staged(finance)
    assert history_jobs.overdue(now=timezone.now()) == 1
    assert default_storage.exists(job.charges_name)
    assert history_jobs.run_waiting() == 1
    job.refresh_from_db()
    assert (job.state, job.answer, job.rows_done, job.leased_until) == ("done", ALL, 14, None)
    assert not default_storage.exists(job.charges_name)
    assert not default_storage.exists(job.decisions_name)
    assert history_jobs.overdue(now=timezone.now()) == 0
    assert history_jobs.run_waiting() == 0
    assert counts() == WHOLE


def test_only_who_keeps_the_books_has_a_history_staged(finance: Membership) -> None:
    manager = factories.membership(finance.workspace, "manager")
    with pytest.raises(MissingRight):
        staged(manager)
    assert HistoryJob.objects.count() == 0


def test_an_import_that_breaks_off_in_the_middle_leaves_nothing_and_begins_again(
    finance: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = staged(finance)
    write = history_write.charges

    def breaks(**said: Any) -> None:
        write(**said)
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(history_write, "charges", breaks)
        with pytest.raises(MemoryError):
            history_jobs.run_waiting()
    assert counts() == NOTHING
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("checking", 1)
    assert history_jobs.overdue(now=timezone.now()) == 0
    late = timezone.now() + history_jobs.LEASE + datetime.timedelta(seconds=1)
    assert history_jobs.overdue(now=late) == 1
    HistoryJob.objects.update(leased_until=timezone.now() - datetime.timedelta(seconds=1))
    assert history_jobs.run_waiting() == 1
    assert counts() == WHOLE


def test_a_stop_in_good_order_is_no_interruption(
    finance: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = staged(finance)

    def stopped(**said: Any) -> None:
        raise history_jobs.Stopped

    with monkeypatch.context() as patched:
        patched.setattr(history_write, "charges", stopped)
        with pytest.raises(history_jobs.Stopped):
            history_jobs.run_waiting()
    job.refresh_from_db()
    assert (job.state, job.attempts, job.leased_until, counts()) == ("staged", 0, None, NOTHING)
    assert history_jobs.run_waiting() == 1
    assert counts() == WHOLE


def test_what_is_interrupted_again_and_again_is_given_up_with_a_word(finance: Membership) -> None:
    job = staged(finance)
    HistoryJob.objects.update(attempts=history_jobs.MOST_ATTEMPTS)
    assert history_jobs.run_waiting() == 1
    job.refresh_from_db()
    assert job.state == "failed"
    assert "interrupted 3 times" in job.errors[0]["reason"]
    assert counts() == NOTHING


def test_files_that_are_gone_are_asked_for_again(finance: Membership) -> None:
    job = staged(finance)
    default_storage.delete(job.charges_name)
    history_jobs.run_waiting()
    job.refresh_from_db()
    assert (job.state, "send them again" in job.errors[0]["reason"]) == ("failed", True)


def test_while_another_process_imports_this_one_leaves_it_alone(finance: Membership) -> None:
    staged(finance)
    other = connection.copy()
    key = lanes.LOCKS["history"] * 100
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [lanes.LOCK_SPACE, key])
        assert history_jobs.run_waiting() == 0
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [lanes.LOCK_SPACE, key])
    other.close()
    assert history_jobs.run_waiting() == 1


# --- a real process, killed ---------------------------------------------------------------------------


@pytest.fixture
def committed_job(committed: None) -> HistoryJob:
    return staged(factories.membership(factories.workspace("books"), "finance"))


@dataclasses.dataclass
class Importing:
    """`manage.py histories` in the midst of its transaction: everything but the last table is written."""

    process: Any
    lock: Any

    def ends(self, signum: int) -> int:
        """Sends a signal, lets go of the table, and waits; answers the exit status."""
        os.kill(self.process.pid, signum)
        if signum == signal.SIGKILL:
            self.process.join(20)
        self.lock.rollback()
        self.process.join(20)
        return int(self.process.exitcode)


@pytest.fixture
def importing(committed_job: HistoryJob) -> Iterator[Importing]:
    connections.close_all()  # a forked process must not speak on its parent's connection
    context = multiprocessing.get_context("fork")
    locked = context.Event()

    def imported() -> None:
        locked.wait(60)
        call_command("histories")

    process = context.Process(target=imported)
    process.start()
    lock = connection.copy()
    try:
        lock.set_autocommit(False)
        with lock.cursor() as cursor:
            cursor.execute("LOCK TABLE billing_importedcharge IN EXCLUSIVE MODE")
        locked.set()
        wait_for(lambda: blocked() == 1, seconds=60, what="the import to reach its last table")
        yield Importing(process, lock)
    finally:
        process.kill()
        process.join(20)
        lock.close()


def test_a_process_killed_in_the_midst_of_it_doubles_and_loses_nothing(
    committed_job: HistoryJob, importing: Importing
) -> None:
    importing.ends(signal.SIGKILL)
    job = HistoryJob.objects.get(pk=committed_job.pk)
    assert (job.state, job.attempts) == ("applying", 1)
    assert job.rows_done == 5
    assert counts() == NOTHING
    assert history_jobs.run_waiting() == 0
    HistoryJob.objects.update(leased_until=timezone.now() - datetime.timedelta(seconds=1))
    assert history_jobs.run_waiting() == 1
    assert counts() == WHOLE
    job.refresh_from_db()
    assert (job.state, job.answer, job.attempts) == ("done", ALL, 2)
    again = history.import_history(
        workspace=job.workspace,
        charges=io.BytesIO(charges_file(*OCTOBER_CHARGES).encode()),
        decisions=io.BytesIO(decisions_file(*OCTOBER_DECISIONS).encode()),
        by=None,
    )
    assert (again.charges, again.decisions, counts()) == (0, 0, WHOLE)


def test_a_process_that_is_asked_to_end_gives_its_job_back(
    committed_job: HistoryJob, importing: Importing
) -> None:
    assert importing.ends(signal.SIGTERM) == 0
    job = HistoryJob.objects.get(pk=committed_job.pk)
    assert (job.state, job.attempts, job.leased_until) == ("staged", 0, None)
    assert counts() == NOTHING


# --- who starts it ------------------------------------------------------------------------------------


def test_the_supervisor_wants_the_process_while_a_job_waits(finance: Membership) -> None:
    program = next(one for one in workers.programs() if one.name == "histories")
    assert program.wanted is not None
    assert program.wanted() is False
    staged(finance)
    assert program.wanted() is True
    history_jobs.run_waiting()
    assert program.wanted() is False


def test_the_command_imports_what_waits_and_ends(finance: Membership) -> None:
    staged(finance)
    call_command("histories")
    assert HistoryJob.objects.get().state == "done"


def test_a_program_on_demand_starts_when_it_is_wanted_and_may_end_by_itself() -> None:
    answers = [False, True, False, False]
    program = Program("once", [sys.executable, "-c", "pass"], wanted=lambda: answers.pop(0))
    child = Child(program)
    child.watch()
    assert child.process is None
    child.not_before = 0.0
    child.watch()
    assert child.process is not None
    wait_for(child.has_ended, seconds=10, what="the program's end")
    child.watch()
    child.not_before = 0.0
    child.watch()
    assert (child.process, answers) == (None, [False])
