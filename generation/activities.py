"""Events as sentences: who did what to which thing, with the things as links."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse

from generation.templatetags.circletake import money_text
from projects.models import Event, Membership, RejectReason, Role
from projects.plain import whole_number
from routing.words import plural

ROWS = 50
CSV_COLUMNS = ("at", "kind", "person", "client", "campaign", "deliverable", "take", "sentence")

#: What the sentence says after the person's name; the thing follows. `{…}` stand for words of the event.
SENTENCES: dict[str, str] = {
    "account.added": "added the {provider} account “{name}”",
    "account.disabled": "switched the {provider} account “{name}” off",
    "account.enabled": "switched the {provider} account “{name}” on",
    "account.key_changed": "replaced the key of the {provider} account “{name}”",
    "account.moved": "gave the {provider} account “{name}” another address",
    "account.removed": "removed the {provider} account “{name}”",
    "account.renamed": "renamed the {provider} account “{before}”, now “{name}”",
    "account.limits_changed": "changed the limits of the {provider} account “{name}”",
    "account.webhook_secret_changed": "replaced the webhook secret of the {provider} account “{name}”",
    "agreement.ended": "said the last month of the agreement “{name}”",
    "agreement.made": "entered the agreement “{name}”",
    "batch.cancelled": "cancelled{left} a",
    "batch.finished": "finished, with {ready} takes ready and {failed} failed, a",
    "batch.paused": "paused a",
    "batch.requested": "asked, over {deliverables} deliverables, for a",
    "batch.resumed": "went on with a",
    "batch.stopped": "stopped, {rest} takes before its end, a",
    "budget.alerts_changed": "chose other shares to be told of for the budget “{name}”",
    "budget.changed": "changed the budget “{name}”",
    "budget.ended": "ended the budget “{name}”",
    "budget.raise_asked": "asked for {amount} more in the budget “{name}”",
    "budget.raise_declined": "declined {amount} more in the budget “{name}”",
    "budget.raise_expired": "saw a request for {amount} more in the budget “{name}” expire",
    "budget.raise_granted": "granted {amount} more in the budget “{name}”",
    "budget.raise_withdrawn": "withdrew a request for {amount} more in the budget “{name}”",
    "budget.reached": "saw {percent} % of the budget “{name}” used",
    "budget.set": "set the budget “{name}”",
    "campaign.changed": "changed the identity of",
    "campaign.created": "created the campaign",
    "campaign.ended": "ended the campaign",
    "campaign.terms": "changed the fee or the numbers of",
    "campaign.reference_added": "added a reference picture to",
    "campaign.reference_removed": "removed a reference picture from",
    "cap.declined": "declined more takes of",
    "cap.granted": "granted {more} more takes of",
    "cap.requested": "asked for {more} more takes of",
    "category.added": "added the category “{name}”",
    "category.target_set": "set a target of {amount} for “{name}”",
    "chat.added": "added the chat “{name}” at {host}",
    "chat.disabled": "switched the chat “{name}” off",
    "chat.enabled": "switched the chat “{name}” on",
    "chat.removed": "removed the chat “{name}”",
    "credits.bought": "entered a pack of {credits} credits of {unit}",
    "deliverable.changed": "changed the brief of",
    "deliverable.created": "created",
    "deliverable.imported": "imported a brief, {created} new and {updated} changed, into",
    "deliverable.reopened": "reopened",
    "deliverable.written_off": "dropped",
    "format.added": "added the format “{name}”",
    "hero.approved": "approved the hero render of",
    "hero.approved_by_rule": "by the standing rule of {set_by}: approved the hero render of",
    "hero.declined": "asked for changes before the hero render of",
    "hero.requested": "asked for the hero render of",
    "hero.undone": "took back the approval of the hero render of",
    "hero.void": "voided the hero request, as what it asked for changed, of",
    "history.imported": "imported a history",
    "journal.mapped": "changed the accounts of the journal",
    "model.end_set": "said until when {model} can be used",
    "model.end_undone": "took back the end of {model}",
    "model.retired": "learned that {model} is retired",
    "model.saved": "saved the model {name}",
    "month.closed": "closed {month}",
    "month.review": "put {month} under review",
    "month.signed": "signed {month}",
    "month.taken_back": "took the review of {month} back",
    "person.invitation_withdrawn": "withdrew the invitation of {email}",
    "person.invited": "invited {email} as {roles}",
    "person.joined": "joined as {roles}",
    "person.left": "ended the membership of {email}",
    "person.roles_changed": "changed the roles of {email} to {roles}",
    "credit.balances_imported": "entered {rows} balances of providers",
    "invoice.withdrawn": "withdrew a bill of {provider} for {month}",
    "price.all_approved": "approved {rows} prices",
    "price.approved": "approved a price of {model}",
    "price.declined": "declined a price of {model}",
    "price.imported": "proposed {rows} prices from a file",
    "price.rerated": "re-rated {entries} entries of {model} by {amount}",
    "project.created": "created the client",
    "project.mark_up": "set the mark-up to {percent} % from {month} on, of",
    "rates.imported": "imported {rows} exchange rates",
    "shared_cost.adjusted": "corrected by {amount} ({reason}) a shared cost of",
    "shared_cost.booked": "booked {amount} ({reason}) as a shared cost of",
    "shared_cost.taken_over": "let {amount} of a take ({reason}) be borne by",
    "standing_rule.ended": "ended the standing rule for hero renders of",
    "standing_rule.set": "set a standing rule that approves hero renders up to {up_to} of",
    "table.proposed": "proposed version {version} of the routing table",
    "table.published": "published version {version} of the routing table",
    "take.accepted": "signed off",
    "take.call_did_not_happen": "found that a lost call did not happen for",
    "take.call_happened": "found that a lost call happened for",
    "take.cancelled": "cancelled",
    "take.failed": "failed to make",
    "take.noted": "wrote a note on",
    "take.opened": "opened",
    "take.ready": "finished",
    "take.rejected": "rejected{reasons}",
    "take.requested": "asked for",
    "take.reversed": "withdrew the sign-off of",
    "take.selected": "selected",
    "take.sent_once_more": "sent once more, after a lost answer,",
    "take.stopped_by_budget": "stopped, for want of budget,",
    "take.uploaded": "uploaded",
    "template.published": "published the prompt template {template}",
    "time.logged": "logged {minutes} minutes on",
    "time.taken_back": "took back {minutes} logged minutes of",
    "token.issued": "issued an API token “{label}”",
    "token.revoked": "revoked the API token “{label}”",
    "workspace.changed": "changed the settings",
    "workspace.created": "created the workspace",
}
ICONS = {
    "account": "key",
    "agreement": "wallet",
    "batch": "queue",
    "budget": "wallet",
    "campaign": "folder",
    "cap": "plus",
    "category": "settings",
    "chat": "bell",
    "credits": "coin",
    "deliverable": "circle-take",
    "format": "settings",
    "hero": "diamond",
    "history": "upload",
    "journal": "wallet",
    "model": "catalogue",
    "month": "month",
    "person": "people",
    "price": "coin",
    "project": "folder",
    "rates": "coin",
    "shared_cost": "coin",
    "standing_rule": "diamond",
    "table": "route",
    "take": "film",
    "template": "text",
    "time": "clock",
    "token": "key",
    "workspace": "settings",
}
NOUNS = [
    ("take", "Takes"),
    ("hero", "Hero renders"),
    ("cap", "Requests for more takes"),
    ("deliverable", "Deliverables"),
    ("campaign", "Campaigns"),
    ("batch", "Batches"),
    ("budget", "Budgets"),
    ("price", "Prices"),
    ("table", "Routing"),
    ("month", "Months"),
    ("person", "People"),
    ("account", "Provider accounts"),
    ("token", "API tokens"),
    ("workspace", "Settings"),
]


@dataclasses.dataclass(frozen=True)
class Line:
    """One event as it reads: `who` did `what` to `thing`, which `href` opens."""

    at: datetime.datetime
    icon: str
    who: str
    what: str
    thing: str
    href: str
    note: str


def events(member: Membership, wanted: Mapping[str, Any]) -> QuerySet[Event]:
    """The workspace's events that fit the filters, the newest first."""
    rows: QuerySet[Event] = Event.objects.visible_to(member)
    if kind := wanted.get("kind"):
        rows = rows.filter(kind__startswith=f"{kind}.")
    if person := wanted.get("person"):
        rows = rows.filter(person=person)
    if campaign := wanted.get("campaign"):
        rows = rows.filter(campaign=campaign)
    named = ("person", "project", "campaign__project", "deliverable", "take")
    return rows.select_related(*named).order_by("-at", "-id")


