"""Models that providers take away: their lists are read daily, an answer is remembered, pages say so."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import Schedule

from generation import keyring, retirement
from generation.models import ProviderAccount
from projects.models import Notice, Workspace
from projects.models.takes import TakeState
from routing.models import ModelEnding
from tests.cast import Cast
from tests.emulators.server import Running
from tests.generation import engine_rows
from tests.generation.conftest import Fal
from tests.generation.engine_rows import FLUX, SKETCH, Engine
from tests.generation.pages import everybody, queries, signed_in, statuses, text

PAGE = "/w/studio/catalogue/leaving/"


def openai_account(workspace: Workspace, url: str) -> ProviderAccount:
    return ProviderAccount.objects.create(
        workspace=workspace,
        provider="openai",
        name="main",
        encrypted_key=keyring.encrypt("sk-test"),
        base_url=url,
        webhook_token=f"openai-{workspace.pk}",
    )


def published() -> dict[str, Any]:
    rows = ModelEnding.objects.filter(origin="published")
    return dict(rows.values_list("model_key", "available_until"))


def test_what_openai_publishes_is_read_for_each_workspace_with_an_account(
    studio: Cast, fal_program: Running, settings: Any
) -> None:
    settings.PRIVATE_HOSTS = ["127.0.0.1"]
    fal_program.reset()
    row = openai_account(studio.workspace, f"{fal_program.url_of('openai')}/v1")
    last = datetime.date(2026, 11, 30)
    assert (retirement.read_published(now=timezone.now()), retirement.read_published(now=timezone.now())) == (
        2,
        0,
    )
    assert published() == {"openai/gpt-image-1-mini": last, "openai/gpt-image-1.5": last}
    assert set(ModelEnding.objects.values_list("workspace", flat=True)) == {studio.workspace.pk}
    ProviderAccount.objects.filter(pk=row.pk).update(base_url="http://127.0.0.1:1/v1")
    assert retirement.read_published(now=timezone.now()) == 0
    assert len(published()) == 2, "a provider that is away takes nothing back"


def test_a_provider_that_answers_retired_is_believed_the_next_model_made_and_managers_told(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    engine_rows.model(cast.workspace, SKETCH)

    def ask() -> Any:
        asked = engine_rows.step(models=(FLUX, SKETCH), amount="0.05", prompt="A lighthouse [[fail:retired]]")
        take = engine_rows.take(cast.deliverable, asked, person=cast.producer.person)
        engine.until_quiet()
        take.refresh_from_db()
        return take

    first = ask()
    assert (first.state, first.model) == (TakeState.READY, SKETCH)
    assert [call.model for call in engine_rows.calls_of(first)] == [FLUX, SKETCH]
    assert ModelEnding.objects.get().model_key == FLUX
    second = ask()
    assert [call.model for call in engine_rows.calls_of(second)] == [SKETCH]
    assert ModelEnding.objects.count() == 1


def test_the_schedule_is_daily_and_made_once(db: None) -> None:
    for _ in range(2):
        retirement.ensure_schedule()
    row = Schedule.objects.get()
    assert (row.func, row.schedule_type) == ("generation.tasks.endings", Schedule.DAILY)


def test_following_tells_managers_and_once(studio: Cast) -> None:
    enter(studio, "builtin/sketch-fast", ahead=5)
    now = timezone.now()
    assert (retirement.follow(now=now), retirement.follow(now=now)) == (1, 1)
    assert list(Notice.objects.values_list("kind", flat=True)) == ["model_leaving"] * 2


def enter(cast: Cast, key: str, *, ahead: int) -> None:
    until = timezone.now().date() + datetime.timedelta(days=ahead)
    body = {"model_key": key, "available_until": until.isoformat(), "source": "Its mail"}
    assert signed_in(cast.admin).post(f"{PAGE}set/", body).status_code == 302


def test_everybody_reads_what_leaves_and_it_stands_on_the_routing_page(studio: Cast) -> None:
    assert statuses(studio, PAGE) == everybody(studio)
    assert "leave soon" not in text(signed_in(studio.producer), "/w/studio/routing/")
    enter(studio, "builtin/sketch-fast", ahead=5)
    page = text(signed_in(studio.viewer), PAGE)
    assert "5 days left" in page
    assert "Take back" not in page
    assert "Take back" in text(signed_in(studio.manager), PAGE)
    assert "5 days left" in text(signed_in(studio.producer), "/w/studio/routing/")


@pytest.mark.parametrize("role", ["producer", "reviewer", "finance", "viewer"])
def test_who_keeps_no_models_changes_no_date(studio: Cast, role: str) -> None:
    enter(studio, "builtin/sketch-fast", ahead=5)
    row = ModelEnding.objects.get()
    client = signed_in(studio.by_role[role])
    body = {"model_key": "builtin/sketch-fast", "source": "x"}
    assert client.post(f"{PAGE}set/", body).status_code == 403
    assert client.post(f"{PAGE}{row.pk}/undo/").status_code == 403
    assert (
        signed_in(studio.stranger).post(f"/w/elsewhere/catalogue/leaving/{row.pk}/undo/").status_code == 404
    )
    assert ModelEnding.objects.get().available_until == row.available_until


def test_more_models_that_leave_cost_no_more_queries(studio: Cast) -> None:
    client = signed_in(studio.manager)
    enter(studio, "builtin/sketch-fast", ahead=5)
    queries(client, PAGE)  # the table in force is read once and kept
    before = queries(client, PAGE)
    for key in ("builtin/sketch-cinema", "builtin/sketch-draft", "builtin/motion-draft"):
        enter(studio, key, ahead=9)
    assert queries(client, PAGE) == before
