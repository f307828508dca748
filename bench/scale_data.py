"""Fifty workspaces with ten million entries, of which one has four: `bench.scale` makes them once.

One workspace gets its history by the product's own import, and its sums by the product's own folding. All
others are that history again, once or many times over, copied by the database row by row: keys and places in
time stay, ids are others (their first sixteen bits are the number of the copy). A copy changes nothing of
another one, so that every kept sum of a workspace is that of the history times its copies; `bench.scale`
compares them with the rows. Triggers and foreign keys are not asked while rows are copied.
"""

from __future__ import annotations

import datetime
import io
from collections.abc import Callable, Iterator
from typing import NamedTuple

from django.db import connection, models, transaction

from bench import scale_rows
from billing import month_sums, pot_days, spend_days
from billing.models import (
    DeliverableCost,
    Entry,
    ImportedCharge,
    ImportedDecision,
    MonthPart,
    MonthSum,
    PotDay,
    SpendDay,
)
from generation import history, workspaces
from generation.demo import cast
from projects import bulk, people
from projects.models import (
    Campaign,
    Decision,
    Deliverable,
    Event,
    Membership,
    Project,
    Role,
    Round,
    Take,
    Workspace,
)

COPIES = 200
LARGEST = 80
"""Copies of the history in the largest workspace, the first: two fifths of all rows."""
WORKSPACES = 50
TEMPLATE = WORKSPACES
"""The last workspace is the history itself."""
COPIED = "history.imported"  # the event that the import leaves, once for each copy
Say = Callable[[str], object]
#: Of each table, the columns that name a row of the same copy, and those that name one of the workspace.
OWN = {
    Deliverable: ("id",),
    Round: ("id", "deliverable_id"),
    Take: ("id", "deliverable_id", "round_id"),
    Decision: ("id", "deliverable_id", "take_id"),
    Entry: ("id", "refunds", "deliverable_id", "take_id"),
    DeliverableCost: ("deliverable_id",),
    ImportedCharge: ("entry",),
    ImportedDecision: (),
    MonthPart: ("deliverable_id",),
}
OF_WORKSPACE = ("project_id", "campaign_id")
NUMBERED = (ImportedCharge, ImportedDecision, MonthPart)  # their keys come from a sequence
SUMS: dict[type[models.Model], tuple[str, ...]] = {
    MonthSum: ("month", "figure", "category", "phase", "key"),
    PotDay: ("day", "account"),
    SpendDay: ("day", "provider", "model", "price_row", "native_currency"),
}
#: An id of the template as that of copy or workspace `{0}`.
OTHER = "overlay(s.{1}::text PLACING '{0:04x}' FROM 1 FOR 4)::uuid"


class Copy(NamedTuple):
    """Which copy of the history (the template's own is 0), and in which workspace."""

    number: int
    workspace: int


def slug(number: int) -> str:
    return f"scale-{number:02}"


def copies() -> Iterator[Copy]:
    """All but the template: eighty in the first workspace, two or three in each other one."""
    number = 0
    for workspace in range(1, WORKSPACES):
        many = LARGEST if workspace == 1 else 3 if workspace <= 24 else 2
        for _ in range(many):
            number += 1
            yield Copy(number, workspace)


def copies_in(workspace: int) -> int:
    return 1 if workspace == TEMPLATE else sum(each.workspace == workspace for each in copies())


