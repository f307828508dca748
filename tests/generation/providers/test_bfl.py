"""BFL's own ways: bodies of each family, addresses for polling, sums in credits, webhooks signed or not."""

from __future__ import annotations

import base64
import dataclasses
import pathlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from generation.providers import bfl
from generation.providers.protocol import (
    InputFile,
    Job,
    JobState,
    ModelFacts,
    StepRequest,
)
from routing import catalogue
from tests.emulators import bfl as emulated
from tests.emulators.server import Running
from tests.generation.providers.kit import Kit, input_file
from tests.generation.providers.kits import bfl as bfl_kit

ENDPOINTS = [name for name in bfl.sheet.endpoints() if not name.endswith(" from pictures")]
REQUEST = StepRequest(
    kind="image", prompt="A lighthouse", seed=7, width=1280, height=720, guidance=Decimal("3.5")
)
MakeFile = Callable[..., InputFile]


@pytest.fixture
def make_file(tmp_path: pathlib.Path) -> MakeFile:
    def make(role: str, **options: Any) -> InputFile:
        return input_file(tmp_path / f"{role}{len(list(tmp_path.iterdir()))}.bin", role=role, **options)

    return make


@pytest.fixture
def kit(emulator: Running) -> Kit:
    return bfl_kit.make(emulator)


def translate(endpoint: str, **changes: Any) -> Job:
    facts = ModelFacts(f"bfl/{endpoint}", endpoint, {})
    return bfl.provider.translate(model=facts, request=dataclasses.replace(REQUEST, **changes))


def mark(file: InputFile) -> dict[str, str]:
    return {"file": file.sha256}


# -- parameters -----------------------------------------------------------------------------------


def test_every_model_of_the_catalogue_is_described_and_every_described_one_is_in_it() -> None:
    assert {row["endpoint"] for row in catalogue.read() if row["provider"] == "bfl"} == set(ENDPOINTS)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("pictures", [True, False])
def test_a_full_request_is_accepted_by_every_model(
    kit: Kit, make_file: MakeFile, endpoint: str, pictures: bool
) -> None:
    roles = ("source", "reference", "mask", "first_frame", "last_frame") if pictures else ("source",)
    inputs = (*(make_file(role) for role in roles), make_file("source", media_type="video/mp4"))
    kit.submit(translate(endpoint, inputs=inputs))
    (entry,) = kit.log()
    assert entry["unknown_parameters"] == []


@pytest.mark.parametrize(
    ("endpoint", "changes", "body", "dropped"),
    [
        ("flux-2-pro", {}, {"width": 1280, "height": 720, "seed": 7, "output_format": "png"}, ("guidance",)),
        (
            "flux-2-flex",
            {"parameters": {"prompt_upsampling": False, "steps": 20}},
            {
                "width": 1280,
                "height": 720,
                "seed": 7,
                "output_format": "png",
                "prompt_upsampling": False,
                "guidance": 3.5,
                "steps": 20,
            },
            (),
        ),
        (
            "flux-kontext-pro",
            {"parameters": {"safety_tolerance": 2, "output_format": "jpeg"}},
            {"aspect_ratio": "16:9", "seed": 7, "output_format": "jpeg", "safety_tolerance": 2},
            ("guidance",),
        ),
        (
            "flux-pro-1.1",
            {},
            {"width": 1280, "height": 704, "seed": 7, "output_format": "png"},
            ("guidance",),
        ),
        (
            "flux-pro-1.1-ultra",
            {"parameters": {"raw": True}},
            {"aspect_ratio": "16:9", "seed": 7, "output_format": "png", "raw": True},
            ("guidance",),
        ),
        (
            "flux-3-video",
            {"kind": "video", "width": 1920, "height": 1080, "duration_seconds": Decimal("7.2")},
            {"duration": 8, "resolution": "fhd", "aspect_ratio": "16:9", "mode": "t2v"},
            ("seed", "guidance"),
        ),
        (
            "flux-3-video/draft",
            {"kind": "video", "parameters": {"generate_audio": False}},
            {
                "duration": 5,
                "resolution": "hd",
                "generate_audio": False,
                "aspect_ratio": "16:9",
                "mode": "t2v",
                "draft": True,
            },
            ("seed", "guidance"),
        ),
    ],
)
def test_a_request_without_pictures_becomes_this_body(
    endpoint: str, changes: dict[str, Any], body: dict[str, Any], dropped: tuple[str, ...]
) -> None:
    job = translate(endpoint, **changes)
    assert job.payload == {
        "call": endpoint.partition("/")[0],
        "body": {"prompt": "A lighthouse", **body},
    }
    assert job.dropped == dropped


