"""What a client pays for a month: its cost of accepted and the mark-up on it; and our margin.

    cost of accepted = cash of what was accepted + its shares of shared costs + late less carried back
    charged = cost of accepted + mark-up (that × the client's percent of the month, rounded once; what a
              withdrawn sign-off gives back is so at the percent at which it was charged)
    margin to date = fee − cost of accepted to date − written off to date

So the statements of a client's months add up, and the cost is that of the roll-forward. Without a fee there
is no margin.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import uuid
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from billing import acceptances, dimensions, mark_ups, money, month_figures, month_sums, months, periods
from billing.acceptances import Month
from billing.dimensions import By
from billing.figures import Sums
from billing.models import MarkUp
from projects import access, events
from projects.access import Right
from projects.models import Campaign, Membership, Project, Workspace
from projects.problems import Invalid

MOST_MONTHS = 24
NOUGHT = money.ZERO
#: What came into the pots of accepted and written off, by campaign: in a month of all campaigns, or of some
#: campaigns from their beginning on.
POTS = """
    SELECT campaign_id, COALESCE(sum(amount) FILTER (WHERE pot = 'accepted'), 0),
           COALESCE(sum(amount) FILTER (WHERE pot = 'written_off'), 0)
    FROM (
        SELECT campaign_id, debit AS pot, amount FROM billing_entry
        WHERE {which} AND effective_at < %(until)s AND debit IN ('accepted', 'written_off')
        UNION ALL
        SELECT campaign_id, credit, -amount FROM billing_entry
        WHERE {which} AND effective_at < %(until)s
          AND kind = 'transfer' AND credit IN ('accepted', 'written_off')
    ) moved GROUP BY 1
"""
IN_MONTH = "workspace_id = %(workspace)s AND effective_at >= %(start)s"
TO_DATE = "campaign_id = ANY(%(campaigns)s)"
DELIVERED = f"""
    {acceptances.LIFE.format(own=dimensions.OWN[By.CAMPAIGN])}
    SELECT l.deliverable_id, d.campaign_id, d.key, d.name, l.category, l.at,
           (SELECT count(*) FROM projects_take t
            WHERE t.deliverable_id = l.deliverable_id AND t.counted_at <= l.at),
           COALESCE((SELECT sum(e.amount) FROM billing_entry e
                     WHERE e.deliverable_id = l.deliverable_id AND e.effective_at <= l.at
                       AND e.kind <> 'transfer'), 0),
           COALESCE((SELECT sum(s.amount) FROM billing_costshare s
                     WHERE s.deliverable_id = l.deliverable_id AND s.at <= l.at), 0)
    FROM life l
    JOIN projects_deliverable d ON d.id = l.deliverable_id
    JOIN projects_campaign g ON g.id = d.campaign_id
    WHERE g.project_id = %(project)s
    ORDER BY g.key, l.at, d.key
"""  # noqa: S608 - our own words only


class Delivered(NamedTuple):
    """A deliverable accepted in a month, with its life to date."""

    id: uuid.UUID
    campaign_id: uuid.UUID
    key: str
    name: str
    category: str
    at: datetime.datetime
    takes: int
    cash: Decimal
    shared: Decimal

    @property
    def cost(self) -> Decimal:
        return self.cash + self.shared


@dataclasses.dataclass(frozen=True)
class Charged:
    """A campaign's month, or several added up. `late` is what came late less what was carried back."""

    campaign: Campaign
    accepted: int = 0
    takes: int = 0
    cash: Decimal = NOUGHT
    shared: Decimal = NOUGHT
    late: Decimal = NOUGHT
    mark_up: Decimal = NOUGHT
    written_off: Decimal = NOUGHT
    cost_to_date: Decimal = NOUGHT  # accepted and written off, up to the end

    @property
    def cost(self) -> Decimal:
        """Cost of accepted."""
        return self.cash + self.shared + self.late

    @property
    def charged(self) -> Decimal:
        return self.cost + self.mark_up

    @property
    def margin(self) -> Decimal | None:
        """To date; None without a fee."""
        return None if self.campaign.fee is None else self.campaign.fee - self.cost_to_date

    def is_empty(self) -> bool:
        return not any((self.accepted, self.cash, self.shared, self.late, self.written_off))


