"""OpenAI's official Python client against the emulated OpenAI.

Emulator and adapter come from one reading of the protocol; this client does not.
"""

from __future__ import annotations

import base64
import io
import threading
import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from PIL import Image

from tests.emulators import media
from tests.emulators.server import Running, running


@pytest.fixture(scope="module")
def program() -> Iterator[Running]:
    with running(latency="0.2") as started:
        yield started


@pytest.fixture
def emulator(program: Running) -> Running:
    program.reset()
    return program


@pytest.fixture
def client(emulator: Running) -> Iterator[openai.OpenAI]:
    made = openai.OpenAI(api_key="sk-secret", base_url=f"{emulator.url_of('openai')}/v1", max_retries=0)
    with made as opened:
        yield opened


def ask(client: openai.OpenAI, prompt: str = "A lighthouse", **options: Any) -> Any:
    fields = {"model": "gpt-image-2", "quality": "low", "size": "1536x1024", "output_format": "jpeg"}
    return client.images.generate(prompt=prompt, **{**fields, **options})


def test_the_client_waits_and_gets_pictures_with_their_usage(
    client: openai.OpenAI, emulator: Running
) -> None:
    begun = time.monotonic()
    answer = ask(client, n=2)
    assert time.monotonic() - begun >= 0.2
    pictures = [Image.open(io.BytesIO(base64.b64decode(one.b64_json))) for one in answer.data]
    assert [(one.format, one.size) for one in pictures] == [("JPEG", (1536, 1024))] * 2
    assert (answer.usage.output_tokens, answer.output_format, answer.size) == (544, "jpeg", "1536x1024")
    (entry,) = emulator.log()
    assert (entry["unknown_parameters"], entry["request_id"]) == ([], answer._request_id)


def test_the_client_edits_with_several_pictures_and_a_mask(client: openai.OpenAI, emulator: Running) -> None:
    def picture(name: str) -> tuple[str, bytes, str]:
        return f"{name}.png", media.png(seed=name, width=64, height=64), "image/png"

    answer = client.images.edit(
        model="gpt-image-2",
        prompt="A lighthouse at night",
        image=[picture("one"), picture("two")],
        mask=picture("mask"),
        size="1024x1024",
    )
    assert len(answer.data or ()) == 1
    (entry,) = emulator.log()
    assert (entry["unknown_parameters"], entry["body"]["pictures"]) == ([], ["image[]", "image[]", "mask"])


@pytest.mark.parametrize(
    ("fail", "error", "code"),
    [
        ("400", openai.BadRequestError, "invalid_value"),
        ("401", openai.AuthenticationError, "invalid_api_key"),
        ("403", openai.PermissionDeniedError, None),
        ("retired", openai.NotFoundError, "model_not_found"),
        ("409", openai.ConflictError, None),
        ("429", openai.RateLimitError, "rate_limit_exceeded"),
        ("credit", openai.RateLimitError, "insufficient_quota"),
        ("policy", openai.BadRequestError, "moderation_blocked"),
        ("500", openai.InternalServerError, None),
        ("503", openai.InternalServerError, "server_is_overloaded"),
    ],
)
def test_the_client_raises_what_a_refused_call_says(
    client: openai.OpenAI, emulator: Running, fail: str, error: type[openai.APIStatusError], code: str | None
) -> None:
    with pytest.raises(error) as caught:
        ask(client, f"[[fail:{fail}]]")
    assert caught.value.code == code
    assert emulator.log() == []


def test_the_client_tries_again_after_the_time_that_it_is_told(
    client: openai.OpenAI, emulator: Running
) -> None:
    begun = time.monotonic()
    patient = client.with_options(max_retries=1)
    ask(patient, "[[fail:429*1]][[retry_after:1.2]]")
    assert time.monotonic() - begun >= 1.2
    assert len(emulator.log()) == 1


def test_the_client_makes_a_picture_twice_when_its_answer_is_lost_and_the_log_shows_it(
    client: openai.OpenAI, emulator: Running
) -> None:
    """The reason why our adapter does not try again by itself."""
    ask(client.with_options(max_retries=1), "[[fail:lost*1]]")
    assert [entry["answered"] for entry in emulator.log()] == [False, True]


def test_a_client_that_hangs_up_is_noted_and_charged(client: openai.OpenAI, emulator: Running) -> None:
    impatient = client.with_options(timeout=0.3)
    with pytest.raises(openai.APITimeoutError):
        ask(impatient, "[[latency:30]]")
    deadline = time.monotonic() + 5
    while not emulator.log()[0]["hung_up"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    emulator.advance(60)
    (entry,) = emulator.log()
    assert (entry["state"], entry["charged"]) == ("succeeded", True)


def test_an_advance_of_the_clock_wakes_a_call_that_is_held(client: openai.OpenAI, emulator: Running) -> None:
    threading.Timer(0.5, emulator.advance, [600]).start()
    begun = time.monotonic()
    ask(client, "[[latency:500]]")
    assert time.monotonic() - begun < 10


def test_the_client_lists_models_with_their_last_day(client: openai.OpenAI) -> None:
    known = {model.id: getattr(model, "shutdown_date", None) for model in client.models.list()}
    assert (known["gpt-image-1.5"], known["gpt-image-2"]) == ("2026-12-01", None)
