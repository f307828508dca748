"""Who leaves a workspace leaves no batch running behind them."""

from __future__ import annotations

import pytest
from django.utils import timezone

from generation import batch_feed, batch_steering, batches, departures, lanes
from generation.models import Run
from projects.access import MissingRight
from projects.models import Batch, BatchSlot, Event, Membership, Notice, Role, Take
from projects.problems import Refused
from tests.cast import Cast
from tests.generation.matrix_rows import started
from tests.generation.pages import signed_in, text


@pytest.fixture
def batch(studio: Cast) -> Batch:
    """More than one portion, so that some of it is not made yet."""
    return started(studio, 6, 5)


def state(batch: Batch) -> tuple[str, int, int]:
    """Its state, how many takes are made, how many of their runs can be sent."""
    batch.refresh_from_db()
    made = Take.objects.filter(round__batch=batch)
    return batch.state, made.count(), Run.objects.filter(take__in=made, due_at__isnull=False).count()


def test_the_unsent_rest_of_a_leaver_s_batch_waits_for_a_manager(batch: Batch, studio: Cast) -> None:
    address = f"/w/studio/people/{studio.producer.pk}/end/"
    page = signed_in(studio.admin).post(address, follow=True).content.decode()
    assert "Batches that ran for them and are paused now: 1." in page
    assert state(batch) == ("paused", 20, 0)
    assert batch_feed.feed_all(now=timezone.now()) == 0
    assert lanes.lease_fairly(limit=50, room={}, now=timezone.now())[1] == []
    assert BatchSlot.objects.filter(batch=batch, state="waiting").count() == 10
    assert batch.paused_by == studio.admin.person
    assert Event.objects.get(kind="batch.paused").data["why"] == "Producer has left the workspace."


def test_managers_are_told_and_let_it_go_on(batch: Batch, studio: Cast) -> None:
    assert departures.end_membership(membership=studio.producer, by=studio.admin) == 1
    told = Notice.objects.filter(kind="take_waits")
    assert {row.membership_id for row in told} == {studio.manager.pk, studio.second_manager.pk}
    assert "have left the workspace" in told[0].title
    page = text(signed_in(studio.manager), f"/w/studio/batches/{batch.pk}/")
    assert "Producer, who asked for it, has left the workspace" in page
    batch_steering.go_on(batch=batch, by=studio.manager)
    assert batch_steering.keep_going(now=timezone.now()) == 10
    assert state(batch) == ("running", 30, 30)


def test_only_running_batches_of_who_leaves_are_touched(batch: Batch, studio: Cast) -> None:
    Batch.objects.filter(pk=batch.pk).update(requested_by=studio.reviewer.person)
    assert departures.end_membership(membership=studio.producer, by=studio.admin) == 0
    assert state(batch) == ("running", 20, 20)
    assert "has left the workspace" not in text(signed_in(studio.manager), f"/w/studio/batches/{batch.pk}/")
    batch_steering.pause(batch=batch, by=studio.manager)
    assert departures.end_membership(membership=studio.reviewer, by=studio.admin) == 0
    batch.refresh_from_db()
    assert batch.paused_by == studio.manager.person


def test_a_refused_departure_changes_nothing(batch: Batch, studio: Cast) -> None:
    Membership.objects.filter(pk=studio.producer.pk).update(roles=[Role.ADMIN, Role.PRODUCER])
    Membership.objects.filter(pk=studio.admin.pk).update(roles=[Role.VIEWER])
    studio.producer.refresh_from_db()
    with pytest.raises(Refused, match="only admin"):
        departures.end_membership(membership=studio.producer, by=studio.producer)
    with pytest.raises(MissingRight):
        departures.end_membership(membership=studio.producer, by=studio.manager)
    with pytest.raises(MissingRight):
        batch_steering.pause_left(batch=batch, by=studio.manager, now=timezone.now())
    assert state(batch) == ("running", 20, 20)
    assert batches.progress(batch).finished is False
