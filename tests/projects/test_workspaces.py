"""Settings of a workspace, and what of a deliverable may change afterwards."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from projects import work, workspaces
from projects.access import MissingRight
from projects.models import CategoryTarget, Deliverable, Event, Workspace
from projects.problems import Invalid
from tests import factories
from tests.cast import Cast

DAY = datetime.date(2026, 11, 1)


def test_only_what_changed_is_answered_and_recorded(cast: Cast) -> None:
    settings: dict[str, Any] = {"name": "Studio", "waiting_weight": Decimal("0.75")}
    assert workspaces.change_settings(by=cast.admin, **settings) == ["waiting_weight"]
    event = Event.objects.get(kind="workspace.changed")
    assert event.data == {"before": {"waiting_weight": "0.250"}, "after": {"waiting_weight": "0.75"}}
    assert workspaces.change_settings(by=cast.admin, **settings) == []
    assert Event.objects.filter(kind="workspace.changed").count() == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"currency": "USD"}, "currency"),
        ({"name": "  "}, "name"),
        ({"review_cap_minutes": 481}, "review_cap_minutes"),
        ({"waiting_weight": Decimal("1.001")}, "waiting_weight"),
        ({"doubtful_charge_limit": Decimal("-0.01")}, "doubtful_charge_limit"),
    ],
)
def test_wrong_settings_are_named_and_nothing_changes(cast: Cast, wrong: dict[str, Any], field: str) -> None:
    before = Workspace.objects.filter(pk=cast.workspace.pk).values().get()
    with pytest.raises(Invalid) as refused:
        workspaces.change_settings(by=cast.admin, time_by_person=True, **wrong)
    assert list(refused.value.errors) == [field]
    assert Workspace.objects.filter(pk=cast.workspace.pk).values().get() == before


def test_settings_categories_and_targets_need_their_rights(cast: Cast) -> None:
    with pytest.raises(MissingRight):
        workspaces.change_settings(by=cast.manager, name="Mine")
    with pytest.raises(MissingRight):
        workspaces.add_category(key="a", name="A", delivered_in="draft", by=cast.finance)
    with pytest.raises(MissingRight):
        workspaces.add_format(key="a", name="A", width=64, height=64, by=cast.producer)
    with pytest.raises(MissingRight):
        workspaces.set_target(category=cast.brand_film, amount=Decimal(1), starts_on=DAY, by=cast.admin)
    assert not CategoryTarget.objects.exists()


def test_a_target_is_of_ones_own_workspace_and_once_a_day(cast: Cast) -> None:
    theirs = factories.category(cast.stranger.workspace)
    with pytest.raises(Invalid, match="no such category"):
        workspaces.set_target(category=theirs, amount=Decimal(1), starts_on=DAY, by=cast.finance)
    for amount in (Decimal(-1), Decimal(5), Decimal(6)):
        target = {"category": cast.brand_film, "amount": amount, "starts_on": DAY}
        if amount == 5:
            workspaces.set_target(by=cast.finance, **target)
        else:
            with pytest.raises(Invalid):
                workspaces.set_target(by=cast.finance, **target)
    assert CategoryTarget.objects.get().amount == Decimal(5)


def test_a_deliverable_changes_what_was_said_and_records_both(cast: Cast) -> None:
    row = work.change_deliverable(
        deliverable=cast.deliverable, by=cast.producer, name="Opening", brief="Fog", due_on=DAY
    )
    assert (row.name, row.brief, row.due_on) == ("Opening", "Fog", DAY)
    event = Event.objects.get(kind="deliverable.changed")
    assert event.data == {
        "before": {"brief": "", "due_on": None},
        "after": {"brief": "Fog", "due_on": "2026-11-01"},
    }
    work.change_deliverable(deliverable=cast.deliverable, by=cast.producer, brief="Fog", due_on=DAY)
    assert Event.objects.filter(kind="deliverable.changed").count() == 1


def test_changes_that_may_not_be_leave_the_deliverable_alone(cast: Cast) -> None:
    before = Deliverable.objects.filter(pk=cast.deliverable.pk).values().get()
    theirs = factories.format_(cast.stranger.workspace)
    wrong: list[dict[str, Any]] = [{"key": "new"}, {"name": ""}, {"cap": 10_001}, {"format": theirs}]
    for changes in wrong:
        with pytest.raises(Invalid):
            work.change_deliverable(deliverable=cast.deliverable, by=cast.manager, brief="Fog", **changes)
    for member, changes in ((cast.viewer, {"brief": "Fog"}), (cast.producer, {"cap": 9})):
        with pytest.raises(MissingRight):
            work.change_deliverable(deliverable=cast.deliverable, by=member, **changes)
    assert Deliverable.objects.filter(pk=cast.deliverable.pk).values().get() == before
