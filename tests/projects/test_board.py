"""Where a deliverable stands on the board."""

import pytest

from projects import board
from projects.models import Asset, Take
from projects.models.work import BoardColumn
from tests import factories

NOTHING = {
    "state": "open",
    "in_flight": False,
    "asked": False,
    "hero_ready": False,
    "draft_ready": False,
    "take_count": 0,
}


@pytest.mark.parametrize(
    ("facts", "column"),
    [
        ({}, BoardColumn.BRIEF),
        ({"take_count": 2}, BoardColumn.MAKING),
        ({"draft_ready": True, "take_count": 1}, BoardColumn.CHOOSING),
        ({"draft_ready": True, "in_flight": True, "take_count": 2}, BoardColumn.MAKING),
        ({"draft_ready": True, "asked": True, "take_count": 1}, BoardColumn.APPROVAL),
        ({"hero_ready": True, "in_flight": True, "take_count": 3}, BoardColumn.REVIEW),
        ({"state": "accepted", "hero_ready": True, "take_count": 3}, BoardColumn.DONE),
        ({"state": "written_off", "take_count": 3}, BoardColumn.DROPPED),
    ],
)
def test_the_most_urgent_thing_that_waits_for_a_person_decides(facts, column):
    assert board.column(**{**NOTHING, **facts}) == column


def asset(workspace, letter):
    return Asset.objects.create(
        workspace=workspace, kind="image", sha256=letter * 64, media_type="image/png", size_bytes=1
    )


def test_the_poster_is_the_accepted_takes_else_the_selected_ones_else_the_newest(cast):
    pictures = [asset(cast.workspace, letter) for letter in "abc"]
    takes = [factories.take(cast.deliverable, state="ready", poster=picture) for picture in pictures]
    for mark, expected in [("", 2), ("selected", 0), ("accepted", 1)]:
        Take.objects.filter(pk=takes[expected].pk).update(mark=mark)
        board.refresh(cast.deliverable.pk)
        cast.deliverable.refresh_from_db()
        assert cast.deliverable.poster == pictures[expected]
