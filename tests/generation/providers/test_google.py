"""Google: bodies of Veo and Gemini, refusals that are successes, webhooks that a token vouches for."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from generation.providers import google, google_answers
from generation.providers.protocol import (
    ErrorClass,
    InputFile,
    Job,
    JobState,
    ModelFacts,
    ProviderError,
    StepRequest,
    WebhookRejected,
)
from routing import catalogue, pricing
from routing.brief import Step
from tests.emulators import google_bodies
from tests.emulators.hooks import StandardSecret
from tests.emulators.inbox import Inbox
from tests.emulators.server import Running
from tests.generation.providers.kit import Kit, input_file
from tests.generation.providers.kits import google as google_kit

VEO, LITE = "veo-3.1-generate-preview", "veo-3.1-lite-generate-preview"
FLASH, PRO, TOKENS = "gemini-3.1-flash-image", "gemini-3-pro-image", "gemini-3.1-flash-lite-image"
REQUEST = StepRequest(
    kind="video",
    prompt="A lighthouse",
    seed=None,
    width=1280,
    height=720,
    duration_seconds=Decimal(4),
)
PICTURE = dataclasses.replace(REQUEST, kind="image", duration_seconds=None)
MakeFile = Callable[..., InputFile]


@pytest.fixture
def make_file(tmp_path: pathlib.Path) -> MakeFile:
    def make(role: str, **options: Any) -> InputFile:
        path = tmp_path / f"{role}{len(list(tmp_path.iterdir()))}.bin"
        return input_file(path, role=role, size=4000, **options)

    return make


@pytest.fixture
def kit(emulator: Running) -> Kit:
    return google_kit.make(emulator)


def translate(endpoint: str, asked: StepRequest = REQUEST, **changes: Any) -> Job:
    facts = ModelFacts(f"google/{endpoint}", endpoint, {})
    return google.provider.translate(model=facts, request=dataclasses.replace(asked, **changes))


def sent(kit: Kit, job: Job) -> dict[str, Any]:
    """The body that the provider took."""
    kit.submit(job)
    (taken,) = kit.served.jobs.values()
    return taken.body


def refused(kit: Kit, job: Job) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        kit.submit(job)
    return caught.value


# -- bodies ---------------------------------------------------------------------------------------


def test_the_same_endpoints_are_described_as_the_emulator_knows() -> None:
    assert google.sheet.endpoints() == sorted(google_bodies.MODELS)


def test_the_catalogue_marks_exactly_the_models_that_cannot_be_asked() -> None:
    entries = [entry for entry in catalogue.read() if entry["provider"] == "google"]
    marked = {
        entry["endpoint"] for entry in entries if entry["capabilities"].get("parameters_known") is False
    }
    assert {entry["endpoint"] for entry in entries} - marked == set(google_bodies.MODELS)


@pytest.mark.parametrize("endpoint", sorted(google_bodies.MODELS))
def test_a_full_request_is_accepted_by_every_endpoint(kit: Kit, make_file: MakeFile, endpoint: str) -> None:
    inputs = tuple(make_file(role) for role in ("first_frame", "last_frame", "reference", "mask"))
    film = endpoint.startswith("veo")
    job = translate(
        endpoint,
        REQUEST if film else PICTURE,
        inputs=inputs,
        seed=7,
        guidance=Decimal("0.5"),
        width=3840 if film else 1280,
        height=2160 if film else 720,
    )
    kit.submit(job)
    assert len(kit.log()) == 1
    assert {"guidance", "mask"} <= set(job.dropped)


def test_a_film_is_asked_for_with_its_frames_and_without_a_seed(kit: Kit, make_file: MakeFile) -> None:
    first, last = make_file("source"), make_file("last_frame")
    job = translate(VEO, inputs=(first, last), seed=7, parameters={"negative_prompt": "fog"})
    body = sent(kit, job)
    (instance,) = body["instances"]
    assert {name: type(value) for name, value in instance.items()} == {
        "prompt": str,
        "image": dict,
        "lastFrame": dict,
    }
    assert instance["image"]["mimeType"] == "image/jpeg"
    assert body["parameters"] == {
        "aspectRatio": "16:9",
        "durationSeconds": 4,
        "resolution": "720p",
        "negativePrompt": "fog",
    }
    assert job.dropped == ("seed",)


@pytest.mark.parametrize(
    ("changes", "roles", "because"),
    [
        ({"width": 1920, "height": 1080}, (), "resolution"),
        ({"width": 3840, "height": 2160}, (), "resolution"),
        ({}, ("reference",), "referenceImages"),
    ],
)
def test_what_needs_eight_seconds_gets_them_and_says_so(
    kit: Kit, make_file: MakeFile, changes: dict[str, int], roles: tuple[str, ...], because: str
) -> None:
    job = translate(VEO, inputs=tuple(make_file(role) for role in roles), **changes)
    assert job.adjusted == (f"durationSeconds: 4 becomes 8, because of {because}",)
    submitted = kit.submit(job)
    assert kit.finished(submitted).billed_units == 8


def test_a_fourth_reference_and_a_last_frame_without_a_first_are_left_out_and_said(
    kit: Kit, make_file: MakeFile
) -> None:
    job = translate(VEO, inputs=(*(make_file("reference") for _ in range(4)), make_file("last_frame")))
    body = sent(kit, job)
    references = body["instances"][0]["referenceImages"]
    assert [one["referenceType"] for one in references] == ["asset"] * 3
    assert "lastFrame" not in body["instances"][0]
    assert sorted(job.dropped) == ["last_frame", "reference"]


def test_the_lite_model_drops_references_and_takes_its_largest_resolution(make_file: MakeFile) -> None:
    job = translate(LITE, inputs=(make_file("reference"),), width=3840, height=2160)
    assert (job.payload["body"]["resolution"], job.dropped) == ("1080p", ("reference",))
    assert job.adjusted[0] == "resolution: 3840 × 2160 becomes 1080p"


def test_a_picture_is_asked_for_with_its_shape_and_references_after_the_words(
    kit: Kit, make_file: MakeFile
) -> None:
    job = translate(FLASH, PICTURE, inputs=(make_file("reference"), make_file("source")), seed=7)
    body = sent(kit, job)
    assert job.blocking
    assert body["generationConfig"] == {
        "responseModalities": ["IMAGE"],
        "imageConfig": {"aspectRatio": "16:9", "imageSize": "1K"},
        "seed": 7,
    }
    ((first, *pictures),) = [content["parts"] for content in body["contents"]]
    assert first == {"text": "A lighthouse"}
    assert [list(part) for part in pictures] == [["inlineData"], ["inlineData"]]


@pytest.mark.parametrize(
    ("endpoint", "sides", "expected"),
    [
        (FLASH, (512, 512), "512"),
        (FLASH, (1080, 1080), "2K"),
        (FLASH, (4096, 4096), "4K"),
        (PRO, (512, 512), "1K"),
    ],
)
def test_the_smallest_size_that_covers_the_format_is_asked_for(
    endpoint: str, sides: tuple[int, int], expected: str
) -> None:
    job = translate(endpoint, PICTURE, width=sides[0], height=sides[1])
    assert job.payload["body"]["imageSize"] == expected


def test_a_model_that_nobody_has_described_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(ProviderError, match="add them to the model's capabilities"):
        translate("imagen-4.0-generate-001", PICTURE)
    described = {"parameters": {"prompt": {"type": "string", "knob": "prompt"}}}
    with pytest.raises(ProviderError, match="give it a method"):
        google.provider.translate(model=ModelFacts("google/new", "new", described), request=PICTURE)


def test_the_price_counts_the_seconds_and_the_size_that_are_asked_for() -> None:
    """The catalogue says by the shorter side what the sheet asks for; here both are put side by side."""
    rows = {entry["endpoint"]: entry for entry in catalogue.read() if entry["provider"] == "google"}
    for endpoint in google_bodies.MODELS:
        able, price = rows[endpoint]["capabilities"], rows[endpoint]["price_conditions"]
        limits = {*price.get("by_height", {}), *able.get("durations_by_height", {})}
        for side in sorted({*(int(limit) for limit in limits), *(int(limit) - 1 for limit in limits)}):
            facts = ModelFacts(f"google/{endpoint}", endpoint, able)
            asked = dataclasses.replace(REQUEST, width=side, height=side)
            body = google.provider.translate(model=facts, request=asked).payload["body"]
            step = Step(key="s", kind="video", width=side, height=side, duration_seconds=Decimal(4))
            if "durationSeconds" in body:
                assert body["durationSeconds"] == pricing.billed_seconds(step, able)
            amount = price.get("by_height", {}).get(str(side))
            if amount is not None:
                before = dataclasses.replace(asked, width=side - 1, height=side - 1)
                smaller = google.provider.translate(model=facts, request=before).payload["body"]
                name = "resolution" if endpoint.startswith("veo") else "imageSize"
                assert smaller[name] != body[name]


# -- pictures: answers of a blocking call ---------------------------------------------------------


def picture(directive: str = "", endpoint: str = FLASH) -> Job:
    return translate(endpoint, PICTURE, prompt=f"A lighthouse {directive}")


def test_the_call_for_a_picture_brings_it_and_what_is_billed(kit: Kit) -> None:
    submitted = kit.submit(picture())
    status = submitted.status
    assert status is not None
    (output,) = status.outputs
    assert (status.state, status.billed_units, output.media_type) == (
        JobState.SUCCEEDED,
        1,
        "image/jpeg",
    )
    assert (output.data[:3], output.url) == (b"\xff\xd8\xff", "")
    assert submitted.job_id.startswith("r-")
    assert kit.poll(submitted).state is JobState.LOST


def test_a_model_that_is_billed_by_tokens_counts_those_of_the_picture(kit: Kit) -> None:
    status = kit.submit(picture(endpoint=TOKENS)).status
    assert status is not None
    assert status.billed_units == 1120


@pytest.mark.parametrize(
    ("result", "state", "error_class", "words"),
    [
        ("policy", JobState.BLOCKED, ErrorClass.MODERATED, "SAFETY"),
        ("policy_blocklist", JobState.BLOCKED, ErrorClass.MODERATED, "BLOCKLIST"),
        ("policy_output", JobState.BLOCKED, ErrorClass.MODERATED, "IMAGE_SAFETY"),
        ("policy_prohibited", JobState.BLOCKED, ErrorClass.MODERATED, "IMAGE_PROHIBITED_CONTENT"),
        ("policy_recitation", JobState.BLOCKED, ErrorClass.MODERATED, "IMAGE_RECITATION"),
        ("no_image", JobState.FAILED, ErrorClass.MALFORMED_OUTPUT, "NO_IMAGE"),
        ("other", JobState.FAILED, ErrorClass.MALFORMED_OUTPUT, "IMAGE_OTHER"),
        ("tokens", JobState.FAILED, ErrorClass.MALFORMED_OUTPUT, "MAX_TOKENS"),
        ("text", JobState.FAILED, ErrorClass.MALFORMED_OUTPUT, "I cannot draw that"),
        ("no_output", JobState.FAILED, ErrorClass.MALFORMED_OUTPUT, "it said nothing"),
        ("unheard_of", JobState.FAILED, ErrorClass.MALFORMED_OUTPUT, "SOMETHING_NEW"),
    ],
)
def test_a_call_that_brings_no_picture_says_why_and_leaves_its_price_open(
    kit: Kit, result: str, state: JobState, error_class: ErrorClass, words: str
) -> None:
    status = kit.submit(picture(f"[[result:{result}]]")).status
    assert status is not None
    assert status.error is not None
    assert (status.state, status.outputs, status.billed_units) == (state, (), None)
    assert (status.error.error_class, status.error.charged) == (error_class, None)
    assert words in status.error.detail


@pytest.mark.parametrize("result", ["garbage", "empty"])
def test_a_picture_whose_answer_cannot_be_read_may_have_been_billed(kit: Kit, result: str) -> None:
    error = refused(kit, picture(f"[[result:{result}]]"))
    assert (error.error_class, error.ambiguous, error.charged) == (ErrorClass.UNKNOWN, True, None)
    assert len(kit.log()) == 1


@pytest.mark.parametrize(
    ("fail", "error_class", "ambiguous"),
    [
        ("key", ErrorClass.AUTH, False),
        ("429", ErrorClass.RATE_LIMITED, False),
        ("policy", ErrorClass.MODERATED, False),
        ("503", ErrorClass.UNAVAILABLE, False),
        ("500", ErrorClass.UNAVAILABLE, True),
        ("lost", ErrorClass.UNKNOWN, True),
    ],
)
def test_a_refused_call_for_a_picture_is_classed(
    kit: Kit, fail: str, error_class: ErrorClass, ambiguous: bool
) -> None:
    error = refused(kit, picture(f"[[fail:{fail}]]"))
    assert (error.error_class, error.ambiguous) == (error_class, ambiguous)


def test_a_picture_that_is_not_base64_is_no_picture() -> None:
    part = {"inlineData": {"mimeType": "image/png", "data": "no base64!"}}
    told = {"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}]}
    status = google_answers.content(told, ends={"STOP": "stopped"}, bills="images")
    assert (status.state, status.outputs) == (JobState.FAILED, ())


# -- errors in other shapes -----------------------------------------------------------------------


def test_an_error_may_come_inside_a_list() -> None:
    body = [{"error": {"code": 429, "message": "Slow down.", "status": "RESOURCE_EXHAUSTED"}}]
    error = google_answers.error(httpx.Response(429, json=body, headers={"Retry-After": "3"}))
    assert (error.error_class, error.retry_after_seconds) == (ErrorClass.RATE_LIMITED, 3.0)


def test_an_operation_that_is_not_done_and_has_an_end_is_not_believed() -> None:
    with pytest.raises(ProviderError):
        google_answers.operation({"name": "models/m/operations/1", "response": {}})


# -- webhooks -------------------------------------------------------------------------------------


def test_a_token_for_another_address_is_rejected(kit: Kit, inbox: Inbox) -> None:
    kit.served.signer.audience = "https://studio.example/hooks/google/somebody-else/"  # type: ignore[attr-defined]
    try:
        kit.submit(kit.job(webhook_url=f"{inbox.url}/hooks/run-1/"))
        kit.emulator.advance(200)
        (letter,) = inbox.wait(1)
    finally:
        kit.served.signer.audience = ""  # type: ignore[attr-defined]
    with pytest.raises(WebhookRejected, match="another address"):
        kit.receive(letter)


def test_a_token_that_claims_to_need_no_signature_is_rejected(kit: Kit, inbox: Inbox) -> None:
    kit.submit(kit.job(webhook_url=f"{inbox.url}/hooks/run-1/"))
    kit.emulator.advance(200)
    (letter,) = inbox.wait(1)
    _, claims, _ = letter.headers["webhook-signature"].split(".")
    headers = {**letter.headers, "webhook-signature": f"eyJhbGciOiJub25lIn0.{claims}."}
    with pytest.raises(WebhookRejected, match="RS256"):
        kit.receive(letter, headers=headers)


def test_a_hook_of_the_whole_account_is_vouched_for_by_its_secret(kit: Kit, inbox: Inbox) -> None:
    secret = StandardSecret()
    kit.served.signer.registered = secret  # type: ignore[attr-defined]
    try:
        submitted = kit.submit(kit.job(webhook_url=f"{inbox.url}/hooks/account-token/"))
        kit.emulator.advance(200)
        (letter,) = inbox.wait(1)
    finally:
        kit.served.signer.registered = None  # type: ignore[attr-defined]
    with pytest.raises(WebhookRejected):
        kit.receive(letter)
    kit.account = dataclasses.replace(kit.account, webhook_secrets=(secret.secret,))
    assert kit.receive(letter).job_id == submitted.job_id


def test_a_message_that_names_no_operation_leaves_it_to_the_next_poll(kit: Kit, inbox: Inbox) -> None:
    kit.submit(kit.job("[[webhook:unserialised]]", webhook_url=f"{inbox.url}/hooks/run-1/"))
    kit.emulator.advance(200)
    (letter,) = inbox.wait(1)
    assert (kit.receive(letter).job_id, kit.receive(letter).status) == ("", None)
