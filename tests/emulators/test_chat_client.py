"""OpenAI's official Python client against the emulated chat server: words, pictures, and errors."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.emulators import chat, media
from tests.emulators.server import Running, running


@pytest.fixture(scope="module")
def program() -> Iterator[Running]:
    with running(latency="0.05") as started:
        yield started


@pytest.fixture
def emulator(program: Running) -> Running:
    program.reset()
    return program


def made(emulator: Running, **options: Any) -> openai.OpenAI:
    fields = {"api_key": "sk-secret", "base_url": f"{emulator.url_of('chat')}/v1", "max_retries": 0}
    return openai.OpenAI(**{**fields, **options})


@pytest.fixture
def client(emulator: Running) -> Iterator[openai.OpenAI]:
    with made(emulator) as opened:
        yield opened


def ask(client: openai.OpenAI, prompt: str = "A lighthouse", **options: Any) -> Any:
    fields = {"model": "house-writer", "messages": [{"role": "user", "content": prompt}]}
    return client.chat.completions.create(**{**fields, **options})


def test_the_client_reads_the_words_and_what_was_used(client: openai.OpenAI, emulator: Running) -> None:
    answer = ask(client, seed=7, temperature=0.5)
    (choice,) = answer.choices
    assert (choice.message.content, choice.message.refusal, choice.finish_reason) == (chat.SAYS, None, "stop")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    (entry,) = emulator.log()
    assert (answer.id, entry["unknown_parameters"]) == (entry["request_id"], [])


def test_the_client_shows_a_picture_and_asks_for_json(client: openai.OpenAI) -> None:
    data = base64.b64encode(media.jpeg(seed="a", width=64, height=64, size=4000)).decode()
    parts = [
        {"type": "text", "text": "Judge it as JSON."},
        {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}},
    ]
    messages = [
        {"role": "system", "content": "Criteria:\n- light: how it falls"},
        {"role": "user", "content": parts},
    ]
    answer = ask(client, model="house-eyes", messages=messages, response_format={"type": "json_object"})
    assert json.loads(answer.choices[0].message.content) == {"light": chat.SCORE}


@pytest.mark.parametrize(
    ("result", "reason"), [("policy", "content_filter"), ("cut", "length"), ("policy_refusal", "stop")]
)
def test_the_client_reads_why_an_answer_ended(client: openai.OpenAI, result: str, reason: str) -> None:
    (choice,) = ask(client, f"[[result:{result}]]").choices
    assert choice.finish_reason == reason
    assert (choice.message.refusal is not None) == (result == "policy_refusal")


@pytest.mark.parametrize(
    ("fail", "error", "code"),
    [
        ("400", openai.BadRequestError, None),
        ("long", openai.BadRequestError, "context_length_exceeded"),
        ("401", openai.AuthenticationError, "invalid_api_key"),
        ("403", openai.PermissionDeniedError, None),
        ("retired", openai.NotFoundError, "model_not_found"),
        ("policy", openai.BadRequestError, "content_policy_violation"),
        ("429", openai.RateLimitError, "rate_limit_exceeded"),
        ("credit", openai.RateLimitError, "credit_balance_exhausted"),
        ("500", openai.InternalServerError, None),
    ],
)
def test_the_client_raises_what_a_refused_call_says(
    client: openai.OpenAI, emulator: Running, fail: str, error: type[openai.APIStatusError], code: str | None
) -> None:
    with pytest.raises(error) as caught:
        ask(client, f"[[fail:{fail}]]")
    assert caught.value.code == code
    assert emulator.log() == []


def test_the_client_tries_again_after_a_rate_limit(emulator: Running) -> None:
    with made(emulator, max_retries=2) as client:
        answer = ask(client, "[[fail:429*1]][[retry_after:0.1]]")
    assert answer.choices[0].message.content == chat.SAYS
    assert emulator.refused("chat") == {"429": 1}


def test_the_client_is_refused_what_the_server_does_not_know(
    client: openai.OpenAI, emulator: Running
) -> None:
    with pytest.raises(openai.BadRequestError):
        ask(client, extra_body={"unheard_of": 1})
    with pytest.raises(openai.NotFoundError):
        ask(client, model="nobody")
    assert emulator.log() == []


def test_the_client_lists_models(client: openai.OpenAI) -> None:
    assert [one.id for one in client.models.list().data] == list(chat.MODELS)