def make(*, entries: int, now: datetime.datetime, say: Say) -> None:
    """All workspaces with so many entries, about; goes on where an earlier call was broken off."""
    template = _template(entries // COPIES, now, say)
    owned = {number: _workspace(number, template, now) for number in range(1, WORKSPACES)}
    done = set(Event.objects.filter(kind=COPIED).values_list("data__copy", flat=True))
    for each in copies():
        if each.number not in done:
            _copy(each, template, owned[each.workspace], now)
        if each.number % 10 == 0:
            say(f"{each.number} of {COPIES} copies")
    for number, workspace in owned.items():
        _add_up(template, workspace, copies_in(number))
    _number_on()
    say("Vacuum")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


def _template(entries: int, now: datetime.datetime, say: Say) -> Workspace:
    """The workspace that the product itself has written, with every sum of it."""
    found = Workspace.objects.filter(slug=slug(TEMPLATE)).first()
    if found is None:
        say(f"A history of {entries:,} rows, imported")
        with transaction.atomic():
            found, _ = _furnished(TEMPLATE, now)
            files = scale_rows.files(entries=entries, until=now)
            charges, decisions = (io.BytesIO(file) for file in files)
            history.import_history(workspace=found, charges=charges, decisions=decisions, by=None)
    while month_sums.fold_step(found):
        pass
    pot_days.compact(now=now)
    spend_days.compact(now=now)
    return found


def _furnished(number: int, now: datetime.datetime) -> tuple[Workspace, Membership]:
    """A new workspace with the cast as its people; finance and an admin keep the books together."""
    workspace, owner = workspaces.create_workspace(
        slug=slug(number), currency="EUR", time_zone="Europe/Berlin", owner_email=cast.GUS.email
    )
    Membership.objects.filter(pk=owner.pk).update(roles=[Role.ADMIN, Role.FINANCE])
    for one in cast.EVERYBODY:
        if one is not cast.GUS:
            person = people.find_or_make_person(one.email, name=one.name)
            Membership.objects.create(workspace=workspace, person=person, roles=[one.role])
    return workspace, owner


@transaction.atomic
def _workspace(number: int, template: Workspace, now: datetime.datetime) -> Workspace:
    """The workspace of that number with the template's clients and campaigns."""
    found = Workspace.objects.filter(slug=slug(number)).first()
    if found is None:
        found, _ = _furnished(number, now)
        _insert(Project, Copy(number, number), template, found, own=("id",))
        _insert(Campaign, Copy(number, number), template, found, own=("id", "project_id"))
    return found


@transaction.atomic
def _copy(each: Copy, template: Workspace, workspace: Workspace, now: datetime.datetime) -> None:
    _past_triggers()
    span = _sequences(template)
    for model, own in OWN.items():
        _insert(model, each, template, workspace, own=own, later=each.number * span)
    rows = {"charges": 0, "decisions": 0, "deliverables": 0, "copy": each.number}
    Event.objects.create(workspace=workspace, kind=COPIED, at=now, data=rows)


def _insert(
    model: type[models.Model],
    each: Copy,
    template: Workspace,
    workspace: Workspace,
    *,
    own: tuple[str, ...],
    later: int = 0,
) -> None:
    """The template's rows of one table, as those of a copy."""
    said = {"workspace_id": f"'{workspace.pk}'::uuid"}
    said |= {name: OTHER.format(each.number, name) for name in own}
    if not isinstance(own, tuple) or model not in (Project, Campaign):
        said |= {name: OTHER.format(each.workspace, name) for name in OF_WORKSPACE if name not in own}
    said |= _of_table(model, each, workspace, later)
    names = [str(field.column) for field in model._meta.local_concrete_fields]
    if model in NUMBERED:
        names.remove("id")
    chosen = ", ".join(said.get(name, f's."{name}"') for name in names)
    table = model._meta.db_table
    columns = ", ".join(f'"{name}"' for name in names)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) SELECT {chosen} FROM {table} s WHERE s.workspace_id = %s",
            [template.pk],
        )


def _of_table(model: type[models.Model], each: Copy, workspace: Workspace, later: int) -> dict[str, str]:
    """What else is another in a copy: keys that may stand once, and the numbers of decisions."""
    if model is Deliverable:
        category = (
            "(SELECT m.id FROM projects_category m JOIN projects_category c ON c.key = m.key"
            f" WHERE c.id = s.category_id AND m.workspace_id = '{workspace.pk}')"
        )
        return {"key": f"s.key || '-{each.number}'", "name": f"s.name || '-{each.number}'",
                "category_id": category}  # fmt: skip
    if model is Decision:
        return {"sequence": f"s.sequence + {later}", "reverses_id": f"s.reverses_id + {later}"}
    if model is Entry:
        return {"decision": f"s.decision + {later}", "external_id": _suffixed("external_id", each)}
    if model is ImportedCharge:
        return {"external_id": _suffixed("external_id", each)}
    if model is ImportedDecision:
        digest = f"encode(sha256((s.digest || '-{each.number}')::bytea), 'hex')"
        return {"digest": digest, "decision": f"s.decision + {later}"}
    return {}


def _suffixed(name: str, each: Copy) -> str:
    return f"CASE WHEN s.{name} = '' THEN '' ELSE s.{name} || '-{each.number}' END"


@transaction.atomic
def _add_up(template: Workspace, workspace: Workspace, times: int) -> None:
    """The sums of a workspace are those of the template, as many times over as it has copies."""
    _past_triggers()
    with connection.cursor() as cursor:
        for model, key in SUMS.items():
            table, names = model._meta.db_table, ", ".join(key)
            cursor.execute(f"DELETE FROM {table} WHERE workspace_id = %s", [workspace.pk])
            cursor.execute(
                f"INSERT INTO {table} (workspace_id, {names}, amount)"
                f" SELECT %s, {names}, sum(amount) * %s FROM {table}"
                f" WHERE workspace_id = %s GROUP BY {names}",
                [workspace.pk, times, template.pk],
            )


def _sequences(template: Workspace) -> int:
    """By how much the decisions of a copy are numbered on from those of the one before."""
    last = Decision.objects.filter(workspace=template).aggregate(last=models.Max("sequence"))["last"]
    return int(last or 0)


def _number_on() -> None:
    """Decisions to come are numbered after all that were copied."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence('projects_decision', 'sequence'), max(sequence))"
            " FROM projects_decision"
        )


def _past_triggers() -> None:
    bulk.prepare()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
