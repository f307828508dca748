"""Transactions of many rows: quick, and guarded as ever."""

from __future__ import annotations

import io

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from generation import history
from projects import bulk, decisions
from projects.identifiers import new_id
from projects.models import Decision, Take
from tests import factories
from tests.billing import written
from tests.cast import Cast

pytestmark = pytest.mark.django_db


def skipped() -> list[str]:
    """Which triggers are to be skipped; without an answer the question itself is refused."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('pgtrigger.ignore')::text[]")
        (names,) = cursor.fetchone()
    return list(names)


def test_no_trigger_has_to_search_for_an_answer() -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        skipped()
    bulk.prepare()
    assert skipped() == []


def test_an_import_is_prepared() -> None:
    history.import_history(
        workspace=factories.workspace("studio"),
        charges=io.BytesIO(written.charges_file(*written.OCTOBER_CHARGES).encode()),
        decisions=io.BytesIO(written.decisions_file().encode()),
        by=None,
    )
    assert skipped() == []


def test_guards_stay_on(cast: Cast) -> None:
    bulk.prepare()
    take = factories.take(cast.deliverable, state="ready")
    row = decisions.record(deliverable=cast.deliverable, take=take, decision="accept", by=cast.manager.person)
    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        Decision.objects.filter(pk=row.pk).update(note="another")
    with pytest.raises(DatabaseError, match="grammar of decisions"), transaction.atomic():
        Decision.objects.create(
            workspace=cast.workspace, campaign=cast.deliverable.campaign, deliverable=cast.deliverable,
            take=take, decision="accept", at=timezone.now(),
        )  # fmt: skip


def cells(take: Take) -> dict[str, object]:
    """All that a row says but which one it is."""
    return {
        field.attname: getattr(take, field.attname)
        for field in Take._meta.local_concrete_fields
        if field.attname not in ("id", "number")
    }


def test_a_row_without_an_object_says_what_one_made_by_itself_does(cast: Cast) -> None:
    said = {"workspace": cast.workspace, "deliverable": cast.deliverable, "phase": "draft"}
    at = timezone.now()
    usual = Take.objects.create(number=1, requested_at=at, **said)
    pk = new_id()
    bulk.insert_like(Take(**said), ("id", "number", "requested_at"), [(pk, 2, at)])
    found = Take.objects.get(pk=pk)
    usual.refresh_from_db()
    assert (found.number, cells(found)) == (2, cells(usual))


def test_rows_of_objects_are_written_with_the_number_and_the_stamp_of_each(cast: Cast) -> None:
    take = factories.take(cast.deliverable, state="ready")
    own = {
        "workspace": cast.workspace,
        "campaign": cast.deliverable.campaign,
        "deliverable": cast.deliverable,
    }
    now = timezone.now()
    bulk.insert(Decision, [Decision(sequence=7_000, take=take, decision="reject", at=now, **own)])
    row = Decision.objects.get(sequence=7_000)
    assert (row.decision, row.at, row.reasons) == ("reject", now, [])
    assert row.recorded_at is not None


def test_a_column_that_there_is_not_is_no_row(cast: Cast) -> None:
    with pytest.raises(ValueError, match="no columns of Take"):
        bulk.insert_like(Take(workspace=cast.workspace), ("id", "weather"), [(new_id(), "rain")])
    assert not Take.objects.filter(workspace=cast.workspace).exists()
