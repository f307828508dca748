"""The rows under a storm of webhooks: made before it, and compared after it."""

from __future__ import annotations

import dataclasses
import datetime
import json
import time
import urllib.request
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Count, Sum
from django.utils import timezone

from bench import cast
from billing.models import Entry, Hold
from generation import cancel, doctor, lanes
from generation.models import Call, Run
from projects.models import Event, Role, Take, TakeAsset
from tests import factories
from tests.generation import engine_rows

MODEL = "fal/fal-ai/flux/dev"
AMOUNT = Decimal("0.05")
DELIVERABLES = 100
TYPICAL_SECONDS = 36_000
"""What the model is said to take: no job is polled for most of them."""

PATIENCE = 900


@dataclasses.dataclass
class Rows:
    """Takes by what is sent of them, and what a reader of pages needs."""

    takes: dict[str, list[Take]]
    session: str
    addresses: dict[str, str]

    def of(self, *groups: str) -> list[Take]:
        return [take for group in groups for take in self.takes[group]]


def prepare(providers: str, *, valid: int, ended: int, cancelled: int, open_: int) -> Rows:
    """A workspace whose jobs have all been taken by the provider, some of them collected or cancelled."""
    studio = factories.workspace("bench")
    member = factories.membership(studio, Role.PRODUCER, Role.MANAGER)
    project = factories.project(studio)
    campaign, category = factories.campaign(project), factories.category(studio)
    model = engine_rows.model(studio, MODEL, amount=str(AMOUNT), unit="call")
    model.capabilities["typical_seconds"] = TYPICAL_SECONDS
    model.save(update_fields=["capabilities"])
    wanted = {"valid": valid, "ended": ended, "cancelled": cancelled, "open": open_}
    total = sum(wanted.values())
    engine_rows.account(studio, f"{providers}/fal", concurrency=total, webhooks=True)
    deliverables = [factories.deliverable(campaign, category=category) for _ in range(DELIVERABLES)]
    takes: dict[str, list[Take]] = {name: [] for name in wanted}
    order = [name for name, number in wanted.items() for _ in range(number)]
    far = timezone.now() + datetime.timedelta(days=1)
    for start in range(0, total, 200):
        with transaction.atomic():
            for number, name in enumerate(order[start : start + 200], start=start):
                never = " [[latency:100000]]" if name == "cancelled" else ""
                step = engine_rows.step(
                    models=[MODEL], amount=str(AMOUNT), prompt=f"Lighthouse {number}{never}"
                )
                place = deliverables[number % DELIVERABLES]
                takes[name].append(engine_rows.take(place, step, person=member.person, due_at=far))
    Run.objects.update(due_at=timezone.now())
    lanes.ring("submit")
    until(lambda: Call.objects.filter(state="accepted").count() == total, "all jobs are taken")
    time.sleep(2)  # by then they have ended there
    Run.objects.filter(take__in=takes["ended"]).update(due_at=timezone.now())
    lanes.ring("poll")
    for take in takes["cancelled"]:
        cancel.cancel(take=take, by=member)
    lanes.ring("cancel")
    until(lambda: at_rest(takes["ended"], "ready"), "some takes are ready")
    until(lambda: at_rest(takes["cancelled"], "cancelled"), "some jobs are cancelled")
    base = "/w/bench/"
    addresses = {
        "home": base,
        "board": f"{base}projects/{project.key}/{campaign.key}/",
        "queue": f"{base}queue/",
    }
    return Rows(takes, cast.session(member.person.email), addresses)


def at_rest(takes: list[Take], state: str) -> bool:
    """Whether these takes have come to that state and no hold of theirs is open."""
    held = Hold.objects.filter(take__in=takes, outcome__isnull=True)
    return (
        Take.objects.filter(pk__in=[take.pk for take in takes], state=state).count() == len(takes)
        and not held.exists()
    )


def until(holds: Callable[[], bool], words: str) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"In vain it was waited until {words}.")
        time.sleep(0.5)