def test_sides_are_brought_to_the_multiple_that_the_model_wants() -> None:
    job = translate("flux-2-pro", width=1920, height=1080)
    assert (job.payload["body"]["height"], job.adjusted) == (1088, ("height: 1080 becomes 1088",))


def test_pictures_go_in_under_numbers_and_the_ninth_is_left_out(make_file: MakeFile) -> None:
    source, references = make_file("source"), [make_file("reference") for _ in range(8)]
    job = translate("flux-2-max", inputs=(source, *references), guidance=None)
    body = job.payload["body"]
    assert body["input_image"] == mark(source)
    assert [body[f"input_image_{number}"] for number in range(2, 9)] == [mark(one) for one in references[:7]]
    assert job.dropped == ("reference",)


def test_a_hole_is_filled_with_its_mask_and_keeps_the_picture_s_format(make_file: MakeFile) -> None:
    source, mask = make_file("source"), make_file("mask")
    job = translate("flux-pro-1.0-fill", inputs=(source, mask))
    assert (job.payload["body"]["image"], job.payload["body"]["mask"]) == (mark(source), mark(mask))
    assert job.dropped == ()


def test_a_film_from_pictures_has_its_last_one_at_its_last_second(kit: Kit, make_file: MakeFile) -> None:
    first, last = make_file("first_frame"), make_file("last_frame")
    job = translate("flux-3-video", inputs=(first, last), duration_seconds=Decimal(6), kind="video")
    body = job.payload["body"]
    assert (body["mode"], body["keyframes"]) == ("i2v", [mark(first), [6, mark(last)]])
    kit.submit(job)
    (made,) = kit.served.jobs.values()
    data = [base64.b64encode(pathlib.Path(one.path).read_bytes()).decode() for one in (first, last)]
    assert made.body["keyframes"] == [data[0], [6, data[1]]]


def test_a_continuation_takes_the_film_that_goes_on(make_file: MakeFile) -> None:
    film = make_file("source", media_type="video/mp4")
    job = translate("flux-3-video/extend", inputs=(film,), seed=None, guidance=None)
    assert job.payload["body"] == {
        "prompt": "A lighthouse",
        "duration": 5,
        "resolution": "hd",
        "mode": "v2v",
        "start_video": mark(film),
    }
    assert job.dropped == ()


# -- addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("https://api.us1.bfl.ai/v1/get_result?id=1", "https://api.us1.bfl.ai/v1/get_result?id=1"),
        ("https://api.bfl.ai/v1/get_result?id=1", "https://api.bfl.ai/v1/get_result?id=1"),
        ("http://api.us1.bfl.ai/v1/get_result?id=1", "https://api.bfl.ai/v1/get_result"),
        ("https://bfl.ai.example.com/x", "https://api.bfl.ai/v1/get_result"),
        ("https://evilbfl.ai/x", "https://api.bfl.ai/v1/get_result"),
        ("https://api.bfl.ai:port/x", "https://api.bfl.ai/v1/get_result"),
        (None, "https://api.bfl.ai/v1/get_result"),
    ],
)
def test_the_key_goes_to_bfl_s_own_hosts_alone(kit: Kit, given: str | None, asked: str) -> None:
    account = dataclasses.replace(kit.account, base_url="https://api.bfl.ai")
    address, _ = bfl._polling(account, "1", {"polling_url": given})
    assert address == asked


def test_a_job_that_was_asked_for_with_a_webhook_is_polled_at_the_general_address(kit: Kit) -> None:
    submitted = kit.submit(kit.job(webhook_url="http://127.0.0.1:9/hooks/run-1/"))
    assert "polling_url" not in submitted.handle
    assert kit.finished(submitted).charge == Decimal("0.03")


@pytest.mark.parametrize("directive", ["", "[[cancel:gone]]"])
def test_a_result_that_has_expired_is_lost_whichever_way_it_is_said(kit: Kit, directive: str) -> None:
    submitted = kit.submit(kit.job(directive))
    kit.emulator.advance(emulated.LIFETIME + 200)
    assert kit.poll(submitted).state is JobState.LOST
