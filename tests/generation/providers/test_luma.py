"""Luma's own ways: what each model is asked for, frames of longer films, and errors of any shape."""

from __future__ import annotations

import base64
import dataclasses
import pathlib
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from generation.providers import luma, luma_answers
from generation.providers.protocol import (
    ErrorClass,
    InputFile,
    Job,
    JobState,
    ModelFacts,
    ProviderError,
    StepRequest,
    Submitted,
)
from routing import catalogue
from tests.emulators.server import Running
from tests.generation.providers.kit import Kit, input_file
from tests.generation.providers.kits import luma as luma_kit

LEGACY = {"photon-1", "photon-flash-1", "ray-2", "ray-flash-2"}
ENDPOINTS = [name for name in luma.sheet.endpoints() if not name.endswith(" edit")]
REQUEST = StepRequest(
    kind="video", prompt="A lighthouse", seed=None, width=1280, height=720, duration_seconds=Decimal(5)
)
FAILURES = luma.sheet.document["failures"]
MakeFile = Callable[..., InputFile]


@pytest.fixture
def make_file(tmp_path: pathlib.Path) -> MakeFile:
    def make(role: str, **options: Any) -> InputFile:
        return input_file(tmp_path / f"{role}{len(list(tmp_path.iterdir()))}.bin", role=role, **options)

    return make


@pytest.fixture
def kit(emulator: Running) -> Kit:
    return luma_kit.make(emulator)


def translate(endpoint: str, **changes: Any) -> Job:
    facts = ModelFacts(f"luma/{endpoint}", endpoint, {})
    return luma.provider.translate(model=facts, request=dataclasses.replace(REQUEST, **changes))


def mark(file: InputFile) -> dict[str, str]:
    return {"file": file.sha256}


def test_the_catalogue_marks_the_models_of_the_older_api_as_unknown() -> None:
    rows = {row["endpoint"]: row["capabilities"] for row in catalogue.read() if row["provider"] == "luma"}
    assert set(rows) == set(ENDPOINTS) | LEGACY
    unknown = {name for name, able in rows.items() if able.get("parameters_known") is False}
    assert unknown == LEGACY
    with pytest.raises(ProviderError, match="add them to the model's capabilities"):
        translate("ray-2")


@pytest.mark.parametrize(
    ("endpoint", "changes", "body"),
    [
        (
            "uni-1",
            {"width": 1024, "height": 1024, "parameters": {"web_search": True, "output_format": "png"}},
            {
                "model": "uni-1",
                "type": "image",
                "aspect_ratio": "1:1",
                "output_format": "png",
                "web_search": True,
            },
        ),
        (
            "uni-1-max",
            {"width": 900, "height": 1600},
            {"model": "uni-1-max", "type": "image", "aspect_ratio": "9:16"},
        ),
        (
            "ray-3.2",
            {},
            {
                "model": "ray-3.2",
                "type": "video",
                "aspect_ratio": "16:9",
                "video": {"resolution": "720p", "duration": "5s"},
            },
        ),
        (
            "ray-3.2/10s",
            {"width": 2520, "height": 1080, "duration_seconds": Decimal(10)},
            {
                "model": "ray-3.2",
                "type": "video",
                "aspect_ratio": "21:9",
                "video": {"resolution": "1080p", "duration": "10s"},
            },
        ),
        (
            "ray-3.2/hdr",
            {"width": 640, "height": 360, "parameters": {"exr_export": True}},
            {
                "model": "ray-3.2",
                "type": "video",
                "aspect_ratio": "16:9",
                "video": {"resolution": "720p", "duration": "5s", "hdr": True, "exr_export": True},
            },
        ),
    ],
)
def test_a_request_without_files_becomes_this_body(
    endpoint: str, changes: dict[str, Any], body: dict[str, Any]
) -> None:
    assert translate(endpoint, **changes).payload == {"body": {"prompt": "A lighthouse", **body}}


def test_a_source_makes_it_an_edit_with_references_beside_it(make_file: MakeFile) -> None:
    source, references = make_file("source"), [make_file("reference") for _ in range(9)]
    job = translate("uni-1", inputs=(source, *references), duration_seconds=None)
    body = job.payload["body"]
    assert (body["type"], body["source"]) == ("image_edit", mark(source))
    assert body["image_ref"] == [mark(one) for one in references[:8]]
    assert job.dropped == ("reference",)


def test_frames_of_a_short_film_are_its_ends(make_file: MakeFile) -> None:
    first, last = make_file("first_frame"), make_file("last_frame")
    video = translate("ray-3.2", inputs=(first, last)).payload["body"]["video"]
    assert (video["start_frame"], video["end_frame"]) == (mark(first), mark(last))


@pytest.mark.parametrize("given", [("first_frame",), ("last_frame",), ("first_frame", "last_frame")])
def test_frames_of_a_longer_film_are_key_frames_by_number(
    kit: Kit, make_file: MakeFile, given: tuple[str, ...]
) -> None:
    frames = tuple(make_file(role) for role in given)
    job = translate("ray-3.2/10s", inputs=frames, duration_seconds=Decimal(10))
    video = job.payload["body"]["video"]
    places = {"first_frame": 0, "last_frame": 240}
    assert video["keyframes"] == [mark(one) for one in frames]
    assert video["keyframe_indexes"] == [places[role] for role in given]
    assert not {"start_frame", "end_frame"} & set(video)
    kit.submit(job)
    assert len(kit.log()) == 1


