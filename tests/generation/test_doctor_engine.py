"""What doctor finds in the engine, each with its remedy; nothing where all is well."""

from __future__ import annotations

import collections
import datetime
import io
import re
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from generation import doctor, doctor_engine
from generation.models import Call, CallTally, Run
from generation.models.runs import CallState, RunState
from projects.identifiers import new_id
from projects.models import Take
from routing import health
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.conftest import Fal
from tests.generation.engine_rows import FLUX, Engine
from tests.generation.test_health_page import ended
from tests.generation.test_unknown import lost

HOUR = datetime.timedelta(hours=1)


def found(part: str, *, after: datetime.timedelta = HOUR) -> list[str]:
    now = timezone.now() + after
    return dict(doctor_engine.parts(now=now))[part]()


@pytest.fixture
def take(cast: Cast) -> Take:
    engine_rows.model(cast.workspace, FLUX)
    return engine_rows.take(cast.deliverable, engine_rows.step(models=[FLUX], amount="0.25"))


def test_a_sound_engine_has_no_findings(cast: Cast, engine: Engine) -> None:
    engine_rows.model(cast.workspace)
    engine_rows.take(cast.deliverable)
    engine.until_quiet()
    told = {name: look() for name, look in doctor_engine.parts(now=timezone.now() + HOUR)}
    assert {name for name, problems in told.items() if problems} <= {"disk"}
    assert set(told) < {finding.part for finding in doctor.examine()}


def test_a_lane_that_nobody_drains(take: Take) -> None:
    (words,) = found("lanes")
    assert re.fullmatch(r"submit waits since .* UTC: run manage\.py work, or look into its log\.", words)


def test_a_model_that_does_not_come_back(cast: Cast, take: Take) -> None:
    for _ in range(5):
        health.record(workspace=cast.workspace, model_key=FLUX, error_class="timeout")
    assert found("breakers", after=HOUR / 4) == []
    (words,) = found("breakers")
    assert f"{FLUX} does not do well in Studio since" in words
    assert "5 of the last 5 calls failed" in words
    assert "publish a routing table" in words
    health.record(workspace=cast.workspace, model_key=FLUX, now=timezone.now() + HOUR)
    assert found("breakers", after=2 * HOUR) == []


def test_lost_answers_with_the_money_that_waits(cast: Cast, engine: Engine, fal: Fal) -> None:
    assert found("lost answers") == []
    lost(cast, engine)
    (words,) = found("lost answers")
    assert words.startswith("1 calls of Studio wait for a person since ")
    assert words.endswith("with €0.05 held: a manager says what happened at /w/studio/queue/unknown/.")


def test_holds_of_steps_that_have_ended(take: Take) -> None:
    Run.objects.filter(take=take).update(state=RunState.FAILED, lane="", ended_at=timezone.now())
    assert found("holds", after=datetime.timedelta()) == []
    (words,) = found("holds")
    assert words == (
        "1 holds over €0.25 in Studio belong to steps that have ended: the sweep releases them; "
        "run manage.py work."
    )


def test_leases_of_workers_that_are_gone(take: Take) -> None:
    Run.objects.filter(take=take).update(lease=new_id(), leased_until=timezone.now())
    assert found("leases", after=datetime.timedelta()) == []
    (words,) = found("leases")
    assert words.startswith("1 steps of the lane submit are leased by a worker that is gone since")


@pytest.mark.parametrize(("free", "total", "well"), [(50, 100, True), (1, 10, False), (4, 100, False)])
def test_too_little_room_on_the_disk(monkeypatch: Any, free: int, total: int, well: bool) -> None:
    usage = collections.namedtuple("usage", "total used free")
    room = usage(total * 10**9, 0, free * 10**9)
    monkeypatch.setattr("shutil.disk_usage", lambda path: room)
    said = doctor_engine.disk()
    assert (said == []) == well
    assert well or said[0].startswith(f"Only {free}.0 GB of {total} GB are free")


def test_counts_that_are_wrong_are_made_anew_by_the_command(take: Take) -> None:
    ended(take)
    CallTally.objects.all().delete()
    assert "the calls say 1" in found("counted calls")[0]
    told = io.StringIO()
    with pytest.raises(SystemExit):  # no worker stamps here
        call_command("doctor", recount=True, stdout=told)
    assert re.search(r"^well +counted calls$", told.getvalue(), re.MULTILINE)
    assert Call.objects.get().state == CallState.SUCCEEDED
