"""Until when a model can be used: what a person entered, the provider published or answered, the catalogue.

A workspace's own words go before the global catalogue, which it cannot change. What a provider answered to a
call counts at once, until a person takes it back; a date by hand goes before one that was published.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Mapping

from django.db import transaction
from django.db.models import Q

from projects import access, events
from projects.access import Right
from projects.models import Membership, Workspace
from projects.problems import Invalid, Refused
from routing.catalogue import models_by_key
from routing.models import CatalogueModel, ModelEnding

Origin = ModelEnding.Origin
#: The order in which the words of a workspace count.
RANK = {Origin.ANSWERED: 0, Origin.HAND: 1, Origin.PUBLISHED: 2}


@dataclasses.dataclass(frozen=True)
class Ending:
    """Until when a model can be used, and who says so. `row` is the workspace's own word, if it is one."""

    until: datetime.date | None
    source: str
    retired: bool = False
    row: ModelEnding | None = None


def of(workspace: Workspace, rows: Mapping[str, CatalogueModel]) -> dict[str, Ending]:
    """The ending of each of these models, in one query."""
    found = {key: Ending(row.available_until, row.source) for key, row in rows.items()}
    words = ModelEnding.objects.filter(workspace=workspace, model_key__in=rows).select_related("set_by")
    for word in sorted(words, key=lambda word: -RANK[Origin(word.origin)]):
        retired = word.origin == Origin.ANSWERED
        found[word.model_key] = Ending(word.available_until, word.source, retired, word)
    return found


def ended(workspace: Workspace, today: datetime.date) -> Q:
    """Of catalogue rows: those that can be used no more, as a condition."""
    words = ModelEnding.objects.filter(workspace=workspace)
    gone = Q(origin=Origin.ANSWERED) | Q(available_until__lt=today)
    by_hand = words.filter(origin=Origin.HAND).values("model_key")
    said = (
        words.filter(origin=Origin.HAND)
        | words.exclude(model_key__in=by_hand)
        | words.filter(origin=Origin.ANSWERED)
    )
    return Q(key__in=said.filter(gone).values("model_key")) | (
        Q(available_until__lt=today) & ~Q(key__in=words.values("model_key"))
    )


def set_by_hand(
    *,
    model_key: str,
    available_until: datetime.date | None,
    source: str,
    by: Membership,
    now: datetime.datetime,
) -> ModelEnding:
    """Enters or corrects the last day of a model for this workspace; without a day no end is known.

    Raises Invalid for a model that the workspace does not see, or without a source.
    """
    access.require(by, Right.KEEP_MODELS)
    errors: dict[str, list[str]] = {}
    if not models_by_key(by.workspace, [model_key]):
        errors["model_key"] = [f"{model_key} is not in the catalogue."]
    if not source.strip():
        errors["source"] = ["Say where this is written; others will ask."]
    if errors:
        raise Invalid(errors)
    with transaction.atomic():
        row, _ = ModelEnding.objects.update_or_create(
            workspace=by.workspace,
            model_key=model_key,
            origin=Origin.HAND,
            defaults={
                "available_until": available_until,
                "source": source.strip()[:400],
                "set_by": by.person,
                "set_at": now,
            },
        )
        events.record(
            workspace=by.workspace,
            kind="model.end_set",
            by=by,
            at=now,
            model=model_key,
            until=available_until.isoformat() if available_until else "",
            source=row.source,
        )
    return row


def undo(*, ending: ModelEnding, by: Membership, now: datetime.datetime) -> None:
    """Takes back a date by hand, or what a provider answered; twice changes nothing more.

    What a provider published is followed daily: it is corrected by a date by hand, not undone.
    """
    access.require(by, Right.KEEP_MODELS)
    if ending.origin == Origin.PUBLISHED:
        raise Refused(
            "This date is the provider's own, and is read again every day.",
            remedy="Enter another date by hand; it goes before the provider's.",
        )
    with transaction.atomic():
        gone, _ = ModelEnding.objects.visible_to(by).filter(pk=ending.pk).delete()
        if gone:
            events.record(
                workspace=by.workspace, kind="model.end_undone", by=by, at=now, model=ending.model_key
            )


def answered(*, workspace: Workspace, model_key: str, words: str, now: datetime.datetime) -> bool:
    """Remembers that a provider answered "retired"; False where that was known, and nothing is changed."""
    with transaction.atomic():
        _, first = ModelEnding.objects.get_or_create(
            workspace=workspace,
            model_key=model_key,
            origin=Origin.ANSWERED,
            defaults={
                "available_until": now.date(),
                "source": f"{model_key.partition('/')[0]} answered: {words}"[:400],
                "set_at": now,
            },
        )
        if first:
            said = words[:200]
            events.record(workspace=workspace, kind="model.retired", at=now, model=model_key, said=said)
    return first


def published(
    *,
    workspace: Workspace,
    dates: Mapping[str, datetime.date],
    asked: Iterable[str],
    source: str,
    now: datetime.datetime,
) -> int:
    """Keeps the last days that a provider publishes, of the models that were `asked` about.

    One that it dates no longer is forgotten; answers how many days are new or have changed.
    """
    known = ModelEnding.objects.filter(workspace=workspace, origin=Origin.PUBLISHED)
    before = dict(known.filter(model_key__in=set(asked)).values_list("model_key", "available_until"))
    changed = {key: until for key, until in dates.items() if before.get(key) != until}
    with transaction.atomic():
        known.filter(model_key__in=set(before) - set(dates)).delete()
        for key, until in changed.items():
            ModelEnding.objects.update_or_create(
                workspace=workspace,
                model_key=key,
                origin=Origin.PUBLISHED,
                defaults={"available_until": until, "source": source[:400], "set_at": now},
            )
    return len(changed)
