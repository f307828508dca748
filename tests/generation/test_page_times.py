"""Times on pages are those of the workspace's zone, and say which."""

from __future__ import annotations

import datetime
import zoneinfo
from typing import Any

from django.db import transaction
from django.utils import timezone

from generation import health_charts, health_now, intents, queue_reasons
from generation.choosing import Order
from generation.health import SPANS, report
from generation.models import Call, ProviderAccount, Run
from generation.models.runs import CallState
from generation.providers import registry
from projects.models import Workspace
from routing import eligibility, facts
from routing import health as routing_health
from routing.brief import Brief, Step
from routing.decision import Choice
from routing.document import ModelChoice
from routing.models import ModelHealth
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.engine_rows import FLUX
from tests.generation.pages import signed_in, text

KATHMANDU = "Asia/Kathmandu"
"""Far from UTC by hours and minutes, the whole year."""

NOON = datetime.datetime(2026, 11, 3, 12, 0, tzinfo=datetime.UTC)


def moved(cast: Cast) -> None:
    Workspace.objects.filter(pk=cast.workspace.pk).update(time_zone=KATHMANDU)
    cast.workspace.refresh_from_db()


def test_the_page_of_accounts_says_until_when_in_the_zone_of_the_workspace(cast: Cast) -> None:
    moved(cast)
    row = engine_rows.account(cast.workspace, "https://a.example")
    until = timezone.now().replace(hour=12, minute=0) + datetime.timedelta(days=3)
    ProviderAccount.objects.filter(pk=row.pk).update(old_until=until)
    page = text(signed_in(cast.viewer), "/w/studio/settings/providers/")
    assert "17:45 +0545" in page
    assert "UTC" not in page


def test_the_page_of_lost_answers_has_the_zone_of_the_workspace(cast: Cast) -> None:
    moved(cast)
    take = engine_rows.take(cast.deliverable, engine_rows.step(models=[FLUX]), person=cast.producer.person)
    Call.objects.create(
        workspace=cast.workspace,
        run=Run.objects.get(take=take),
        number=1,
        model=FLUX,
        provider="fal",
        state=CallState.UNKNOWN,
        intended_at=NOON,
        evidence={"unknown_since": NOON.isoformat()},
    )
    page = text(signed_in(cast.manager), "/w/studio/queue/unknown/")
    assert page.count("3 Nov 2026, 17:45:00 +0545, <time") == 2
    assert "UTC" not in page


def test_the_page_of_health_and_its_charts_have_the_zone_of_the_workspace(cast: Cast) -> None:
    moved(cast)
    take = engine_rows.take(cast.deliverable, engine_rows.step(models=[FLUX]), person=cast.producer.person)
    Call.objects.create(
        workspace=cast.workspace,
        run=Run.objects.get(take=take),
        number=1,
        model=FLUX,
        provider="fal",
        state=CallState.SUCCEEDED,
        intended_at=timezone.now() - datetime.timedelta(minutes=2),
        ended_at=timezone.now() - datetime.timedelta(minutes=1),
    )
    page = text(signed_in(cast.viewer), "/w/studio/health/", span="day")
    assert ":45 +0545. Times come from counts" in page
    assert "UTC" not in page
    found = report(cast.viewer, span=SPANS["day"], now=timezone.now())
    slot = next(at for at, figures in found.slots if figures.calls)
    with timezone.override(KATHMANDU):
        (drawn,) = health_charts.values("calls", found)
    assert drawn["at"][:16] == f"{slot.astimezone(zoneinfo.ZoneInfo(KATHMANDU)):%Y-%m-%dT%H:%M}"


def test_what_waits_names_times_in_the_zone_of_the_workspace(cast: Cast) -> None:
    moved(cast)
    until = (timezone.now() + datetime.timedelta(hours=1)).replace(second=0)
    row = engine_rows.account(cast.workspace, "https://a.example", blocked_until=until)
    engine_rows.model(cast.workspace, FLUX)
    take = engine_rows.take(cast.deliverable, engine_rows.step(models=[FLUX]), person=cast.producer.person)
    order: Any = Order(
        run=Run.objects.select_related("take__workspace").get(take=take),
        index=0,
        choice=Choice(model=FLUX, provider="fal", tier="budget", eligible=True),
        provider=registry.get("fal"),
        job=None,  # type: ignore[arg-type]
    )
    with transaction.atomic():
        placed, full = intents.Places([order], timezone.now()).share_out([order])
    expected = f"fal asked us to wait until {until.astimezone(zoneinfo.ZoneInfo(KATHMANDU)):%H:%M}:00 +0545"
    assert (placed, [one.words for one in full]) == ([], [expected])
    place = health_now.Place("fal", accounts=[row], limit=20)
    with timezone.override(KATHMANDU):
        _, words = queue_reasons.why(
            "", provider="fal", later=False, places={"fal": place}, now=timezone.now()
        )
    assert words == expected


def test_what_rests_names_times_in_the_zone_of_the_workspace(cast: Cast) -> None:
    moved(cast)
    engine_rows.model(cast.workspace, FLUX)
    for _ in range(5):
        routing_health.record(workspace=cast.workspace, model_key=FLUX, error_class="timeout")
    known = facts.gather(
        workspace=cast.workspace, keys=[FLUX], now=timezone.now(), accounts=frozenset({"fal"})
    )
    choice = eligibility.assess(
        ModelChoice(FLUX, {}),
        brief=Brief(category="", phase="draft"),
        step=Step(key="image", kind="image", stage="generation"),
        facts=known,
        tier="budget",
        fallback=False,
    )
    retry_at = ModelHealth.objects.get().retry_at
    assert retry_at is not None
    until = f"{retry_at.astimezone(zoneinfo.ZoneInfo(KATHMANDU)):%H:%M}"
    assert choice.why == (f"it is resting until {until} +0545: 100% of its last 5 calls failed",)
