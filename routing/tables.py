"""Routing tables as versions: propose, publish, withdraw; the one in force; what changed.

A version's document never changes. One is in force at a time: publishing the next retires it.
"""

from __future__ import annotations

import datetime
import functools
import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from projects import access, events
from projects.access import Right
from projects.models import Category, Membership, Workspace
from projects.problems import Refused
from routing import checks, document
from routing.catalogue import models_by_key
from routing.document import Table
from routing.models import RoutingTable
from routing.models.tables import TableState

#: The moves of a version; a transition compares and sets.
MOVES: dict[str, frozenset[str]] = {
    TableState.PROPOSED: frozenset({TableState.PUBLISHED, TableState.WITHDRAWN}),
    TableState.PUBLISHED: frozenset({TableState.RETIRED}),
    TableState.RETIRED: frozenset(),
    TableState.WITHDRAWN: frozenset(),
}


class TableUnsound(Refused):
    """The document cannot be a routing table; `problems` name route and remedy."""

    status = 422
    title = "This table cannot be used"

    def __init__(self, problems: list[checks.Problem]) -> None:
        told = [str(problem) for problem in problems]
        super().__init__(
            " ".join(told[:3]) + (f" And {len(told) - 3} more." if len(told) > 3 else ""),
            remedy="Correct what is named and send it again; nothing was saved.",
            extra={"errors": {"document": told}},
        )
        self.problems = problems


class TableMoved(Refused):
    """The version is not, or no longer, in a state from which this can be done."""

    title = "This version has moved on"


class OwnProposal(Refused):
    """Publishing needs a second person."""

    status = 403
    title = "This is your own proposal"


class NoTable(Refused):
    """The workspace has no routing table in force."""

    status = 409
    title = "No routing table is in force"

    def __init__(self) -> None:
        super().__init__(
            "Nothing says which model makes what.",
            remedy="A manager publishes a table on the page Routing.",
        )


def in_force(workspace: Workspace) -> RoutingTable:
    """The published version; raises NoTable where there is none."""
    found = RoutingTable.objects.filter(workspace=workspace, state=TableState.PUBLISHED).first()
    if found is None:
        raise NoTable
    return found


def parsed(table: RoutingTable) -> Table:
    return document.parse(table.document, version=table.version)


def current(workspace: Workspace) -> Table:
    """The published version, ready to decide by; raises NoTable where there is none."""
    in_force = RoutingTable.objects.filter(workspace=workspace, state=TableState.PUBLISHED)
    for pk in in_force.values_list("pk", flat=True):
        return _published(pk)
    raise NoTable


@functools.lru_cache(maxsize=128)
def _published(pk: uuid.UUID) -> Table:
    """What was published never changes, and every board, desk and order asks for it."""
    return parsed(RoutingTable.objects.get(pk=pk))


def known(workspace: Workspace, *, pipelines: frozenset[str], content: object) -> checks.Known:
    """What a table of the workspace may name; `pipelines` are published as `slug@version`."""
    named = _named_models(content)
    return checks.Known(
        categories=frozenset(Category.objects.filter(workspace=workspace).values_list("key", flat=True)),
        pipelines=pipelines,
        models=frozenset(models_by_key(workspace, named)),
    )


def check(workspace: Workspace, content: object, pipelines: frozenset[str]) -> None:
    """Raises TableUnsound, naming every problem, for what cannot be a table of the workspace."""
    found = checks.problems(content, known(workspace, pipelines=pipelines, content=content))
    if found:
        raise TableUnsound(found)


def propose(
    *,
    content: Mapping[str, Any],
    reason: str,
    by: Membership,
    pipelines: frozenset[str],
    now: datetime.datetime | None = None,
) -> RoutingTable:
    """The next version, waiting for somebody else to publish it.

    Needs the right to propose. Raises TableUnsound with every problem; nothing is saved then.
    """
    access.require(by, Right.PROPOSE_TABLES)
    check(by.workspace, content, pipelines)
    with transaction.atomic():
        table = _store(workspace=by.workspace, content=content, reason=reason, by=by, now=now)
        events.record(workspace=by.workspace, kind="table.proposed", by=by, at=now, version=table.version)
    return table


