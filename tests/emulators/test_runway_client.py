"""Runway's official Python client against the emulated Runway, its happy ways and its errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import runwayml

from tests.emulators.server import Running, running


@pytest.fixture(scope="module")
def program() -> Iterator[Running]:
    with running(latency="10") as started:
        yield started


@pytest.fixture
def emulator(program: Running) -> Running:
    program.reset()
    return program


@pytest.fixture
def client(emulator: Running) -> Iterator[runwayml.RunwayML]:
    with runwayml.RunwayML(
        api_key="key_secret",
        base_url=emulator.url_of("runway"),
        max_retries=0,
        http_client=httpx.Client(trust_env=False),
    ) as made:
        yield made


def ask(client: runwayml.RunwayML, prompt: str = "A lighthouse", **changes: Any) -> Any:
    asked: dict[str, Any] = {"model": "gen4.5", "duration": 5, "ratio": "1280:720", **changes}
    return client.text_to_video.create(prompt_text=prompt, **asked)


def test_the_client_sees_every_state_with_its_fields(client: runwayml.RunwayML, emulator: Running) -> None:
    made = ask(client)
    assert made.estimated_cost.credits == 60
    assert client.tasks.retrieve(made.id).status == "PENDING"
    emulator.advance(6)
    running_task = client.tasks.retrieve(made.id)
    assert (running_task.status, 0 < running_task.progress < 1) == ("RUNNING", True)
    emulator.advance(6)
    done = client.tasks.retrieve(made.id)
    assert (done.status, done.cost.credits, len(done.output)) == ("SUCCEEDED", 60, 1)
    assert httpx.get(done.output[0], trust_env=False, timeout=30).headers["content-type"] == "video/mp4"


def test_the_client_sees_a_task_that_waits_for_a_place(client: runwayml.RunwayML) -> None:
    assert client.tasks.retrieve(ask(client, "[[concurrency:1]]").id).status == "THROTTLED"


@pytest.mark.parametrize(
    ("result", "code", "credits"),
    [("policy", "SAFETY.OUTPUT.VIDEO", 0), ("policy_input", "SAFETY.INPUT.TEXT", 60), ("null", None, 0)],
)
def test_the_client_reads_why_a_task_failed_and_what_it_cost(
    client: runwayml.RunwayML, emulator: Running, result: str, code: str | None, credits: int
) -> None:
    made = ask(client, f"[[result:{result}]]")
    emulator.advance(20)
    task = client.tasks.retrieve(made.id)
    assert (task.status, task.failure_code, task.cost.credits) == ("FAILED", code, credits)


@pytest.mark.parametrize(
    ("fail", "error"),
    [
        ("401", runwayml.AuthenticationError),
        ("credit", runwayml.BadRequestError),
        ("429", runwayml.RateLimitError),
        ("500", runwayml.InternalServerError),
        ("502", runwayml.InternalServerError),
    ],
)
def test_the_client_raises_what_a_refused_submit_says(
    client: runwayml.RunwayML, emulator: Running, fail: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        ask(client, f"[[fail:{fail}]]")
    assert emulator.log() == []


@pytest.mark.parametrize(
    "changes", [{"duration": 11}, {"ratio": "16:9"}, {"seed": "seven"}, {"extra_body": {"guidance": 7}}]
)
def test_the_client_is_refused_what_the_model_does_not_take(
    client: runwayml.RunwayML, changes: dict[str, Any]
) -> None:
    with pytest.raises(runwayml.BadRequestError, match="Validation of body failed"):
        ask(client, **changes)


def test_the_client_is_told_of_an_unknown_task(client: runwayml.RunwayML) -> None:
    with pytest.raises(runwayml.NotFoundError):
        client.tasks.retrieve("00000000-0000-0000-0000-000000000000")


def test_the_client_stops_a_task_that_waits_for_nothing(client: runwayml.RunwayML) -> None:
    made = ask(client)
    client.tasks.delete(made.id)
    task = client.tasks.retrieve(made.id)
    assert (task.status, task.cost.credits) == ("CANCELLED", 0)


def test_the_client_destroys_a_task_that_has_ended(client: runwayml.RunwayML, emulator: Running) -> None:
    made = ask(client)
    emulator.advance(20)
    client.tasks.delete(made.id)
    with pytest.raises(runwayml.NotFoundError):
        client.tasks.retrieve(made.id)


def test_the_client_uploads_a_picture_and_uses_it_as_a_frame(
    client: runwayml.RunwayML, emulator: Running
) -> None:
    upload = client.uploads.create_ephemeral(file=("frame.jpg", b"\xff\xd8" + b"0" * 1000))
    client.image_to_video.create(
        model="gen4_turbo",
        prompt_image=[{"uri": upload.uri, "position": "first"}],
        ratio="1280:720",
        duration=5,
    )
    (entry,) = emulator.log()
    assert entry["body"]["promptImage"] == [{"uri": upload.uri, "position": "first"}]


def test_the_client_reads_what_the_organization_has_left(client: runwayml.RunwayML) -> None:
    assert client.organization.retrieve().credit_balance == 5000
