"""Versions of routing tables: proposed, published by somebody else, retired, never changed."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from projects.access import MissingRight
from projects.models import Event
from routing import catalogue, default_table, differences, document, tables
from routing.models import RoutingTable
from tests.cast import Cast
from tests.routing.tables import NOW

pytestmark = pytest.mark.django_db
PIPELINES = frozenset({"draft-image@1", "draft-video@1", "hero-film@1", "hero-still@1", "character-draft@1"})


@pytest.fixture(autouse=True)
def _catalogue() -> None:
    catalogue.load(today=NOW.date())


def content(cap: int = 8) -> dict[str, Any]:
    """A table for the categories that the cast has."""
    built = default_table.build()
    known = ("brand-film", "concept-sketch")
    built["routes"] = [r for r in built["routes"] if r.get("category", known[0]) in known]
    built["routes"][0]["cap"] = cap
    return built


def propose(cast: Cast, by: Any = None, cap: int = 8) -> RoutingTable:
    return tables.propose(
        content=content(cap),
        reason="trial",
        by=by or cast.producer,
        pipelines=PIPELINES,
        now=NOW,
    )


def publish(table: RoutingTable, by: Any) -> RoutingTable:
    return tables.publish(table=table, by=by, pipelines=PIPELINES, now=NOW)


def test_a_proposal_waits_and_nothing_is_in_force(cast: Cast) -> None:
    table = propose(cast)
    assert (table.version, table.state, table.author) == (1, "proposed", cast.producer.person)
    assert table.digest == document.digest(content())
    assert Event.objects.get().kind == "table.proposed"
    with pytest.raises(tables.NoTable):
        tables.in_force(cast.workspace)


def test_publishing_retires_the_version_before(cast: Cast) -> None:
    first = publish(propose(cast), cast.manager)
    second = publish(propose(cast, cap=9), cast.second_manager)
    first.refresh_from_db()
    assert (first.state, first.retired_at) == ("retired", NOW)
    assert (second.version, second.approver) == (2, cast.second_manager.person)
    assert tables.in_force(cast.workspace) == second
    assert tables.parsed(second).version == 2


def test_nobody_publishes_their_own_proposal(cast: Cast) -> None:
    table = propose(cast, by=cast.manager)
    with pytest.raises(tables.OwnProposal):
        publish(table, cast.manager)
    table.refresh_from_db()
    assert (table.state, table.approver) == ("proposed", None)
    assert publish(table, cast.second_manager).state == "published"


@pytest.mark.parametrize("role", ["producer", "reviewer", "finance", "admin", "viewer"])
def test_only_managers_publish(cast: Cast, role: str) -> None:
    table = propose(cast, by=cast.manager)
    with pytest.raises(MissingRight):
        publish(table, cast.by_role[role])
    table.refresh_from_db()
    assert table.state == "proposed"


@pytest.mark.parametrize("role", ["finance", "admin", "viewer"])
def test_who_may_not_propose_leaves_no_version(cast: Cast, role: str) -> None:
    with pytest.raises(MissingRight):
        propose(cast, by=cast.by_role[role])
    assert not RoutingTable.objects.exists()


def test_an_unsound_table_is_refused_whole(cast: Cast) -> None:
    broken = content()
    broken["routes"][0]["pipeline"] = "gone@1"
    with pytest.raises(tables.TableUnsound) as refused:
        tables.propose(content=broken, reason="", by=cast.producer, pipelines=PIPELINES)
    assert refused.value.extra["errors"]["document"] == [
        "Route brand-film-draft: no pipeline 'gone@1' is published. "
        "Take character-draft@1, draft-image@1, draft-video@1, hero-film@1, hero-still@1."
    ]
    assert not RoutingTable.objects.exists()


def test_a_table_whose_pipeline_has_gone_since_is_not_published(cast: Cast) -> None:
    table = propose(cast)
    with pytest.raises(tables.TableUnsound):
        tables.publish(table=table, by=cast.manager, pipelines=frozenset())
    table.refresh_from_db()
    assert table.state == "proposed"


def test_a_version_is_published_once(cast: Cast) -> None:
    table = propose(cast)
    stale = RoutingTable.objects.get(pk=table.pk)
    publish(table, cast.manager)
    with pytest.raises(tables.TableMoved):
        publish(stale, cast.second_manager)
    assert tables.in_force(cast.workspace).approver == cast.manager.person


def test_a_proposal_can_be_withdrawn_by_its_author_and_not_by_others(cast: Cast) -> None:
    table = propose(cast)
    with pytest.raises(MissingRight):
        tables.withdraw(table=table, by=cast.reviewer)
    tables.withdraw(table=table, by=cast.producer)
    table.refresh_from_db()
    assert table.state == "withdrawn"
    with pytest.raises(tables.TableMoved):
        publish(table, cast.manager)


def test_in_a_workspace_of_one_the_author_publishes_and_it_shows(cast: Cast) -> None:
    table = tables.propose(
        content={**content(), "routes": [r for r in content()["routes"] if "category" not in r]},
        reason="",
        by=cast.stranger,
        pipelines=PIPELINES,
    )
    published = publish(table, cast.stranger)
    assert published.author == published.approver == cast.stranger.person


def test_the_database_keeps_a_document_as_it_was_proposed(cast: Cast) -> None:
    table = publish(propose(cast), cast.manager)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE routing_routingtable SET document = '{}' WHERE id = %s", [table.pk])
    table.refresh_from_db()
    assert table.document == content()


def test_the_difference_of_two_versions_names_what_changed() -> None:
    before, after = content(), content(cap=9)
    after["routes"] = [r for r in after["routes"] if r["key"] != "edit"]
    after["routes"].append({"key": "trial", "phase": "hero", "project": "x", "pipeline": "p@1"})
    changes = differences.of(before, after, names={"builtin/overlay": "Overlay"})
    assert [(change.route, change.kind) for change in changes] == [
        ("brand-film-draft", "changed"),
        ("edit", "removed"),
        ("trial", "added"),
    ]
    assert changes[0].differences == [differences.Difference("At most", "8 takes", "9 takes")]
    assert (changes[1].subject, changes[1].differences[0].what) == ("Step edit", "Tier")
    assert all(row.after == "" for row in changes[1].differences)
    assert changes[2].subject == "Project x, delivery"
    assert changes[2].differences == [differences.Difference("Pipeline", "", "p@1")]
