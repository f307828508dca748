"""Caps on regeneration: how many takes a deliverable may use, and asking for more.

Used = counted takes + takes in flight + takes that a provider charged although they failed, of one phase.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, F, Q
from django.utils import timezone

from generation import lanes
from projects import access, board, events, notices
from projects.access import Right
from projects.models import CapDecision, CapRequest, Deliverable, Membership, Phase, Role, Take
from projects.models.decisions import RequestState
from projects.models.notices import NoticeKind
from projects.models.takes import TAKES_IN_FLIGHT
from projects.problems import Invalid, Refused
from routing.brief import Brief
from routing.document import Table

MOST_MORE = 100


@dataclasses.dataclass(frozen=True)
class Usage:
    """Takes used against the cap, those `in_flight` among them; `own_cap` is the deliverable's, None for the
    route's."""

    used: int
    own_cap: int | None
    extra: int
    in_flight: int = 0


class CapReached(Refused):
    """The cap leaves no room for the takes that were asked for; the answer names the ways out."""

    status = 409
    title = "The cap is reached"

    def __init__(
        self,
        *,
        used: int,
        cap: int,
        asked: int,
        ways_out: Sequence[Mapping[str, Any]] = (),
        in_flight: int = 0,
        batch: int = 0,
    ) -> None:
        flying = f", {in_flight} of them in flight" if in_flight else ""
        taken = f", and this batch takes {batch}" if batch else ""
        fit = "does not fit" if asked == 1 else "do not fit"
        ask = {"way": "ask", "words": f"Ask a manager for {asked} more.", "takes": asked}
        ways = [dict(way) for way in ways_out] or [ask]
        super().__init__(
            f"{used} of {cap} takes are used{flying}{taken}; {asked} more {fit}.",
            remedy=" ".join(way["words"] for way in ways),
            extra={"used": used, "cap": cap, "in_flight": in_flight, "batch": batch, "ways_out": ways},
        )


def usage(deliverable: Deliverable, phase: str) -> Usage:
    """Counted from the rows; exact under the lock of `projects.decisions.lock`."""
    rows = Take.objects.filter(board.counts_against_cap(), deliverable=deliverable, phase=phase)
    flying = Count("pk", filter=Q(state__in=TAKES_IN_FLIGHT))
    counted = rows.aggregate(used=Count("pk"), in_flight=flying)
    return Usage(**counted, **_own(deliverable, phase))


def _own(deliverable: Deliverable, phase: str) -> dict[str, Any]:
    if phase == Phase.HERO:
        return {"own_cap": deliverable.hero_cap, "extra": deliverable.extra_heroes}
    return {"own_cap": deliverable.cap, "extra": deliverable.extra_drafts}


