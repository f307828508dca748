"""Replicate's official Python client against the emulated Replicate.

Emulator and adapter come from one reading of the protocol; this client does not.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import replicate
from replicate import webhook
from replicate.exceptions import ModelError, ReplicateError

from tests.emulators.inbox import open_inbox
from tests.emulators.server import Running, running

MODEL = "black-forest-labs/flux-dev"


@pytest.fixture(scope="module")
def program() -> Iterator[Running]:
    with running(latency="0.3") as started:
        yield started


@pytest.fixture
def emulator(program: Running) -> Running:
    program.reset()
    return program


@pytest.fixture
def client(emulator: Running, monkeypatch: pytest.MonkeyPatch) -> replicate.Client:
    monkeypatch.setenv("REPLICATE_POLL_INTERVAL", "0.05")
    return replicate.Client(
        api_token="r8_secret", base_url=emulator.url_of("replicate"), transport=httpx.HTTPTransport()
    )


def ask(client: replicate.Client, prompt: str = "A lighthouse", **options: Any) -> Any:
    given = {"prompt": prompt, "seed": 7, "output_format": "png"}
    return client.models.predictions.create(model=MODEL, input=given, **options)


def test_the_client_sees_every_state_and_the_result(client: replicate.Client, emulator: Running) -> None:
    prediction = ask(client)
    seen = {prediction.status}
    while prediction.status not in ("succeeded", "failed", "canceled"):
        prediction.reload()
        seen.add(prediction.status)
    assert seen == {"starting", "processing", "succeeded"}
    assert prediction.input["seed"] == 7
    assert [entry["request_id"] for entry in emulator.log()] == [prediction.id]
    (address,) = prediction.output
    assert httpx.get(address, trust_env=False).headers["content-type"] == "image/png"


def test_the_client_waits_for_a_quick_prediction_in_the_submit_itself(
    client: replicate.Client, emulator: Running
) -> None:
    (address,) = client.run(MODEL, input={"prompt": "A lighthouse"}, wait=5)
    (entry,) = emulator.log()
    assert (entry["request_id"] in address, entry["polls"]) == (True, 0)


def test_the_client_creates_by_version_as_our_adapter_does(client: replicate.Client) -> None:
    prediction = client.predictions.create(version=MODEL, input={"prompt": "A lighthouse"})
    prediction.wait()
    assert (prediction.status, prediction.model) == ("succeeded", MODEL)


def test_the_client_raises_what_a_failed_prediction_says(client: replicate.Client) -> None:
    with pytest.raises(ModelError, match="flagged as sensitive"):
        client.run(MODEL, input={"prompt": "[[result:policy]]"}, wait=False)


@pytest.mark.parametrize(("fail", "status"), [("401", 401), ("402", 402), ("retired", 404), ("422", 422)])
def test_the_client_raises_what_a_refused_submit_says(
    client: replicate.Client, emulator: Running, fail: str, status: int
) -> None:
    with pytest.raises(ReplicateError) as caught:
        ask(client, f"[[fail:{fail}]]")
    assert caught.value.status == status
    assert emulator.log() == []


def test_the_client_cancels_a_prediction(client: replicate.Client, emulator: Running) -> None:
    prediction = ask(client)
    prediction.cancel()
    prediction.reload()
    assert (prediction.status, prediction.started_at) == ("canceled", None)
    assert [entry["charged"] for entry in emulator.log()] == [False]


def test_the_client_verifies_the_webhook_with_the_secret_that_it_fetches(
    client: replicate.Client, emulator: Running
) -> None:
    secret = client.webhooks.default.secret()
    with open_inbox() as inbox:
        ask(client, webhook=f"{inbox.url}/hooks/run-1/", webhook_events_filter=["completed"])
        (letter,) = inbox.wait(1)
    headers = httpx.Headers(letter.headers)
    webhook.Webhooks.validate(headers=headers, body=letter.body.decode(), secret=secret)
    with pytest.raises(webhook.InvalidSignatureError):
        webhook.Webhooks.validate(headers=headers, body=letter.body.decode() + " ", secret=secret)


def test_the_client_uploads_a_file_and_uses_its_address(client: replicate.Client, emulator: Running) -> None:
    kept = client.files.create(io.BytesIO(b"picture" * 100), filename="picture.png")
    assert kept.size == 700
    assert httpx.get(kept.urls["get"], trust_env=False).content == b"picture" * 100
    prediction = ask(client)
    prediction.wait()
    assert prediction.status == "succeeded"


def test_the_client_knows_the_account_behind_the_token(client: replicate.Client) -> None:
    assert client.accounts.current().username == "emulated"


def test_results_are_deleted_an_hour_after_completion(client: replicate.Client, emulator: Running) -> None:
    prediction = ask(client)
    emulator.advance(3700)
    prediction.reload()
    assert (prediction.status, prediction.output) == ("succeeded", None)
