"""/metrics: who may read it, what it tells, and that its labels are bounded."""

from __future__ import annotations

import datetime
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from generation import engine_metrics, lanes
from generation.models import Canary
from generation.models.runs import CallState
from routing import health
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.conftest import Fal
from tests.generation.engine_rows import FLUX, SKETCH, Engine
from tests.generation.pages import signed_in
from tests.generation.test_health_page import ended
from tests.generation.test_unknown import lost

TOKEN = "-".join(["metrics", "for", "the", "test"])


@pytest.fixture
def token(settings: Any) -> str:
    settings.METRICS_TOKEN = TOKEN
    cache.delete("metrics:takes-ended")
    return f"Bearer {TOKEN}"


def read(token: str) -> dict[str, dict[tuple[str, ...], float]]:
    """By sample name, the values of its labels and the figure."""
    answer = Client().get("/metrics", headers={"authorization": token})
    assert answer.status_code == 200
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(answer.content.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(value for _, value in sorted(sample.labels.items()))] = (
                sample.value
            )
    return found


@pytest.mark.parametrize(
    ("given", "status"), [("", 404), ("Bearer wrong", 404), (f"Bearer {TOKEN}", 200), (TOKEN, 200)]
)
def test_the_token_opens_it(db: None, token: str, given: str, status: int) -> None:
    assert Client().get("/metrics", headers={"authorization": given}).status_code == status


def test_without_a_setting_there_is_no_such_address(cast: Cast) -> None:
    assert signed_in(cast.admin).get("/metrics").status_code == 404
    assert Client().get("/metrics", headers={"authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize(
    ("allowed", "forwarded", "status"),
    [
        (["10.0.0.0/8"], False, 404),
        (["127.0.0.0/8"], False, 200),
        (["127.0.0.1"], True, 404),
        (["x"], 0, 404),
    ],
)
def test_an_address_of_the_list_opens_it_and_not_through_a_proxy(
    db: None, settings: Any, allowed: list[str], forwarded: bool, status: int
) -> None:
    settings.METRICS_FROM = allowed
    headers = {"x-forwarded-for": "198.51.100.7"} if forwarded else {}
    assert Client().get("/metrics", headers=headers).status_code == status


def test_takes_steps_lanes_and_money_under_way(cast: Cast, token: str) -> None:
    engine_rows.model(cast.workspace)
    take = engine_rows.take(
        cast.deliverable, engine_rows.step(amount="0.25"), now=timezone.now() - datetime.timedelta(seconds=90)
    )
    told = read(token)
    assert told["circletake_takes"] == {("queued",): 1}
    assert told["circletake_runs"] == {("submit", "queued"): 1}
    assert told["circletake_lane_oldest_due_seconds"]["submit",] == pytest.approx(90, abs=30)
    assert told["circletake_lane_oldest_due_seconds"]["poll",] == 0
    assert told["circletake_holds_open"] == {(take.workspace.currency,): 1}
    assert told["circletake_holds_open_amount"] == {(take.workspace.currency,): Decimal("0.25")}


def test_ended_calls_by_provider_model_and_result(cast: Cast, token: str) -> None:
    engine_rows.model(cast.workspace, FLUX)
    take = engine_rows.take(cast.deliverable, engine_rows.step(models=[FLUX]))
    for seconds in (0.9, 1.9, 100):
        ended(take, seconds=seconds)
    ended(take, state=CallState.FAILED, error_class="timeout")
    ended(take, "fal/of-this-workspace-alone")
    told = read(token)
    assert told["circletake_calls_total"] == {
        (FLUX, "fal", "succeeded"): 3,
        (FLUX, "fal", "timeout"): 1,
        ("own", "fal", "succeeded"): 1,
    }
    buckets = told["circletake_call_seconds_bucket"]
    assert [buckets[end, "fal"] for end in ("0.5", "1.0", "2.0", "64.0", "128.0", "+Inf")] == [
        0,
        1,
        3,
        3,
        4,
        4,
    ]


def test_a_lost_answer_is_under_way_until_it_is_known(
    cast: Cast, engine: Engine, fal: Fal, token: str
) -> None:
    lost(cast, engine)
    told = read(token)
    assert told["circletake_calls_under_way"] == {("fal", "unknown"): 1}
    assert "circletake_calls_total" not in told
    assert told["circletake_holds_open"] == {("EUR",): 1}


def test_breakers_workers_lanes_and_connections(cast: Cast, token: str) -> None:
    engine_rows.model(cast.workspace, FLUX)
    for model in (FLUX, "fal/of-this-workspace-alone"):
        for _ in range(5):
            health.record(workspace=cast.workspace, model_key=model, error_class="timeout")
    health.record(workspace=cast.workspace, model_key=SKETCH)
    Canary.objects.create(name="group", stamped_at=timezone.now())
    with lanes.keeper("poll"):
        told = read(token)
    assert told["circletake_breakers"] == {(FLUX, "open"): 1, ("own", "open"): 1, ("none", "closed"): 1}
    assert told["circletake_lane_keepers"]["poll",] == 1
    assert told["circletake_lane_keepers"]["submit",] == 0
    assert 0 <= told["circletake_canary_age_seconds"][()] < 60
    assert told["circletake_database_connections"]["active",] >= 1


def test_requests_are_counted_by_route_and_webhooks_by_outcome(cast: Cast, fal: Fal, token: str) -> None:
    client = signed_in(cast.viewer)
    client.get("/w/studio/queue/")
    before = read(token)
    client.get("/w/studio/queue/")
    client.get(f"/w/studio/{TOKEN}/nowhere/")
    Client().post(f"/hooks/fal/{fal.account.webhook_token}/", b"{}", content_type="application/json")
    Client().post("/hooks/nobody/knows/", b"{}", content_type="application/json")
    after = read(token)
    queue = ("GET", "generation:queue", "2xx")
    counted = after["circletake_requests_total"]
    assert counted[queue] - before["circletake_requests_total"][queue] == 1
    assert after["circletake_webhooks_total"]["rejected", "fal"] >= 1
    assert not any("nobody" in labels for labels in after["circletake_webhooks_total"])
    assert not any(TOKEN in label for labels in counted for label in labels)
    assert after["circletake_request_seconds_count"]["generation:queue",] >= 2


def test_twice_the_rows_cost_the_same_number_of_queries(cast: Cast, token: str) -> None:
    counts = []
    for model in (FLUX, SKETCH):
        engine_rows.model(cast.workspace, model)
        for _ in range(3):
            ended(engine_rows.take(cast.deliverable, engine_rows.step(models=[model])), model)
        cache.delete("metrics:takes-ended")
        with CaptureQueriesContext(connection) as captured:
            list(engine_metrics.all_of_them(now=timezone.now()))
        counts.append(len(captured))
    assert counts[0] == counts[1]


PROCESS = """
import os, sys
from circletake import measures
measures.count(route="generation:queue", method="GET", status=200, seconds=0.2)
sys.stdout.write(measures.text().decode())
"""


def test_several_web_processes_are_added_up(tmp_path: Path) -> None:
    """As granian's are: each writes a file of its own, and any of them tells the sum."""
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PATH": "/usr/bin"}
    told = ""
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", PROCESS], env=environment, capture_output=True, text=True, check=True
        )
        told = done.stdout
    assert 'circletake_requests_total{method="GET",route="generation:queue",status="2xx"} 3.0' in told
    assert 'circletake_request_seconds_bucket{le="0.25",route="generation:queue"} 3.0' in told