def grouped(rows: QuerySet[Event]) -> QuerySet[Event]:
    """Without the takes that went with their batch: the line of the batch counts them."""
    return rows.exclude(kind="take.cancelled", data__has_key="batch")


def page(rows: QuerySet[Event], *, before: str) -> tuple[list[Event], str]:
    """The ROWS events before a cursor, and the cursor of the next page, empty at the end."""
    at = whole_number(before)
    if at is not None and (edge := rows.filter(pk=at).values("at", "pk").first()):
        rows = rows.filter(Q(at__lt=edge["at"]) | Q(at=edge["at"], pk__lt=edge["pk"]))
    found = list(rows[: ROWS + 1])
    return found[:ROWS], str(found[ROWS - 1].pk) if len(found) > ROWS else ""


def line(event: Event, *, slug: str, currency: str) -> Line:
    """The event in words; a kind that is not known reads as it is written."""
    said = SENTENCES.get(event.kind, event.kind.replace(".", " ").replace("_", " "))
    thing, href = _thing(event, slug)
    what = said.format_map(_Words(event.data, currency))
    return Line(
        at=event.at,
        icon=ICONS.get(event.kind.partition(".")[0], "activity"),
        who=str(event.person) if event.person else "Circletake",
        what=what if thing else what.removesuffix(", into"),
        thing=thing,
        href=href,
        note=str(event.data.get("note") or event.data.get("reason") or ""),
    )


