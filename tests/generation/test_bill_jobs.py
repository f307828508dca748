"""Large bills: a process of their own imports them whole and once, whatever becomes of it."""

from __future__ import annotations

import datetime
import multiprocessing
import os
import signal
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from billing.invoices import imports, reconcile
from billing.models import Difference, Invoice, InvoiceLine, InvoiceUpload, LineMatch
from generation import bill_jobs, workers
from generation.history_jobs import Stopped
from projects.access import MissingRight
from tests import factories
from tests.billing import invoicing
from tests.billing.booking import NOON
from tests.billing.invoicing import entry, file, line
from tests.cast import Cast, make_cast
from tests.generation.pages import signed_in, text

WHOLE = {"Invoice": 1, "InvoiceLine": 12, "LineMatch": 10, "Difference": 4}
NOTHING = dict.fromkeys(WHOLE, 0)


@pytest.fixture(autouse=True)
def _everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "AT_ONCE", 5)
    monkeypatch.setattr(imports, "LOOKED_AT", 3)
    monkeypatch.setattr(imports, "BATCH", 4)


def booked(cast: Cast) -> None:
    row, take = invoicing.price_row(cast.finance), factories.take(cast.deliverable)
    invoicing.book(take, [entry(take, f"job-{n}", NOON, "0.05", row) for n in range(10)])


def bill_of_twelve() -> bytes:
    """Ten jobs, two of them dearer; one that nobody knows, and one of them twice."""
    rows = [line(f"job-{n}", cost="0.06" if n < 2 else "0.05") for n in range(10)]
    return file([*rows, line("job-lost"), line("job-3")])


def kept(cast: Cast, content: bytes = b"", **said: Any) -> InvoiceUpload:
    made: InvoiceUpload = InvoiceUpload.objects.create(
        workspace=cast.workspace,
        provider="fal",
        month="2026-10",
        source="invoice",
        file_name="fal.csv",
        content=content or bill_of_twelve(),
        uploaded_by=cast.finance.person,
        uploaded_at=timezone.now(),
        **said,
    )
    return made


def counts() -> dict[str, int]:
    return {model.__name__: model.objects.count() for model in (Invoice, InvoiceLine, LineMatch, Difference)}


def page_of(row: InvoiceUpload) -> str:
    return f"/w/studio/invoices/uploads/{row.pk}/"


def test_a_large_bill_is_looked_at_asked_for_and_followed_to_its_end(cast: Cast) -> None:
    booked(cast)
    row, client = kept(cast), signed_in(cast.finance)
    assert "About 12 lines, of which the first" in " ".join(text(client, page_of(row)).split())
    for _ in range(2):  # the second click finds it under way
        assert client.post(page_of(row)).status_code in (302, 200)
    assert counts() == NOTHING
    assert "Waits for its turn" in text(client, page_of(row))
    assert (
        'hx-trigger="every 2s"' in client.get(page_of(row), headers={"HX-Request": "true"}).content.decode()
    )
    assert workers._history_waits()
    assert (bill_jobs.run_waiting(), bill_jobs.run_waiting()) == (1, 0)
    assert counts() == WHOLE
    page = text(client, page_of(row))
    assert "12 lines imported; 4 differences found." in page
    assert "every 2s" not in page
    row.refresh_from_db()
    assert (bytes(row.content), row.state, row.lines_done) == (b"", "done", 12)


def test_the_same_file_again_brings_nothing(cast: Cast) -> None:
    booked(cast)
    for _ in range(2):
        bill_jobs.submit(kept=kept(cast), by=cast.finance)
        bill_jobs.run_waiting()
    assert counts() == WHOLE
    assert [row.answer for row in InvoiceUpload.objects.order_by("uploaded_at")] == [
        {"lines": 12, "known": 0, "differences": 4},
        {"lines": 0, "known": 12, "differences": 0},
    ]


def test_bad_lines_far_down_refuse_the_whole_file_and_are_named(cast: Cast) -> None:
    booked(cast)
    row = kept(cast, bill_of_twelve() + b"job-x,flux,yesterday,1,image,0.05,USD,,,\n")
    bill_jobs.submit(kept=row, by=cast.finance)
    assert bill_jobs.run_waiting() == 1
    assert counts() == NOTHING
    page = text(signed_in(cast.finance), page_of(row))
    assert "Nothing was imported." in page
    assert "Line 14: service_at: “yesterday” is no instant" in page


def test_who_may_not_keep_the_books_or_has_left_brings_nothing(cast: Cast) -> None:
    row = kept(cast)
    with pytest.raises(MissingRight):
        bill_jobs.submit(kept=row, by=cast.manager)
    assert not bill_jobs.submit(kept=row, by=factories.membership(factories.workspace("else"), "finance"))
    bill_jobs.submit(kept=row, by=cast.finance)
    cast.finance.delete()
    bill_jobs.run_waiting()
    row.refresh_from_db()
    assert (row.state, counts()) == ("refused", NOTHING)


def test_a_stop_in_good_order_lets_it_wait_as_if_untouched(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    booked(cast)
    row = kept(cast)
    bill_jobs.submit(kept=row, by=cast.finance)

    def stop(**_: Any) -> int:
        raise Stopped

    monkeypatch.setattr(reconcile, "compare", stop)
    with pytest.raises(Stopped):
        bill_jobs.run_waiting()
    row.refresh_from_db()
    assert (row.state, row.attempts, row.leased_until, counts()) == ("waits", 0, None, NOTHING)


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    ("place", "left"),
    [("_write_lines", NOTHING), ("_invoice", NOTHING), ("reconcile.compare", NOTHING), ("Imported", WHOLE)],
)
def test_a_killed_process_leaves_all_or_nothing_and_the_next_ends_it(
    committed: None, monkeypatch: pytest.MonkeyPatch, place: str, left: dict[str, int]
) -> None:
    cast = make_cast()
    booked(cast)
    row = kept(cast)
    bill_jobs.submit(kept=row, by=cast.finance)
    connections.close_all()  # a forked process must not speak on its parent's connection
    with monkeypatch.context() as patch:
        owner, _, name = f"billing.invoices.imports.{place}".rpartition(".")
        patch.setattr(f"{owner}.{name}", die)
        process = multiprocessing.get_context("fork").Process(target=bill_jobs.run_waiting)
        process.start()
        process.join(30)
    assert process.exitcode == -signal.SIGKILL
    assert counts() == left
    assert bill_jobs.run_waiting() == 0  # its lease has not run out
    InvoiceUpload.objects.update(leased_until=timezone.now() - datetime.timedelta(seconds=1))
    assert bill_jobs.run_waiting() == 1
    row.refresh_from_db()
    assert (counts(), row.state, row.attempts) == (WHOLE, "done", 2)


def test_what_is_interrupted_again_and_again_is_given_up(cast: Cast) -> None:
    row = kept(cast, state="waits", attempts=bill_jobs.MOST_ATTEMPTS)
    assert bill_jobs.run_waiting() == 1
    row.refresh_from_db()
    assert (row.state, counts()) == ("failed", NOTHING)