def standing(rows: Rows, log: dict[str, Any]) -> dict[str, list[Any]]:
    """All rows of the takes that no message may change, and how often the provider was asked about them."""
    takes = rows.of("ended", "cancelled", "open")
    return {
        "polls": asked_about(takes, log),
        "takes": list(Take.objects.filter(pk__in=[take.pk for take in takes]).order_by("pk").values()),
        "runs": list(Run.objects.filter(take__in=takes).order_by("pk").values()),
        "calls": list(Call.objects.filter(run__take__in=takes).order_by("pk").values()),
        "entries": list(Entry.objects.filter(take__in=takes).order_by("pk").values()),
        "holds": list(Hold.objects.filter(take__in=takes).order_by("pk").values()),
        "events": list(Event.objects.filter(take__in=takes).order_by("pk").values()),
        "files": list(TakeAsset.objects.filter(take__in=takes).order_by("pk").values()),
    }


def wait_for_collection(rows: Rows) -> float:
    """Until what was told of is collected and booked, and seconds more for what should not happen."""
    begun = time.monotonic()
    until(lambda: at_rest(rows.takes["valid"], "ready"), "all takes that were told of are ready")
    took = time.monotonic() - begun
    time.sleep(5)
    return took


def wrong(rows: Rows, before: dict[str, list[Any]], providers: str) -> list[str]:
    """What the storm did that it should not have done, in words."""
    log = log_of(providers)
    after = standing(rows, log)
    found = [
        f"{name} of takes that were not to change changed" for name in before if before[name] != after[name]
    ]
    valid = rows.takes["valid"]
    once = {
        "calls": Call.objects.filter(run__take__in=valid).values_list("run__take"),
        "entries": Entry.objects.filter(take__in=valid).values_list("take"),
        "files": TakeAsset.objects.filter(take__in=valid, role="output").values_list("take"),
        "events of their end": Event.objects.filter(take__in=valid, kind="take.ready").values_list("take"),
    }
    for name, query in once.items():
        numbers = dict(query.annotate(number=Count("pk")))
        if len(numbers) != len(valid) or set(numbers.values()) != {1}:
            most = max(numbers.values(), default=0)
            found.append(f"{name}: {len(numbers)} takes of {len(valid)} have some, {most} at most")
    paid = rows.of("valid", "ended")
    spent = Entry.objects.aggregate(total=Sum("amount"))["total"] or Decimal(0)
    if spent != AMOUNT * len(paid):
        found.append(f"{spent} is booked, {AMOUNT * len(paid)} was expected")
    held = Hold.objects.filter(outcome__isnull=True)
    if set(held.values_list("take", flat=True)) != {take.pk for take in rows.takes["open"]}:
        found.append(f"{held.count()} holds are open")
    found += [f"doctor: {line}" for one in doctor.examine() for line in one.problems]
    return found + at_provider(rows, log)


def asked_about(takes: list[Take], log: dict[str, Any]) -> list[int]:
    """How often each of these takes' jobs was polled, by the provider's own log."""
    polls = {job["request_id"]: job["polls"] for job in log["jobs"]}
    calls = Call.objects.filter(run__take__in=takes).order_by("pk")
    return [polls[job_id] for job_id in calls.values_list("provider_job_id", flat=True)]


def log_of(providers: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{providers}/_control/log") as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def at_provider(rows: Rows, log: dict[str, Any]) -> list[str]:
    """By the provider's own log: one job a take, no webhooks of its own, and no polls but those rung for."""
    total = sum(len(takes) for takes in rows.takes.values())
    found = [] if len(log["jobs"]) == total else [f"the provider was given {len(log['jobs'])} jobs"]
    if any(job["webhooks"] for job in log["jobs"]):
        found.append("the provider sent webhooks itself")
    if any(asked_about(rows.takes["open"], log)):
        found.append("jobs were polled of which no valid message told")
    if not all(asked_about(rows.takes["valid"], log)):
        found.append("a job of which a valid message told was never polled")
    return found
