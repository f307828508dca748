"""Cards of deliverables: what each tells, and the cap of its own project's route."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from generation import cards, takes
from generation.templatetags.circletake import deliverable_card
from projects.models import Deliverable
from projects.models.work import BoardColumn
from routing import document, tables
from tests import factories
from tests.cast import Cast

TODAY = datetime.date(2026, 11, 21)


def card(row: Deliverable) -> cards.Card:
    (made,) = cards.of([row.pk], workspace=row.workspace, today=TODAY)
    return made


def test_a_card_tells_what_is_running_used_and_spent(studio: Cast) -> None:
    row = studio.deliverable
    takes.make(deliverable=row, by=studio.producer, count=2)
    Deliverable.objects.filter(pk=row.pk).update(cap=5, extra_drafts=2, due_on=TODAY - datetime.timedelta(1))
    made = card(row)
    assert (made.running, made.cap, made.takes_used, made.spent) == (2, 7, 2, Decimal(0))
    assert (made.late, made.poster, made.column) == (True, "", BoardColumn.MAKING)
    shown = deliverable_card(made)
    assert "takes 2 of 7" in shown
    assert "late, due 20 Nov 2026" in shown
    assert "2 rendering" in shown


def test_what_is_done_is_never_late(cast: Cast) -> None:
    Deliverable.objects.filter(pk=cast.deliverable.pk).update(
        board_column=BoardColumn.DONE, due_on=TODAY - datetime.timedelta(1)
    )
    assert not card(cast.deliverable).late


def test_a_name_is_shown_as_it_was_written(cast: Cast) -> None:
    Deliverable.objects.filter(pk=cast.deliverable.pk).update(name='<b onclick="x">')
    assert "&lt;b onclick=&quot;x&quot;&gt;" in deliverable_card(card(cast.deliverable))


def test_the_cap_is_that_of_the_route_of_the_cards_own_project(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = cast.deliverable.workspace
    other = factories.deliverable(
        factories.campaign(factories.project(workspace, "other")), category=cast.deliverable.category
    )
    routes = [
        {"key": "all", "phase": "draft", "pipeline": "p@1", "cap": 6},
        {"key": "other", "phase": "draft", "project": "other", "pipeline": "p@1", "cap": 3},
    ]
    table = document.parse({"routes": routes})
    monkeypatch.setattr(tables, "current", lambda _: table)
    made = cards.of([cast.deliverable.pk, other.pk], workspace=workspace, today=TODAY)
    assert {one.title: one.cap for one in made} == {cast.deliverable.name: 6, other.name: 3}


def test_deliverables_of_another_workspace_have_no_card(cast: Cast) -> None:
    stranger = factories.deliverable(factories.campaign(factories.project(factories.workspace())))
    assert cards.of([stranger.pk], workspace=cast.deliverable.workspace, today=TODAY) == []
