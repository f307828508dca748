"""The emulated provider itself: deterministic, scripted, and its log the truth."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import av
import httpx
import pytest
from PIL import Image

from tests.emulators.server import Running, running

MODEL = "fal-ai/flux/schnell"


@pytest.fixture
def emulator() -> Iterator[Running]:
    with running(latency="100") as started:
        yield started


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(headers={"Authorization": "Key id:secret"}, trust_env=False) as opened:
        yield opened


def submit(http: httpx.Client, emulator: Running, prompt: str = "A lighthouse", model: str = MODEL) -> Any:
    return http.post(f"{emulator.fal_url}/{model}", json={"prompt": prompt}).json()


def output(http: httpx.Client, emulator: Running, prompt: str, model: str = MODEL) -> httpx.Response:
    job = submit(http, emulator, prompt, model)
    emulator.advance(200)
    result = http.get(job["response_url"]).json()
    return http.get((result.get("images") or [result.get("video")])[0]["url"])


def test_the_same_seed_and_requests_give_the_same_fates_and_the_same_files(http: httpx.Client) -> None:
    def history() -> tuple[list[Any], bytes]:
        with running(seed=5, latency="10-200") as emulator:
            emulator.script({"share": 0.4, "behaviour": {"result": "500"}})
            jobs = [submit(http, emulator, f"{number}") for number in range(20)]
            emulator.advance(300)
            codes = [http.get(job["response_url"]).status_code for job in jobs]
            lasted = [round(e["ends_at"] - e["accepted_at"], 3) for e in emulator.log()]
            return [codes, lasted], output(http, emulator, "picture [[result:]]").content

    first, second = history(), history()
    assert first == second
    assert set(first[0][0]) == {200, 500}


def test_two_requests_with_the_same_body_get_different_pictures(
    http: httpx.Client, emulator: Running
) -> None:
    assert output(http, emulator, "same").content != output(http, emulator, "same").content


def test_a_script_over_http_matches_by_endpoint_and_wears_out(http: httpx.Client, emulator: Running) -> None:
    rule = {"match": {"endpoint": "fal-ai/flux/*"}, "times": 2, "behaviour": {"fail": "503"}}
    http.post(f"{emulator.url}/_control/script", json={"rules": [rule]}).raise_for_status()
    url = emulator.fal_url
    codes = [http.post(f"{url}/{MODEL}", json={"prompt": f"{n}"}).status_code for n in range(3)]
    other = http.post(f"{url}/fal-ai/nano-banana", json={"prompt": "4"}).status_code
    assert (codes, other) == ([503, 503, 200], 200)


def test_a_script_with_a_misspelt_name_is_refused_and_changes_nothing(
    http: httpx.Client, emulator: Running
) -> None:
    wrong = {"rules": [{"behaviour": {"fial": "503"}}]}
    assert http.post(f"{emulator.url}/_control/script", json=wrong).status_code == 400
    assert "request_id" in submit(http, emulator)


def test_the_log_is_the_truth_about_accepted_jobs_and_counts_the_refused(
    http: httpx.Client, emulator: Running
) -> None:
    job = submit(http, emulator)
    submit(http, emulator, "[[fail:500]]")
    emulator.advance(100)
    log = http.get(f"{emulator.url}/_control/log").json()
    (entry,) = log["jobs"]
    assert (entry["request_id"], entry["state"], entry["charged"]) == (job["request_id"], "succeeded", True)
    assert log["refused"] == {"fal": {"500": 1}}
    assert http.get(f"{emulator.url}/_control/log?after=1").json()["jobs"] == []


def test_an_account_that_may_run_two_jobs_at_once_runs_the_third_after_them(
    http: httpx.Client, emulator: Running
) -> None:
    emulator.script(concurrency=2, queue_share=0)
    jobs = [submit(http, emulator, f"{number}") for number in range(3)]
    states = [http.get(job["status_url"]).json()["status"] for job in jobs]
    assert states == ["IN_PROGRESS", "IN_PROGRESS", "IN_QUEUE"]
    emulator.advance(101)
    assert http.get(jobs[2]["status_url"]).json()["status"] == "IN_PROGRESS"


def test_a_queue_that_is_longer_than_the_caller_wants_refuses(http: httpx.Client, emulator: Running) -> None:
    url = f"{emulator.fal_url}/{MODEL}?fal_max_queue_length=1"
    codes = [http.post(url, json={"prompt": f"{n}"}).status_code for n in range(3)]
    assert codes == [200, 200, 429]


def test_an_output_expires(http: httpx.Client, emulator: Running) -> None:
    job = submit(http, emulator, "[[expires:60]]")
    emulator.advance(150)
    address = http.get(job["response_url"]).json()["images"][0]["url"]
    assert http.get(address).status_code == 200
    emulator.advance(20)
    assert http.get(address).status_code == 404


def test_a_job_is_another_keys_secret(http: httpx.Client, emulator: Running) -> None:
    job = submit(http, emulator)
    stranger = {"Authorization": "Key other:secret"}
    assert http.get(job["status_url"], headers=stranger).status_code == 404
    assert http.put(job["cancel_url"], headers=stranger).status_code == 404
    assert http.get(job["status_url"]).json()["status"] == "IN_QUEUE"


def test_a_film_plays_and_a_truncated_one_does_not(http: httpx.Client, emulator: Running) -> None:
    model = "fal-ai/kling-video/v2.5-turbo/pro/text-to-video"
    film = output(http, emulator, "A lighthouse", model).content
    with av.open(io.BytesIO(film), "r") as container:
        assert len(list(container.decode(video=0))) == 60
    broken = output(http, emulator, "[[output:truncated_mp4]]", model).content
    with pytest.raises(av.error.InvalidDataError):
        av.open(io.BytesIO(broken))


def test_pictures_decode_and_have_exactly_the_size_in_bytes(http: httpx.Client, emulator: Running) -> None:
    for size in (100_000, 130_003):
        content = output(http, emulator, f"[[output_bytes:{size}]]").content
        picture = Image.open(io.BytesIO(content))
        picture.load()
        assert (picture.size, len(content)) == ((1024, 768), size)


def test_a_bomb_is_small_and_claims_nine_hundred_million_pixels(
    http: httpx.Client, emulator: Running
) -> None:
    content = output(http, emulator, "[[output:bomb]]").content
    assert len(content) < 200_000
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(content))


@pytest.mark.parametrize(("kind", "length"), [("huge", str(4 * 1024**3)), ("endless", None), ("drip", None)])
def test_an_output_without_end_is_streamed(
    http: httpx.Client, emulator: Running, kind: str, length: str | None
) -> None:
    job = submit(http, emulator, f"[[output:{kind}]]")
    emulator.advance(200)
    address = http.get(job["response_url"]).json()["images"][0]["url"]
    with http.stream("GET", address) as answer:
        assert answer.headers.get("content-length") == length
        assert next(answer.iter_bytes(2048))[:2] == b"\xff\xd8"


def test_a_page_named_png_is_no_picture(http: httpx.Client, emulator: Running) -> None:
    answer = output(http, emulator, "[[output:html]]")
    assert (answer.headers["content-type"], answer.content[:15]) == ("image/png", b"<!doctype html>")
