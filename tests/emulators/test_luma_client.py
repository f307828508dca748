"""Luma's official Python client against the emulated agents API, its happy ways and its errors."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import luma_agents
import pytest

from tests.emulators import media
from tests.emulators.server import Running, running

FRAME = {
    "data": base64.b64encode(media.png(seed="frame", width=64, height=64)).decode(),
    "media_type": "image/png",
}


@pytest.fixture(scope="module")
def program() -> Iterator[Running]:
    with running(latency="10") as started:
        yield started


@pytest.fixture
def emulator(program: Running) -> Running:
    program.reset()
    return program


@pytest.fixture
def client(emulator: Running) -> Iterator[Any]:
    made = luma_agents.Luma(
        auth_token="luma-api-secret",
        base_url=f"{emulator.url_of('luma')}/v1",
        max_retries=0,
        http_client=httpx.Client(trust_env=False),
    )
    with made:
        yield made


def ask(client: Any, prompt: str = "A lighthouse", **changes: Any) -> Any:
    asked = {
        "model": "ray-3.2",
        "type": "video",
        "video": {"duration": "5s", "resolution": "720p"},
        **changes,
    }
    return client.generations.create(prompt=prompt, **asked)


def test_the_client_sees_every_state_and_the_output(client: Any, emulator: Running) -> None:
    made = ask(client)
    assert (made.state, made.type, made.output) == ("queued", "video", None)
    emulator.advance(6)
    assert client.generations.get(made.id).state == "processing"
    emulator.advance(6)
    done = client.generations.get(made.id)
    assert (done.state, done.output[0].type, done.failure_code) == ("completed", "video", None)
    assert httpx.get(done.output[0].url, trust_env=False, timeout=30).headers["content-type"] == "video/mp4"


@pytest.mark.parametrize(
    ("result", "code"),
    [("policy", "content_moderated"), ("500", "generation_failed"), ("credit", "budget_exhausted")],
)
def test_the_client_reads_why_a_generation_failed(
    client: Any, emulator: Running, result: str, code: str
) -> None:
    made = ask(client, f"[[result:{result}]]")
    emulator.advance(20)
    done = client.generations.get(made.id)
    assert (done.state, done.failure_code, done.output) == ("failed", code, None)


@pytest.mark.parametrize(
    ("fail", "error"),
    [
        ("401", luma_agents.AuthenticationError),
        ("403", luma_agents.PermissionDeniedError),
        ("retired", luma_agents.NotFoundError),
        ("422", luma_agents.UnprocessableEntityError),
        ("429", luma_agents.RateLimitError),
        ("500", luma_agents.InternalServerError),
    ],
)
def test_the_client_raises_what_a_refused_submit_says(
    client: Any, emulator: Running, fail: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        ask(client, f"[[fail:{fail}]]")
    assert emulator.log() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "image"},
        {"aspect_ratio": "3:1"},
        {"video": {"duration": "7s"}},
        {"video": {"duration": "10s", "start_frame": FRAME}},
        {"video": {"duration": "10s", "hdr": True}},
        {"video": {"keyframes": [FRAME], "keyframe_indexes": [121]}},
        {"video": {"start_frame": {"data": FRAME["data"]}}},
        {"extra_body": {"seed": 7}},
    ],
)
def test_the_client_is_refused_what_the_model_does_not_take(client: Any, changes: dict[str, Any]) -> None:
    with pytest.raises(luma_agents.UnprocessableEntityError):
        ask(client, **changes)


def test_the_client_sends_frames_and_references(client: Any, emulator: Running) -> None:
    ask(client, video={"duration": "10s", "keyframes": [FRAME, FRAME], "keyframe_indexes": [0, 240]})
    ask(client, model="uni-1", type="image_edit", source=FRAME, image_ref=[FRAME] * 8, video=luma_agents.omit)
    assert [entry["endpoint"] for entry in emulator.log()] == ["ray-3.2/video", "uni-1/image_edit"]


def test_the_client_is_told_of_an_unknown_generation(client: Any) -> None:
    with pytest.raises(luma_agents.NotFoundError):
        client.generations.get("00000000-0000-0000-0000-000000000000")
