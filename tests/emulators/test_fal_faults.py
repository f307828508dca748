"""Faults of the emulated fal after it has made what was asked: answers and files that do not arrive whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.emulators.server import Running, running

MODEL = "fal-ai/flux/schnell"


@pytest.fixture
def emulator() -> Iterator[Running]:
    with running(latency="5") as started:
        yield started


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(headers={"Authorization": "Key id:secret"}, trust_env=False) as opened:
        yield opened


def submit(http: httpx.Client, emulator: Running, prompt: str) -> Any:
    return http.post(f"{emulator.fal_url}/{MODEL}", json={"prompt": prompt})


def test_a_job_whose_answer_is_garbage_is_made_all_the_same(http: httpx.Client, emulator: Running) -> None:
    answer = submit(http, emulator, "[[answer:garbage]]")
    (job,) = emulator.log()
    assert (answer.status_code, answer.content[:6], job["answered"]) == (200, b"<html>", False)


def test_a_job_that_is_to_stop_goes_on_or_stops_behind_a_bad_answer(
    http: httpx.Client, emulator: Running
) -> None:
    names = ("stop", "stopped")
    jobs = {name: submit(http, emulator, f"[[{name}:500*1]]").json() for name in names}
    codes = [http.put(jobs[name]["cancel_url"]).status_code for name in names]
    emulator.advance(10)
    assert codes == [500, 500]
    assert [job["state"] for job in emulator.log()] == ["succeeded", "cancelled"]


def test_a_file_fails_as_often_as_is_asked_for_whichever_job_made_it(
    http: httpx.Client, emulator: Running
) -> None:
    jobs = [submit(http, emulator, "[[file:503*1]]").json() for _ in range(2)]
    emulator.advance(10)
    addresses = [http.get(job["response_url"]).json()["images"][0]["url"] for job in jobs]
    assert [http.get(address).status_code for address in addresses] == [503, 200]


def test_a_file_is_garbage_cut_or_broken_off(http: httpx.Client, emulator: Running) -> None:
    jobs = {name: submit(http, emulator, f"[[file:{name}]]").json() for name in ("garbage", "drop", "broken")}
    emulator.advance(10)
    places = {k: http.get(job["response_url"]).json()["images"][0]["url"] for k, job in jobs.items()}
    garbage = http.get(places["garbage"])
    assert (garbage.headers["content-type"], garbage.content[:6]) == ("image/jpeg", b"<html>")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending"):
        http.get(places["drop"])
    with pytest.raises(httpx.RemoteProtocolError, match="peer closed connection"):
        http.get(places["broken"])