def publish(
    *,
    table: RoutingTable,
    by: Membership,
    pipelines: frozenset[str],
    against: int | None = None,
    now: datetime.datetime | None = None,
) -> RoutingTable:
    """Puts a proposed version in force and retires the one before.

    `against` is the version in force that the publisher compared it with; None agrees to any.
    Needs the right to publish. Raises OwnProposal for the author, TableMoved where the version is
    no longer proposed or another than `against` is in force, TableUnsound where what it names has gone since.
    """
    access.require(by, Right.PUBLISH_TABLES)
    if table.author_id == by.person_id and not _alone(by):
        raise OwnProposal(
            f"You proposed version {table.version}; another manager publishes it.",
            remedy="Ask another manager of this workspace.",
        )
    check(by.workspace, table.document, pipelines)
    with transaction.atomic():
        published = _put_in_force(table, approver=by, against=against, now=now or timezone.now())
        events.record(workspace=by.workspace, kind="table.published", by=by, at=now, version=table.version)
    return published


def withdraw(*, table: RoutingTable, by: Membership) -> None:
    """Takes back a proposal; its author may, and whoever may publish. Raises TableMoved if too
    late."""
    if table.author_id != by.person_id:
        access.require(by, Right.PUBLISH_TABLES)
    moved = RoutingTable.objects.filter(pk=table.pk, state=TableState.PROPOSED)
    if not moved.update(state=TableState.WITHDRAWN):
        raise _moved(table)


def install(
    *,
    workspace: Workspace,
    content: Mapping[str, Any],
    pipelines: frozenset[str],
    reason: str,
    author: Membership | None = None,
    approver: Membership | None = None,
    now: datetime.datetime | None = None,
) -> RoutingTable:
    """Stores and publishes at once, without asking for rights: a new workspace's first table."""
    check(workspace, content, pipelines)
    with transaction.atomic():
        table = _store(workspace=workspace, content=content, reason=reason, by=author, now=now)
        return _put_in_force(table, approver=approver, now=now or timezone.now())


def _alone(member: Membership) -> bool:
    """A workspace of one has nobody else to publish; the version then names one person twice."""
    members = Membership.objects.filter(workspace_id=member.workspace_id, ended_at=None)
    return not members.exclude(pk=member.pk).exists()


def _store(
    *,
    workspace: Workspace,
    content: Mapping[str, Any],
    reason: str,
    by: Membership | None,
    now: datetime.datetime | None,
) -> RoutingTable:
    """The next version as a row; the workspace's row is locked, so that versions follow each
    other."""
    Workspace.objects.select_for_update().get(pk=workspace.pk)
    newest = RoutingTable.objects.filter(workspace=workspace).aggregate(v=Max("version"))["v"]
    return RoutingTable.objects.create(
        workspace=workspace,
        version=(newest or 0) + 1,
        document=content,
        digest=document.digest(content),
        reason=reason,
        author=by.person if by else None,
        proposed_at=now or timezone.now(),
    )


def _put_in_force(
    table: RoutingTable,
    *,
    approver: Membership | None,
    now: datetime.datetime,
    against: int | None = None,
) -> RoutingTable:
    """Retires the version in force, then publishes this one; a lost race raises TableMoved."""
    Workspace.objects.select_for_update().get(pk=table.workspace_id)
    rows = RoutingTable.objects.filter(workspace_id=table.workspace_id)
    current = rows.filter(state=TableState.PUBLISHED).exclude(pk=table.pk)
    waiting = rows.select_for_update().filter(pk=table.pk, state=TableState.PROPOSED)
    if not waiting.exists():
        raise _moved(table)
    _check_compared(table, current, against)
    current.update(state=TableState.RETIRED, retired_at=now)
    waiting.update(
        state=TableState.PUBLISHED,
        published_at=now,
        approver=approver.person if approver else None,
    )
    table.refresh_from_db()
    return table


def _check_compared(table: RoutingTable, current: QuerySet[RoutingTable], against: int | None) -> None:
    found = current.first()
    if against is not None and found is not None and found.version != against:
        raise TableMoved(
            f"Version {found.version} is in force now; what version {table.version} changes was looked at"
            f" against version {against}.",
            remedy="Look at what it changes now, then publish it.",
        )


def _moved(table: RoutingTable) -> TableMoved:
    table.refresh_from_db(fields=["state"])
    return TableMoved(
        f"Version {table.version} is {table.get_state_display().lower()}.",
        remedy="Propose a new version from it.",
    )


def _named_models(content: object) -> set[str]:
    """Every text under a key `model`, wherever it stands: what has to be looked up."""
    if isinstance(content, Mapping):
        own = content.get("model")
        found = {own} if isinstance(own, str) else set()
        return found.union(*(_named_models(value) for value in content.values()))
    if isinstance(content, list):
        return set().union(*(_named_models(value) for value in content))
    return set()