def csv_rows(rows: QuerySet[Event], *, currency: str) -> Iterator[list[Any]]:
    """Header and events for export, streamed."""
    yield list(CSV_COLUMNS)
    for event in rows.iterator(chunk_size=2000):
        told = line(event, slug="", currency=currency)
        campaign = event.campaign
        project = event.project or (campaign.project if campaign else None)
        yield [
            event.at.isoformat(),
            event.kind,
            event.person.email if event.person else "",
            project.key if project else "",
            campaign.key if campaign else "",
            event.deliverable.key if event.deliverable else "",
            event.take.number if event.take else "",
            f"{told.who} {told.what} {told.thing}".strip(),
        ]


def _thing(event: Event, slug: str) -> tuple[str, str]:
    """What the event is about, and its address; no address without a slug."""
    if deliverable := event.deliverable:
        href = reverse("generation:desk", args=[slug, deliverable.pk]) if slug else ""
        if event.take is None:
            return deliverable.name, href
        return f"take {event.take.number} of {deliverable.name}", f"{href}?take={event.take.number}"
    if campaign := event.campaign:
        parts = [slug, campaign.project.key, campaign.key]
        return campaign.name, reverse("generation:campaign", args=parts) if slug else ""
    if event.project:
        return event.project.name, reverse("generation:projects", args=[slug]) if slug else ""
    if event.kind.startswith("batch."):
        known = slug and event.data.get("batch")
        return "batch", reverse("generation:batch", args=[slug, event.data["batch"]]) if known else ""
    return "", ""


def _roles(value: Any) -> str:
    return ", ".join(Role(role).label.lower() if role in Role.values else str(role) for role in value)


def _reasons(value: Any) -> str:
    labels = [RejectReason(one).label.lower() if one in RejectReason.values else str(one) for one in value]
    return f" for {', '.join(labels)}," if labels else ""


def _left(value: Any) -> str:
    """What a cancelled batch had left: takes in flight, and those that were not asked for yet."""
    in_flight, unmade = [*value, 0, 0][:2]
    parts = [f"{in_flight} in flight"] * bool(in_flight) + [f"{unmade} not asked for yet"] * bool(unmade)
    return f", with {plural(in_flight + unmade, 'take')} left ({', '.join(parts)})," if parts else ""


class _Words(dict[str, Any]):
    """The event's data as words; what is missing reads as a dash."""

    spoken: Mapping[str, Callable[[Any], str]] = {
        "roles": _roles,
        "reasons": _reasons,
        "left": _left,
    }

    def __init__(self, data: Mapping[str, Any], currency: str) -> None:
        super().__init__(data)
        self.currency = currency

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if name in self.spoken:
            return self.spoken[name](value if isinstance(value, list) else [])
        if name in ("amount", "up_to"):
            return self._money(value)
        return "–" if value is None else str(value)

    def _money(self, value: Any) -> str:
        try:
            return money_text(Decimal(str(value)), self.currency)
        except InvalidOperation:
            return "–"
