"""Days of the pots: kept with every booking, added up without a change, checked against the entries."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest
from django.utils import timezone

from billing import pot_days
from billing.models import PotDay
from generation import history
from projects.models import Workspace
from tests import factories
from tests.billing import written
from tests.factories import utc

pytestmark = pytest.mark.django_db


@pytest.fixture
def studio(db: None) -> Workspace:
    workspace = factories.workspace("studio")
    charges = (
        written.charges_file(*written.OCTOBER_CHARGES),
        written.decisions_file(*written.OCTOBER_DECISIONS),
    )
    files = [io.BytesIO(text.encode()) for text in charges]
    history.import_history(workspace=workspace, charges=files[0], decisions=files[1], by=None)
    return workspace


def content(workspace: Workspace, at: str) -> dict[str, Decimal]:
    found = pot_days.content(workspace=workspace, at=utc(at))
    return {account: amount for account, amount in found.items() if amount}


def test_the_content_of_the_pots_is_exact_at_any_instant_of_a_day(studio: Workspace) -> None:
    assert content(studio, "2025-10-13T09:00:00") == {
        "written_off": Decimal("0.05"),
        "wip": Decimal("0.2"),
        "spent": Decimal("0.25"),
    }
    assert content(studio, "2025-10-13T09:00:01")["wip"] == Decimal("2.2")
    assert content(studio, "2025-10-14T12:00:01") == {
        "written_off": Decimal("0.05"),
        "accepted": Decimal("2.5"),
        "spent": Decimal("2.55"),
    }


def test_adding_rows_up_changes_no_sum_and_leaves_one_a_day_and_account(studio: Workspace) -> None:
    more = written.charges_file(written.charge(40, "2025-10-13T10:00:00Z", "b", "9", "0.5"))
    history.import_history(
        workspace=studio,
        charges=io.BytesIO(more.encode()),
        decisions=io.BytesIO(written.decisions_file().encode()),
        by=None,
    )
    before = content(studio, "2025-12-01T00:00:00")
    assert pot_days.compact(now=timezone.now()) > 0
    assert content(studio, "2025-12-01T00:00:00") == before
    keys = list(PotDay.objects.values_list("workspace", "day", "account"))
    assert len(keys) == len(set(keys))
    assert pot_days.compact(now=timezone.now()) == 0


def test_a_wrong_day_is_named_and_a_rebuild_mends_it(studio: Workspace) -> None:
    assert pot_days.problems() == []
    PotDay.objects.filter(account="accepted").update(amount=Decimal("2.4"))
    assert pot_days.problems() == ["accepted on 2025-10-14: kept as 2.40000000, the entries say 2.50000000."]
    pot_days.rebuild()
    assert pot_days.problems() == []