class Statement(NamedTuple):
    """A client's months: by campaign, each month alone, and all added up."""

    project: Project
    months: list[str]
    by_month: list[tuple[str, Decimal, list[Charged]]]  # with the percent
    campaigns: list[Charged]
    total: dict[str, Decimal]


SUMMED = ("cash", "shared", "late", "cost", "mark_up", "charged", "written_off")


def statement(*, project: Project, first: str, last: str) -> Statement:
    """What a client pays for the months from `first` to `last` (YYYY-MM). Raises Invalid (422)."""
    names = _names(project.workspace, first, last)
    campaigns = list(Campaign.objects.filter(project=project).select_related("project").order_by("key"))
    with month_sums.snapshot():
        found = [_month(project.workspace, campaigns, name) for name in names]
        to_date = _to_date(campaigns, months.span(project.workspace, last).end)
        percents = [percents_of(project.workspace, name).get(project.pk, NOUGHT) for name in names]
    whole = [
        dataclasses.replace(row, cost_to_date=to_date.get(row.campaign.pk, NOUGHT))
        for row in map(added, zip(*found, strict=True))
    ]
    shown = [row for row in whole if not row.is_empty() or row.campaign.fee is not None]
    total = {name: sum((getattr(row, name) for row in whole), NOUGHT) for name in SUMMED}
    return Statement(project, names, list(zip(names, percents, found, strict=True)), shown, total)


def delivered(*, project: Project, month: str) -> Iterator[Delivered]:
    """The deliverables of a client that were accepted in a month and still are at its end."""
    asked = Month(project.workspace, months.span(project.workspace, month))
    with connection.cursor() as cursor:
        cursor.execute(DELIVERED, {**asked.values(), "project": project.pk})
        yield from (Delivered(*row) for row in cursor.fetchall())


def of_workspace(workspace: Workspace, month: str) -> list[tuple[Project, Decimal, Charged]]:
    """Each client that has a campaign, with its percent and its month added up. Raises Invalid (422)."""
    campaigns = Campaign.objects.filter(workspace=workspace).select_related("project")
    ordered = list(campaigns.order_by("project__name", "project__key", "key"))
    with month_sums.snapshot():
        rows = _month(workspace, ordered, month)
        percents = percents_of(workspace, month)
    by_project: dict[uuid.UUID, list[Charged]] = collections.defaultdict(list)
    for row in rows:
        by_project[row.campaign.project_id].append(row)
    return [
        (own[0].campaign.project, percents.get(key, NOUGHT), added(own)) for key, own in by_project.items()
    ]


def percents_of(workspace: Workspace, month: str) -> dict[uuid.UUID, Decimal]:
    """The mark-up of each client in a month: that of the last month named up to it, as it was said last."""
    return mark_ups.percents(workspace, [month])[month]


def set_mark_up(
    *, project: Project, percent: Decimal, first_month: str, reason: str, by: Membership
) -> MarkUp:
    """Says what a client pays above cost from a month on; needs the right to keep the books.

    Raises Invalid (422), and MonthClosed (409) for a month that is closed.
    """
    access.require(by, Right.KEEP_BOOKS)
    span = months.span(by.workspace, first_month)
    errors = {} if reason.strip() else {"reason": ["Name the contract, or who agreed to it."]}
    if not percent.is_finite() or not 0 <= percent <= 1000 or percent != round(percent, 3):
        errors["percent"] = ["Give a percentage from 0 to 1000, with at most three decimals."]
    if errors:
        raise Invalid(errors)
    with transaction.atomic():
        periods.require_open(by.workspace, span.start, what="This mark-up")
        row: MarkUp = MarkUp.objects.create(
            workspace=by.workspace,
            project=project,
            percent=percent,
            first_month=first_month,
            reason=reason.strip()[:300],
            author=by.person,
            made_at=timezone.now(),
        )
        events.record(
            workspace=by.workspace,
            kind="project.mark_up",
            by=by,
            project=project,
            percent=f"{percent.normalize():f}",
            month=first_month,
        )
    return row


