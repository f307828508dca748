"""The pages of a close: from the checklist to the frozen month, for two people, and the year beside it."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing import sampling, seals
from billing.models import MonthClose, SealedDay
from generation import history
from projects.models import Membership
from projects.problems import BadLines
from tests import factories
from tests.billing import written
from tests.cast import Cast
from tests.factories import utc
from tests.generation.pages import signed_in, text

MONTH = "/w/studio/month/2025-10/"
CLOSE = f"{MONTH}close/"
OCTOBER = written.OCTOBER_CHARGES


@pytest.fixture
def october(cast: Cast) -> Cast:
    """The worked example: September and October 2025."""
    history.import_history(
        workspace=cast.workspace,
        charges=io.BytesIO(
            written.charges_file(*written.OCTOBER_CHARGES, *written.SEPTEMBER_CHARGES).encode()
        ),
        decisions=io.BytesIO(
            written.decisions_file(*written.OCTOBER_DECISIONS, *written.SEPTEMBER_DECISIONS).encode()
        ),
        by=None,
    )
    return cast


@pytest.fixture
def second(cast: Cast) -> Membership:
    return factories.membership(cast.workspace, "finance", person=factories.person("second@example.com"))


def take_steps(client: Client, cast: Cast) -> None:
    """Everything before the signatures."""
    post(client, "begin")
    if "I have read the exceptions" in text(client, CLOSE):
        post(client, "read")
    for provider in providers(client):
        post(client, "provider", provider=provider, settlement="usage", note="Its export: equal.")
    for looked in sampling.sample(cast.workspace, "2025-10"):
        post(client, "sample", take=str(looked.take.pk), agrees="yes")


def post(client: Client, step: str, status: int = 302, **said: str) -> str:
    answer = client.post(f"{CLOSE}{step}/", said)
    assert answer.status_code == status, answer.content.decode()[-3000:]
    return answer.content.decode()


def providers(client: Client) -> list[str]:
    page = text(client, CLOSE)
    return [part.partition('"')[0] for part in page.split('name="provider" value="')[1:]]


def test_finance_closes_a_month_with_a_second_person(october: Cast, second: Membership) -> None:
    first, other = signed_in(october.finance), signed_in(second)
    assert "Put under review" in text(first, CLOSE)
    take_steps(first, october)
    post(first, "sign")
    assert "first signature" in post(first, "close", 409)
    post(other, "close")
    page = text(other, CLOSE)
    assert "As closed and as restated" in page
    assert MonthClose.objects.get().digest in page
    assert "Closed" in text(first, MONTH)
    year = text(first, "/w/studio/year/2025/")
    assert "October 2025" in year
    assert "Closed" in year


def test_what_is_missing_is_said_on_the_page(october: Cast) -> None:
    client = signed_in(october.finance)
    assert "is not under review" in post(client, "sign", 409)
    post(client, "begin")
    refused = post(client, "sign", 409)
    assert "have not been looked at" in refused
    assert "Choose one of" in post(client, "provider", 422, provider="fal", settlement="maybe")
    assert "expected_on" in post(client, "provider", 422, settlement="not_invoiced", expected_on="2025-13-40")
    assert "sample" in post(client, "sample", 422, take="nonsense", agrees="yes")
    assert client.post(f"{CLOSE}other/").status_code == 404
    assert client.get("/w/studio/month/2025-13/close/").status_code == 404


def test_only_finance_takes_steps_and_strangers_find_nothing(october: Cast) -> None:
    for role in ("producer", "manager", "reviewer", "viewer"):
        client = signed_in(october.by_role[role])
        page = text(client, CLOSE)
        assert "Put under review" not in page, role
        assert client.post(f"{CLOSE}begin/").status_code == 403, role
    assert signed_in(october.stranger).get(CLOSE).status_code == 404
    assert signed_in(october.stranger).post(f"{CLOSE}begin/").status_code == 404


def test_the_number_of_queries_does_not_grow_with_the_sample(october: Cast) -> None:
    client = signed_in(october.finance)
    text(client, CLOSE)
    with CaptureQueriesContext(connection) as few:
        text(client, CLOSE)
    more = [{**row, "id": f"again-{row['id']}", "deliverable": f"{row['deliverable']}2"} for row in OCTOBER]
    decided = [{**row, "deliverable": f"{row['deliverable']}2"} for row in written.OCTOBER_DECISIONS]
    history.import_history(
        workspace=october.workspace,
        charges=io.BytesIO(written.charges_file(*more).encode()),
        decisions=io.BytesIO(written.decisions_file(*decided).encode()),
        by=None,
    )
    text(client, CLOSE)
    with CaptureQueriesContext(connection) as many:
        text(client, CLOSE)
    assert len(sampling.sample(october.workspace, "2025-10")) == 2
    assert len(many) <= len(few)


def test_a_history_dated_into_a_closed_month_is_refused_line_by_line(
    october: Cast, second: Membership
) -> None:
    first = signed_in(october.finance)
    take_steps(first, october)
    post(first, "sign")
    post(signed_in(second), "close")
    late = {**written.OCTOBER_CHARGES[6], "id": "late"}
    with pytest.raises(BadLines) as refused:
        history.import_history(
            workspace=october.workspace,
            charges=io.BytesIO(written.charges_file(*OCTOBER, late).encode()),
            decisions=io.BytesIO(written.decisions_file().encode()),
            by=None,
        )
    assert [line["line"] for line in refused.value.lines] == [len(OCTOBER) + 2]
    assert "lies in a month that is closed" in str(refused.value.lines)


def test_a_sealed_ledger_is_proven_and_a_changed_row_found(october: Cast) -> None:
    assert seals.seal_due(now=utc("2100-01-02T12:00:00")) == 1
    assert seals.seal_due(now=utc("2100-01-02T12:00:00")) == 0
    row = SealedDay.objects.get()
    assert row.entries > 5
    call_command("verify_ledger")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE billing_entry DISABLE TRIGGER USER")
        cursor.execute("UPDATE billing_entry SET note = 'x' WHERE kind = 'charge'")
        cursor.execute("ALTER TABLE billing_entry ENABLE TRIGGER USER")
    with pytest.raises(CommandError, match="not those that were sealed"):
        call_command("verify_ledger")