def check_room(
    *,
    limit: int | None,
    used: int,
    asked: int,
    in_flight: int = 0,
    batch: int = 0,
    ways_out: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Raises CapReached where `asked` takes fit no more; `batch` are those that their batch takes already."""
    if limit is not None and used + batch + asked > limit:
        raise CapReached(
            used=used, cap=limit, asked=asked, in_flight=in_flight, batch=batch, ways_out=ways_out
        )


def request(
    *,
    deliverable: Deliverable,
    more: int,
    reason: str,
    by: Membership,
    phase: str = Phase.DRAFT,
    at_most: Decimal | None = None,
    now: datetime.datetime | None = None,
) -> CapRequest:
    """Asks managers for more takes; one request a phase waits at a time."""
    access.require(by, Right.MAKE)
    errors: dict[str, list[str]] = {}
    if not 1 <= more <= MOST_MORE:
        errors["more"] = [f"Ask for 1 to {MOST_MORE} takes."]
    if not reason.strip():
        errors["reason"] = ["Say why more takes are needed; the manager reads it."]
    if errors:
        raise Invalid(errors)
    now = now or timezone.now()
    try:
        with transaction.atomic():
            row = CapRequest.objects.create(
                workspace=deliverable.workspace,
                deliverable=deliverable,
                phase=phase,
                more=more,
                reason=reason.strip(),
                at_most=at_most,
                requested_by=by.person,
                requested_at=now,
            )
            _announce(row, by, now)
    except IntegrityError:
        raise Refused(
            "A request for more takes of this deliverable waits already.",
            remedy="A manager finds it in the approvals inbox.",
        ) from None
    return row


def decide(
    *,
    cap_request: CapRequest,
    decision: str,
    by: Membership,
    note: str = "",
    now: datetime.datetime | None = None,
) -> CapRequest:
    """Grants or declines; a request that is decided already is refused and stays as it is."""
    access.require(by, Right.APPROVE)
    if decision not in CapDecision.Kind.values:
        raise Invalid({"decision": ["Choose grant or decline."]})
    now = now or timezone.now()
    granted = decision == CapDecision.Kind.GRANT
    state = RequestState.APPROVED if granted else RequestState.DECLINED
    with transaction.atomic():
        changed = CapRequest.objects.filter(pk=cap_request.pk, state=RequestState.WAITING).update(
            state=state, decided_at=now
        )
        if not changed:
            raise Refused("This request was decided already.", remedy="Reload the page.")
        CapDecision.objects.create(
            workspace_id=cap_request.workspace_id,
            cap_request=cap_request,
            decision=decision,
            note=note,
            by=by.person,
            at=now,
        )
        if granted:
            _grant(cap_request)
        cap_request.refresh_from_db()
        _tell_asker(cap_request, by, note, now, granted=granted)
    return cap_request


def _grant(row: CapRequest) -> None:
    field = "extra_heroes" if row.phase == Phase.HERO else "extra_drafts"
    Deliverable.objects.filter(pk=row.deliverable_id).update(**{field: F(field) + row.more})


def _announce(row: CapRequest, by: Membership, now: datetime.datetime) -> None:
    deliverable = row.deliverable
    events.record(
        workspace=row.workspace,
        kind="cap.requested",
        by=by,
        at=now,
        deliverable=deliverable,
        more=row.more,
        reason=row.reason,
    )
    notices.notify(
        members=notices.members_with(row.workspace, Role.MANAGER),
        kind=NoticeKind.APPROVAL_WAITING,
        title=f"{by.person} asks for {row.more} more takes of {deliverable.name}",
        body=row.reason,
        url=f"/w/{row.workspace.slug}/approvals/",
        dedupe=str(row.pk),
        now=now,
    )
    lanes.ring("notify")


def _tell_asker(row: CapRequest, by: Membership, note: str, now: datetime.datetime, *, granted: bool) -> None:
    word = "granted" if granted else "declined"
    events.record(
        workspace=row.workspace,
        kind=f"cap.{word}",
        by=by,
        at=now,
        deliverable=row.deliverable,
        more=row.more,
        note=note,
    )
    asker = Membership.objects.filter(workspace=row.workspace_id, person=row.requested_by_id)
    notices.notify(
        members=asker,
        kind=NoticeKind.REQUEST_DECIDED,
        title=f"{row.more} more takes of {row.deliverable.name}: {word}",
        body=note,
        url=f"/w/{row.workspace.slug}/deliverables/{row.deliverable_id}/",
        dedupe=f"cap:{row.pk}",
        now=now,
    )
    lanes.ring("notify")


def route_cap(table: Table, category: str, project: str, phase: str = Phase.DRAFT) -> int | None:
    """How many takes of a phase a table allows of this category in this project; None without a limit."""
    route = table.pipeline_route(Brief(category=category, phase=phase, project=project))
    return route.cap if route else None


def cap_of(table: Table | None, row: Deliverable, phase: str = Phase.DRAFT) -> int | None:
    """The cap of a phase: the deliverable's own, else its route's, and what was granted on top.

    A workspace without a table has routes without caps.
    """
    own = _own(row, phase)
    cap = own["own_cap"]
    if cap is None and table is not None:
        cap = route_cap(table, row.category.key, row.campaign.project.key, phase)
    return None if cap is None else cap + int(own["extra"])


def switched_of(table: Table, row: Deliverable) -> int:
    """Takes that a switch of the draft's route allows on top of its cap, the widest one."""
    route = table.pipeline_route(
        Brief(category=row.category.key, phase=Phase.DRAFT, project=row.campaign.project.key)
    )
    return max((rule.more_takes for rule in route.criteria), default=0) if route else 0