def set_terms(
    *,
    campaign: Campaign,
    fee: Decimal | None,
    job_number: str,
    purchase_order: str,
    cost_centre: str,
    by: Membership,
) -> Campaign:
    """Changes a campaign's fee and numbers; needs the right to set budgets. Raises Invalid (422)."""
    access.require(by, Right.SET_BUDGETS)
    if fee is not None and (not fee.is_finite() or not 0 <= fee < 10**9 or fee != money.booked(fee)):
        raise Invalid({"fee": ["Give an amount from zero on, with at most eight decimals."]})
    with transaction.atomic():
        row = Campaign.objects.select_for_update(of=("self",)).get(pk=campaign.pk)
        before = {name: str(getattr(row, name) or "") for name in TERMS}
        row.fee, row.job_number = fee, job_number.strip()
        row.purchase_order, row.cost_centre = purchase_order.strip(), cost_centre.strip()
        row.save(update_fields=TERMS)
        events.record(workspace=by.workspace, kind="campaign.terms", by=by, campaign=row, before=before)
    return row


TERMS = ("fee", "job_number", "purchase_order", "cost_centre")


def added(rows: Sequence[Charged]) -> Charged:
    """Months of a campaign, in their order, or campaigns of a month, as one."""
    amounts = ("cash", "shared", "late", "mark_up", "written_off")
    sums: dict[str, Any] = {name: sum((getattr(row, name) for row in rows), NOUGHT) for name in amounts}
    counts: dict[str, Any] = {name: sum(getattr(row, name) for row in rows) for name in ("accepted", "takes")}
    return dataclasses.replace(rows[-1], **sums, **counts)


def _month(workspace: Workspace, campaigns: Sequence[Campaign], name: str) -> list[Charged]:
    """The campaigns' month, without what they cost to date."""
    span = months.span(workspace, name)
    back = mark_ups.withdrawn(Month(workspace, span))
    percents = mark_ups.percents(workspace, {name, *(month for of in back.values() for month in of)})
    this = month_figures.of(workspace, name)
    sums = {key: found for (_, _, key), found in month_figures.cells_by(this, By.CAMPAIGN).items()}
    pots = _ask(POTS.format(which=IN_MONTH), workspace=workspace.pk, start=span.start, until=span.end)
    rows = []
    for campaign in campaigns:
        own = sums.get(f"{campaign.project.key}/{campaign.key}", Sums())
        accepted, written_off = pots.get(campaign.pk, (NOUGHT, NOUGHT))
        percent = {month: of.get(campaign.project_id, NOUGHT) for month, of in percents.items()}
        given_back = [(amount, percent[month]) for month, amount in back.get(campaign.pk, {}).items()]
        rows.append(
            Charged(
                campaign,
                accepted=own.accepted,
                takes=own.takes,
                cash=own.cash,
                shared=own.shared,
                late=accepted - own.cash - own.shared,
                mark_up=mark_ups.on(accepted, percent[name], given_back),
                written_off=written_off,
            )
        )
    return rows


def _to_date(campaigns: Sequence[Campaign], until: datetime.datetime) -> dict[uuid.UUID, Decimal]:
    """Cost of accepted and written off of each campaign, from its beginning on."""
    found = _ask(POTS.format(which=TO_DATE), campaigns=[row.pk for row in campaigns], until=until)
    return {key: accepted + written_off for key, (accepted, written_off) in found.items()}


def _ask(statement: str, **values: Any) -> dict[uuid.UUID, tuple[Decimal, Decimal]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return {key: (accepted, written_off) for key, accepted, written_off in cursor.fetchall()}


def _names(workspace: Workspace, first: str, last: str) -> list[str]:
    months.span(workspace, first), months.span(workspace, last)
    names = [last]
    while names[0] > first and len(names) <= MOST_MONTHS:
        names.insert(0, months.before(names[0]))
    if names[0] != first:
        raise Invalid(
            {"first": [f"Give a month up to the last one, at most {MOST_MONTHS} months before it."]}
        )
    return names
