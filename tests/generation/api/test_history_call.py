"""A history above 50,000 rows is answered 202 with a job, which anybody of the workspace may look at."""

from __future__ import annotations

import pytest

from billing.models import Entry
from generation import history_jobs
from generation.models import HistoryJob
from tests.generation.api.conftest import Call, problem
from tests.generation.api.test_money import CHARGES, files


@pytest.fixture(autouse=True)
def _everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_jobs, "AT_ONCE", 2)


def test_a_large_history_is_a_job_that_can_be_asked_about_until_it_is_done(as_: Call) -> None:
    answer = as_("finance").send("history/", files())
    job = answer.json()
    assert (answer.status_code, job["state"], job["rows_total"], job["rows_done"]) == (202, "staged", 3, 0)
    assert (job["answer"], job["errors"], job["ended_at"]) == (None, [], None)
    assert Entry.objects.count() == 0
    path = f"history/{job['id']}/"
    assert as_("viewer").get(path).json() == job
    history_jobs.run_waiting()
    done = as_("viewer").get(path).json()
    assert (done["state"], done["rows_done"]) == ("done", 3)
    assert done["answer"] == {"charges": 2, "decisions": 1, "deliverables": 1}
    assert done["ended_at"].endswith("Z")


def test_a_large_history_with_bad_lines_ends_refused_with_all_of_them(as_: Call) -> None:
    bad = CHARGES + "c3,yesterday,old,spring,A,film,3,draft,budget,fal,x,generation,1,EUR,charged,\n"
    job = as_("finance").send("history/", files(bad)).json()
    history_jobs.run_waiting()
    found = as_("finance").get(f"history/{job['id']}/").json()
    assert (found["state"], found["answer"]) == ("refused", None)
    assert [(line["file"], line["line"]) for line in found["errors"]] == [("charges", 4)]
    assert Entry.objects.count() == 0


def test_a_job_of_another_workspace_is_not_there(as_: Call) -> None:
    job = as_("finance").send("history/", files()).json()
    problem(as_("stranger").get(f"history/{job['id']}/"), 404)
    problem(as_("producer").send("history/", files()), 403)
    assert HistoryJob.objects.count() == 1
