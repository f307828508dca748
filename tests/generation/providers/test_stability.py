"""Stability's own ways: forms of each call, pictures that come later, and how a picture ended."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from generation.providers import stability, stability_answers
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
from tests.emulators import stability as emulated
from tests.emulators.server import Running
from tests.generation.providers.kit import Kit, input_file
from tests.generation.providers.kits import stability as stability_kit

SOUNDS = {"audio", "stable-audio-2"}
ENDPOINTS = [name for name in stability.sheet.endpoints() if not name.endswith(" from a picture")]
REQUEST = StepRequest(
    kind="image", prompt="A lighthouse", seed=7, width=1280, height=720, guidance=Decimal("3.5")
)
BY_ROUTE: dict[str, dict[str, Any]] = {
    "edit/outpaint": {"left": 100},
    "edit/search-and-replace": {"search_prompt": "boat"},
    "edit/search-and-recolor": {"select_prompt": "boat"},
}
MakeFile = Callable[..., InputFile]


@pytest.fixture
def make_file(tmp_path: pathlib.Path) -> MakeFile:
    def make(role: str, **options: Any) -> InputFile:
        return input_file(tmp_path / f"{role}{len(list(tmp_path.iterdir()))}.bin", role=role, **options)

    return make


@pytest.fixture
def kit(emulator: Running) -> Kit:
    return stability_kit.make(emulator)


def translate(endpoint: str, **changes: Any) -> Job:
    facts = ModelFacts(f"stability/{endpoint}", endpoint, {})
    parameters = {**BY_ROUTE.get(endpoint, {}), **changes.pop("parameters", {})}
    request = dataclasses.replace(REQUEST, parameters=parameters, **changes)
    return stability.provider.translate(model=facts, request=request)


# -- parameters -----------------------------------------------------------------------------------


def test_the_catalogue_marks_the_sounds_as_unknown_and_has_everything_else() -> None:
    rows = {
        row["endpoint"]: row["capabilities"] for row in catalogue.read() if row["provider"] == "stability"
    }
    assert set(rows) == set(ENDPOINTS) | SOUNDS
    assert {name for name, able in rows.items() if able.get("parameters_known") is False} == SOUNDS


def test_every_call_of_the_emulator_is_asked_by_a_model() -> None:
    assert {stability.sheet.entry(name).get("path", name) for name in ENDPOINTS} == set(emulated.CALLS)
    later = {name for name in ENDPOINTS if stability.sheet.entry(name).get("later")}
    assert later == set(emulated.LATER)


FROM_TEXT = ["generate/core", "generate/ultra", *(name for name in ENDPOINTS if name.startswith("sd3"))]


@pytest.mark.parametrize(
    ("endpoint", "roles"),
    [
        *((name, ("source", "reference", "mask")) for name in ENDPOINTS),
        *((name, ()) for name in FROM_TEXT),
    ],
)
def test_a_request_is_accepted_by_every_call(
    kit: Kit, make_file: MakeFile, endpoint: str, roles: tuple[str, ...]
) -> None:
    kit.submit(translate(endpoint, inputs=tuple(make_file(role) for role in roles)))
    (entry,) = kit.log()
    assert entry["unknown_parameters"] == []


@pytest.mark.parametrize(
    ("endpoint", "changes", "path", "body", "dropped"),
    [
        (
            "generate/core",
            {"parameters": {"negative_prompt": "fog", "style_preset": "cinematic"}},
            "generate/core",
            {
                "prompt": "A lighthouse",
                "aspect_ratio": "16:9",
                "seed": 7,
                "output_format": "png",
                "negative_prompt": "fog",
                "style_preset": "cinematic",
            },
            ("guidance",),
        ),
        (
            "sd3.5-large-turbo",
            {"width": 1000, "height": 1500},
            "generate/sd3",
            {
                "prompt": "A lighthouse",
                "model": "sd3.5-large-turbo",
                "mode": "text-to-image",
                "aspect_ratio": "2:3",
                "seed": 7,
                "output_format": "png",
                "cfg_scale": 3.5,
            },
            (),
        ),
    ],
)
def test_a_request_without_pictures_becomes_this_form(
    endpoint: str, changes: dict[str, Any], path: str, body: dict[str, Any], dropped: tuple[str, ...]
) -> None:
    job = translate(endpoint, **changes)
    assert job.payload == {"body": body, "files": {}, "many": [], "path": path}
    assert (job.dropped, job.blocking) == (dropped, True)


def test_a_picture_turns_a_model_to_making_it_anew(make_file: MakeFile) -> None:
    source = make_file("source")
    job = translate("sd3.5-large", inputs=(source,), parameters={"strength": 0.3})
    assert (job.payload["body"]["mode"], job.payload["body"]["strength"]) == ("image-to-image", 0.3)
    assert job.payload["files"] == {"image": [source.sha256]}
    assert "aspect_ratio" not in job.payload["body"]


def test_a_form_carries_the_very_bytes_and_its_fields_as_text(kit: Kit, make_file: MakeFile) -> None:
    source, mask = make_file("source", size=40_000), make_file("mask", size=30_000)
    kit.submit(translate("edit/inpaint", inputs=(source, mask), parameters={"grow_mask": 9}))
    (entry,) = kit.log()
    assert entry["body"] == {
        "image": "image/jpeg, 40000 bytes",
        "mask": "image/jpeg, 30000 bytes",
        "prompt": "A lighthouse",
        "seed": 7,
        "output_format": "png",
        "grow_mask": 9.0,
    }


@pytest.mark.parametrize(
    ("endpoint", "changes", "words"),
    [
        ("generate/core", {"prompt": "a" * 10_001}, "can have 10000 characters"),
        ("edit/erase", {}, "needs image"),
        ("generate/core", {"parameters": {"style_preset": "baroque"}}, "not 'baroque'"),
    ],
)
def test_an_impossible_request_is_a_bad_request(endpoint: str, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ProviderError, match=words) as caught:
        translate(endpoint, **changes)
    assert (caught.value.error_class, caught.value.charged) == (ErrorClass.BAD_REQUEST, False)


def test_pictures_that_are_too_large_together_are_never_sent(
    kit: Kit, make_file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stability, "MOST_BYTES", 50_000)
    job = translate("edit/inpaint", inputs=(make_file("source", size=40_000), make_file("mask", size=30_000)))
    with pytest.raises(ProviderError, match="10 MiB in all") as caught:
        kit.submit(job)
    assert (caught.value.error_class, caught.value.ambiguous) == (ErrorClass.BAD_REQUEST, False)
    assert (kit.log(), kit.emulator.refused("stability")) == ([], {})


# -- pictures that come later ---------------------------------------------------------------------


def later(kit: Kit, make_file: MakeFile, directive: str = "") -> Submitted:
    job = translate("upscale/creative", inputs=(make_file("source"),), prompt=f"sharp {directive}")
    assert not job.blocking
    return kit.submit(job)


def test_a_picture_that_comes_later_is_polled_and_then_known_for_a_day(kit: Kit, make_file: MakeFile) -> None:
    submitted = later(kit, make_file)
    assert (len(submitted.job_id), kit.poll(submitted).state) == (64, JobState.RUNNING)
    kit.emulator.advance(150)
    status = kit.poll(submitted)
    assert (status.state, status.seed, status.outputs[0].media_type) == (JobState.SUCCEEDED, 7, "image/png")
    kit.emulator.advance(emulated.DAY)
    assert kit.poll(submitted).state is JobState.LOST
    assert kit.poll(Submitted("0" * 64, {})).state is JobState.LOST


@pytest.mark.parametrize(("result", "charged"), [("black", True), ("policy", False)])
def test_a_later_picture_that_was_moderated_is_blocked(
    kit: Kit, make_file: MakeFile, result: str, charged: bool
) -> None:
    status = kit.finished(later(kit, make_file, f"[[result:{result}]]"))
    assert status.error is not None
    assert (status.state, status.error.charged, status.outputs) == (JobState.BLOCKED, charged, ())


@pytest.mark.parametrize(
    ("poll", "error_class"),
    [
        ("401", ErrorClass.AUTH),
        ("403", ErrorClass.AUTH),
        ("429", ErrorClass.RATE_LIMITED),
        ("502", ErrorClass.UNAVAILABLE),
        ("garbage", ErrorClass.UNAVAILABLE),
        ("empty", ErrorClass.UNAVAILABLE),
    ],
)
def test_a_later_picture_s_poll_that_failed_says_nothing_of_it(
    kit: Kit, make_file: MakeFile, poll: str, error_class: ErrorClass
) -> None:
    submitted = later(kit, make_file, f"[[poll:{poll}*1]]")
    with pytest.raises(ProviderError) as caught:
        kit.poll(submitted)
    assert caught.value.error_class is error_class
    assert kit.finished(submitted).state is JobState.SUCCEEDED


# -- answers --------------------------------------------------------------------------------------


def answered(**headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(200, content=b"\x89PNG", headers={"content-type": "image/png", **named})


@pytest.mark.parametrize("ended", ["", "PARTIAL"])
def test_an_end_that_nobody_knows_is_never_a_success(ended: str) -> None:
    status = stability_answers.delivered(answered(finish_reason=ended))
    assert status.error is not None
    assert (status.state, status.outputs, status.error.charged) == (JobState.FAILED, (), True)


def test_a_picture_comes_with_its_seed_where_it_has_one() -> None:
    assert stability_answers.delivered(answered(finish_reason="SUCCESS", seed="42")).seed == 42
    assert stability_answers.delivered(answered(finish_reason="SUCCESS")).seed is None


def test_the_result_of_a_strange_end_is_not_kept(kit: Kit) -> None:
    status = kit.submit(kit.job("[[result:strange]]")).status
    assert status is not None
    assert status.state is JobState.FAILED


def test_an_account_that_is_locked_out_waits_a_minute_unless_a_time_is_named() -> None:
    assert stability_answers.error(httpx.Response(429)).retry_after_seconds == 60
    named = stability_answers.error(httpx.Response(429, headers={"retry-after": "5"}))
    assert named.retry_after_seconds == 5


def test_two_pictures_of_one_request_have_names_of_their_own(kit: Kit) -> None:
    first, second = kit.submit(kit.job()), kit.submit(kit.job())
    assert first.job_id != second.job_id


def test_an_id_that_would_be_another_address_is_asked_nowhere(kit: Kit) -> None:
    with pytest.raises(ProviderError, match="is no result"):
        kit.poll(Submitted("../user/balance", {}))
