"""fal's official Python client against the emulated fal, over TLS as it insists.

Emulator and adapter come from one reading of the protocol; this client does not.
"""

from __future__ import annotations

import importlib
import pathlib
import ssl
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.emulators import certificate
from tests.emulators.inbox import open_inbox
from tests.emulators.server import Running, running

ENDPOINT = "fal-ai/flux/dev"


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return certificate.write(tmp_path_factory.mktemp("tls") / "emulator.pem")


@pytest.fixture(scope="module")
def program(pem: pathlib.Path) -> Iterator[Running]:
    with running(latency="0.3", certificate=pem) as started:
        yield started


@pytest.fixture
def emulator(program: Running) -> Running:
    program.reset()
    return program


@pytest.fixture
def fal_client(emulator: Running, pem: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The package, newly imported under the environment by which it is pointed elsewhere."""
    monkeypatch.setenv("FAL_QUEUE_RUN_HOST", emulator.fal_url.removeprefix("https://"))
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == "fal_client"]:
        monkeypatch.delitem(sys.modules, name)
    return importlib.import_module("fal_client")


@pytest.fixture
def client(fal_client: Any) -> Any:
    return fal_client.SyncClient(key="id:secret")


def ask(client: Any, prompt: str = "A lighthouse", **options: Any) -> Any:
    arguments = {"prompt": prompt, "seed": 7, "image_size": "square_hd"}
    return client.submit(ENDPOINT, arguments=arguments, **options)


def test_the_client_sees_every_state_and_fetches_the_result(
    fal_client: Any, client: Any, emulator: Running
) -> None:
    handle = ask(client)
    assert handle.status() == fal_client.Queued(position=1)
    seen = {type(status).__name__ for status in handle.iter_events(with_logs=True, interval=0.02)}
    assert seen == {"Queued", "InProgress", "Completed"}
    result = handle.get()
    assert (result["seed"], result["has_nsfw_concepts"]) == (7, [False])
    assert [entry["request_id"] for entry in emulator.log()] == [handle.request_id]


def test_the_client_makes_the_same_addresses_as_the_emulator(fal_client: Any, client: Any) -> None:
    handle = ask(client)
    made = client.get_handle(ENDPOINT, handle.request_id)
    assert (made.status_url, made.response_url, made.cancel_url) == (
        handle.status_url,
        handle.response_url,
        handle.cancel_url,
    )


def test_the_client_reads_logs_and_the_time_that_a_job_took(fal_client: Any, client: Any) -> None:
    handle = ask(client)
    handle.get(interval=0.02)
    status = handle.status(with_logs=True)
    assert isinstance(status, fal_client.Completed)
    assert [entry["message"] for entry in status.logs] == ["Working"]
    assert status.metrics == {"inference_time": 0.225}


def test_the_client_reads_why_a_finished_job_failed(client: Any) -> None:
    handle = ask(client, "[[result:503]]")
    *_, last = handle.iter_events(interval=0.02)
    assert last.error_type == "runner_scheduling_failure"


@pytest.mark.parametrize(
    ("result", "status", "error_type"),
    [
        ("policy", 422, "content_policy_violation"),
        ("no_media", 422, "no_media_generated"),
        ("500", 500, "internal_server_error"),
        ("502", 502, "runner_incomplete_response"),
        ("timeout", 504, "startup_timeout"),
    ],
)
def test_the_client_raises_the_error_of_a_failed_job_with_its_type(
    fal_client: Any, client: Any, result: str, status: int, error_type: str
) -> None:
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        ask(client, f"[[result:{result}]]").get(interval=0.02)
    assert (caught.value.status_code, caught.value.error_type) == (status, error_type)


@pytest.mark.parametrize(("fail", "status"), [("401", 401), ("credit", 403), ("retired", 404), ("422", 422)])
def test_the_client_raises_what_a_refused_submit_says(
    fal_client: Any, client: Any, emulator: Running, fail: str, status: int
) -> None:
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        ask(client, f"[[fail:{fail}]]")
    assert caught.value.status_code == status
    assert emulator.log() == []


@pytest.mark.parametrize("fail", ["429*2", "502*1", "drop*1"])
def test_the_client_tries_again_where_it_takes_the_refusal_for_a_passing_one(
    client: Any, emulator: Running, fail: str
) -> None:
    handle = ask(client, f"[[fail:{fail}]]")
    assert [entry["request_id"] for entry in emulator.log()] == [handle.request_id]


def test_the_client_submits_twice_when_an_answer_is_lost_and_the_log_shows_it(
    client: Any, emulator: Running
) -> None:
    """The reason why our adapter does not try again by itself."""
    handle = ask(client, "[[fail:lost*1]]")
    assert [entry["answered"] for entry in emulator.log()] == [False, True]
    assert emulator.log()[1]["request_id"] == handle.request_id


def test_the_client_cancels_a_queued_job(fal_client: Any, client: Any, emulator: Running) -> None:
    handle = ask(client)
    handle.cancel()
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        handle.get(interval=0.02)
    assert (caught.value.status_code, caught.value.error_type) == (499, "client_cancelled")
    assert [entry["state"] for entry in emulator.log()] == ["cancelled"]


def test_the_client_is_told_that_a_finished_job_cannot_be_cancelled(fal_client: Any, client: Any) -> None:
    handle = ask(client)
    handle.get(interval=0.02)
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        handle.cancel()
    assert caught.value.status_code == 400


def test_the_client_hands_over_the_address_of_a_webhook(client: Any, emulator: Running) -> None:
    with open_inbox() as inbox:
        handle = ask(client, webhook_url=f"{inbox.url}/hooks/fal/run-1/?run=1&x=2")
        (letter,) = inbox.wait(1)
    assert letter.path == "/hooks/fal/run-1/?run=1&x=2"
    assert letter.headers["X-Fal-Webhook-Request-Id"] == handle.request_id


def test_the_file_behind_a_result_is_a_picture_of_the_size_that_was_asked_for(
    client: Any, pem: pathlib.Path
) -> None:
    result = ask(client).get(interval=0.02)
    context = ssl.create_default_context(cafile=str(pem))
    answer = httpx.get(result["images"][0]["url"], verify=context, trust_env=False)
    assert (answer.headers["content-type"], len(answer.content)) == ("image/jpeg", 100_000)
    assert (result["images"][0]["width"], result["images"][0]["height"]) == (1024, 1024)