def test_a_length_that_the_row_does_not_have_is_said() -> None:
    job = translate("ray-3.2", duration_seconds=Decimal(8))
    assert (job.payload["body"]["video"]["duration"], job.adjusted) == ("5s", ("duration: 8 s becomes 5 s",))


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_full_request_is_accepted_by_every_model(kit: Kit, make_file: MakeFile, endpoint: str) -> None:
    roles = ("first_frame", "last_frame", "reference")
    inputs = (*(make_file(role) for role in roles), make_file("source", media_type="video/mp4"))
    kit.submit(translate(endpoint, inputs=inputs))
    assert len(kit.log()) == 1


def test_a_film_to_edit_travels_with_its_type_and_keeps_its_length(kit: Kit, make_file: MakeFile) -> None:
    film = make_file("source", media_type="video/mp4")
    job = translate("ray-3.2/edit", inputs=(film,), parameters={"strength": "flex_2"})
    assert job.payload["body"]["video"] == {"resolution": "720p", "edit": {"strength": "flex_2"}}
    kit.submit(job)
    (job_made,) = kit.served.jobs.values()
    data = pathlib.Path(film.path).read_bytes()
    assert job_made.body["source"] == {"data": base64.b64encode(data).decode(), "media_type": "video/mp4"}


@pytest.mark.parametrize(
    ("endpoint", "changes", "words"),
    [
        ("uni-1", {"prompt": "a" * 6001}, "can have 6000 characters"),
        ("ray-3.2/hdr", {"parameters": {"hdr": False}}, "hdr can be True"),
        ("ray-3.2/hdr", {"parameters": {"duration": "10s"}}, "duration can be 5s"),
        ("ray-3.2/edit", {}, "needs source"),
    ],
)
def test_what_luma_would_not_take_is_a_bad_request_before_it_is_asked(
    endpoint: str, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ProviderError, match=words) as caught:
        translate(endpoint, **changes)
    assert (caught.value.error_class, caught.value.charged) == (ErrorClass.BAD_REQUEST, False)


# -- answers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "error_class", "words"),
    [
        (422, {"detail": "no"}, ErrorClass.BAD_REQUEST, "no"),
        (422, {"detail": [{"loc": ["body", "prompt"], "msg": "missing"}]}, ErrorClass.BAD_REQUEST, "missing"),
        (400, {"error": {"code": "content_moderated", "message": "no"}}, ErrorClass.MODERATED, "no"),
        (400, {"failure_code": "budget_exhausted"}, ErrorClass.INSUFFICIENT_CREDIT, "budget_exhausted"),
        (403, {"message": "rejected by moderation"}, ErrorClass.MODERATED, "rejected"),
        (403, {"message": "not yours"}, ErrorClass.AUTH, "not yours"),
        (500, {"detail": "moderation service is down"}, ErrorClass.UNAVAILABLE, "down"),
        (401, {}, ErrorClass.AUTH, "no explanation"),
    ],
)
def test_an_error_is_read_in_whichever_shape_it_comes(
    status: int, body: Any, error_class: ErrorClass, words: str
) -> None:
    error = luma_answers.error(httpx.Response(status, json=body), failures=FAILURES)
    assert error.error_class is error_class
    assert words in error.detail


def test_a_rate_limit_is_waited_out_by_either_header() -> None:
    def wait(**headers: str) -> float | None:
        response = httpx.Response(429, headers=headers)
        return luma_answers.error(response, failures=FAILURES).retry_after_seconds

    assert wait(**{"retry-after": "7", "x-ratelimit-reset": "60"}) == 7
    assert wait(**{"x-ratelimit-reset": "60"}) == 60
    assert round(wait(**{"x-ratelimit-reset": str(time.time() + 90)}) or 0) == 90
    assert wait() is None


def test_a_state_that_nobody_knows_is_never_a_success() -> None:
    with pytest.raises(ProviderError, match="archived"):
        luma_answers.status(
            {"state": "archived", "output": [{"url": "https://x.example"}]}, failures=FAILURES
        )


def test_an_address_that_has_expired_is_made_anew_by_the_next_poll(kit: Kit) -> None:
    submitted = kit.submit(kit.job())
    (old,) = kit.finished(submitted).outputs
    kit.emulator.advance(3700)
    assert httpx.get(old.url, trust_env=False, timeout=30).status_code == 403
    (new,) = kit.poll(submitted).outputs
    assert httpx.get(new.url, trust_env=False, timeout=30).status_code == 200


def test_an_id_that_would_be_another_address_is_asked_nowhere(kit: Kit) -> None:
    assert kit.submit(kit.job()).job_id
    with pytest.raises(ProviderError, match="is no generation"):
        kit.poll(Submitted("../files", {}))
    assert kit.poll(Submitted("nobody", {})).state is JobState.LOST
