"""Transactions of many rows: quick, and guarded as ever."""

from __future__ import annotations

import io

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from generation import history
from projects import bulk, decisions
from projects.models import Decision
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
