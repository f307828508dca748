"""BFL's own ways: bodies of each family, addresses for polling, sums in credits, webhooks signed or not."""

from __future__ import annotations

import base64
import dataclasses
import pathlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from generation.providers import bfl, bfl_answers
from generation.providers.protocol import (
    ErrorClass,
    InputFile,
    Job,
    JobState,
    ModelFacts,
    ProviderError,
    Status,
    StepRequest,
    Submitted,
    WebhookRejected,
)
from routing import catalogue
from tests.emulators import bfl as emulated
from tests.emulators.inbox import Inbox
from tests.emulators.server import Running
from tests.generation.providers.kit import Kit, input_file
from tests.generation.providers.kits import bfl as bfl_kit
from tests.generation.providers.test_contract_webhooks import delivered

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


# -- answers --------------------------------------------------------------------------------------


def told(submitted: float | None = 3, **result: Any) -> Status:
    return bfl_answers.status(result, states=bfl.sheet.document["states"], cost=submitted)


@pytest.mark.parametrize(
    ("own", "submitted", "charge"), [(4.5, 3, "0.045"), (None, 3, "0.03"), (0, 3, "0"), (None, None, None)]
)
def test_a_success_is_charged_by_its_own_word_and_else_by_the_submit_s(
    own: float | None, submitted: float | None, charge: str | None
) -> None:
    status = told(submitted, status="Ready", cost=own, result={"sample": "https://x.bfl.ai/1.png"})
    assert status.charge == (charge and Decimal(charge))


@pytest.mark.parametrize(("cost", "charged"), [(3, True), (0, False), (None, None)])
def test_what_was_moderated_is_charged_only_where_the_result_says_so(
    cost: float | None, charged: bool | None
) -> None:
    status = told(status="Request Moderated", cost=cost, details={"Moderation Reasons": ["faces"]})
    assert status.error is not None
    assert (status.state, status.error.charged) == (JobState.BLOCKED, charged)
    assert "faces" in status.error.detail


def test_a_state_that_nobody_knows_is_never_a_success() -> None:
    with pytest.raises(ProviderError, match="Archived"):
        told(status="Archived", result={"sample": "https://x.bfl.ai/1.png"})


@pytest.mark.parametrize(("progress", "share"), [(0.5, "0.5"), (50, "0.5"), (None, None), ("half", None)])
def test_progress_is_a_share_whichever_way_it_is_counted(progress: Any, share: str | None) -> None:
    assert told(status="Pending", progress=progress).progress == (share and Decimal(share))


def test_a_rate_limit_is_waited_out_by_header_or_body() -> None:
    def wait(headers: dict[str, str], **body: Any) -> float | None:
        return bfl_answers.error(httpx.Response(429, headers=headers, json=body)).retry_after_seconds

    assert wait({"retry-after": "9"}, retry_after=4) == 9
    assert wait({}, retry_after=4) == 4
    assert wait({}) is None


def test_a_refused_body_names_the_parameter() -> None:
    body = {"detail": [{"loc": ["body", "width"], "msg": "too small", "type": "value_error"}]}
    error = bfl_answers.error(httpx.Response(422, json=body))
    assert (error.error_class, error.detail) == (ErrorClass.BAD_REQUEST, "BFL answered 422: width: too small")


# -- webhooks -------------------------------------------------------------------------------------


def test_a_signature_that_comes_is_checked_with_the_job_s_own_secret(kit: Kit, inbox: Inbox) -> None:
    submitted, (letter,) = delivered(kit, inbox)
    assert letter.headers["X-BFL-Signature"].startswith("sha256=")
    assert kit.receive(letter).job_id == submitted.job_id
    with pytest.raises(WebhookRejected):
        kit.receive(letter, token="run-2")
    with pytest.raises(WebhookRejected):
        kit.receive(letter, body=letter.body + b" ")


def test_a_forged_signature_is_rejected(kit: Kit, inbox: Inbox) -> None:
    _, (letter,) = delivered(kit, inbox, "[[webhook:forged]]")
    with pytest.raises(WebhookRejected):
        kit.receive(letter)


def test_a_message_without_a_signature_is_a_reason_to_poll_and_no_more(kit: Kit, inbox: Inbox) -> None:
    submitted, (letter,) = delivered(kit, inbox, "[[webhook:unsigned]]")
    event = kit.receive(letter)
    assert (event.job_id, event.status) == (submitted.job_id, None)


def test_an_id_is_part_of_a_query_and_never_of_an_address(kit: Kit) -> None:
    assert kit.poll(Submitted("../credits", {})).state is JobState.LOST
