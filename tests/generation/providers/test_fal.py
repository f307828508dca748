"""fal's own ways: its models' parameters as data, its storage, its addresses."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from generation.providers import fal, fal_answers, fal_storage
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
from tests.emulators import fal_models
from tests.emulators.server import Running
from tests.generation.providers.kit import Kit, input_file
from tests.generation.providers.kits import fal as fal_kit

ENDPOINTS = sorted(
    json.loads(pathlib.Path(fal.__file__).with_name("fal_parameters.json").read_text())["endpoints"]
)
REQUEST = StepRequest(
    kind="video",
    prompt="A lighthouse",
    seed=7,
    width=1280,
    height=720,
    duration_seconds=Decimal(5),
    guidance=Decimal("0.5"),
)
MakeFile = Callable[..., InputFile]


@pytest.fixture
def make_file(tmp_path: pathlib.Path) -> MakeFile:
    def make(role: str, **options: Any) -> InputFile:
        return input_file(tmp_path / f"{role}{len(list(tmp_path.iterdir()))}.bin", role=role, **options)

    return make


@pytest.fixture
def kit(emulator: Running) -> Kit:
    return fal_kit.make(emulator)


def translate(endpoint: str, capabilities: dict[str, Any] | None = None, **changes: Any) -> Job:
    facts = ModelFacts(f"fal/{endpoint}", endpoint, capabilities or {})
    return fal.provider.translate(model=facts, request=dataclasses.replace(REQUEST, **changes))


# -- parameters -----------------------------------------------------------------------------------


def test_the_same_endpoints_are_described_as_the_emulator_knows() -> None:
    assert sorted(fal_models.MODELS) == ENDPOINTS


def test_the_catalogue_marks_exactly_the_models_that_cannot_be_asked() -> None:
    entries = [entry for entry in catalogue.read() if entry["provider"] == "fal"]
    described = {
        entry["key"]: bool(
            fal.sheet.specs(ModelFacts(entry["key"], entry["endpoint"], entry["capabilities"]))
        )
        for entry in entries
    }
    marked = {entry["key"]: entry["capabilities"].get("parameters_known", True) for entry in entries}
    assert marked == described
    assert sum(entry["amount"] is not None and not marked[entry["key"]] for entry in entries) == 17


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_what_is_described_is_what_the_endpoint_takes(endpoint: str) -> None:
    ours = fal.sheet.specs(ModelFacts(f"fal/{endpoint}", endpoint, {}))
    theirs = fal_models.PARAMETERS[endpoint]
    assert set(theirs) - set(ours) <= {"sync_mode"}
    assert set(ours) - set(theirs) == set()
    assert {name for name, spec in ours.items() if spec.get("required")} == {
        name for name, parameter in theirs.items() if parameter.required
    }


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_full_request_is_accepted_by_every_endpoint(kit: Kit, make_file: MakeFile, endpoint: str) -> None:
    inputs = tuple(make_file(role) for role in ("first_frame", "last_frame", "reference", "mask"))
    video = make_file("source", media_type="video/mp4")
    job = translate(endpoint, inputs=(*inputs, video))
    kit.submit(job)
    (entry,) = kit.emulator.log()
    assert entry["unknown_parameters"] == []


def test_a_picture_is_asked_for_in_pixels_with_seed_and_guidance() -> None:
    job = translate("fal-ai/flux/dev", duration_seconds=None)
    assert job.payload["body"] == {
        "prompt": "A lighthouse",
        "image_size": {"width": 1280, "height": 720},
        "guidance_scale": 0.5,
        "seed": 7,
    }
    assert (job.dropped, job.adjusted) == ((), ())


def test_a_model_without_a_seed_drops_it_and_says_so() -> None:
    job = translate("fal-ai/kling-video/v2.5-turbo/pro/text-to-video")
    assert job.payload["body"] == {
        "prompt": "A lighthouse",
        "duration": "5",
        "cfg_scale": 0.5,
        "aspect_ratio": "16:9",
    }
    assert job.dropped == ("seed",)


def test_every_knob_and_file_that_a_model_does_not_have_is_reported(make_file: MakeFile) -> None:
    job = translate(
        "fal-ai/flux-2-pro",
        motion=Decimal("0.3"),
        inputs=(make_file("reference"),),
        parameters={"negative_prompt": "fog", "safety_tolerance": "2"},
    )
    assert job.dropped == ("duration", "guidance", "motion", "reference", "negative_prompt")
    assert (job.inputs, job.payload["body"]["safety_tolerance"]) == ((), "2")


@pytest.mark.parametrize(
    ("endpoint", "asked", "sent", "adjusted"),
    [
        ("fal-ai/veo3.1", "4", "4s", ()),
        ("fal-ai/veo3.1", "5", "6s", ("duration: 5 s becomes 6 s",)),
        ("fal-ai/veo3.1", "20", "8s", ("duration: 20 s becomes 8 s",)),
        ("fal-ai/kling-video/v2.5-turbo/pro/text-to-video", "10", "10", ()),
        ("fal-ai/kling-video/v3/pro/text-to-video", "2.5", "3", ("duration: 2.5 s becomes 3 s",)),
    ],
)
def test_a_duration_is_sent_as_the_model_spells_it_and_rounded_up_to_what_it_offers(
    endpoint: str, asked: str, sent: str, adjusted: tuple[str, ...]
) -> None:
    job = translate(endpoint, duration_seconds=Decimal(asked), seed=None, guidance=None)
    assert (job.payload["body"]["duration"], job.adjusted, job.dropped) == (sent, adjusted, ())


def test_the_nearest_format_is_taken_and_named_when_it_is_another() -> None:
    job = translate("fal-ai/kling-video/v2.5-turbo/pro/text-to-video", width=1080, height=1350)
    assert job.payload["body"]["aspect_ratio"] == "1:1"
    assert job.adjusted == ("format: 1080 × 1350 becomes 1:1",)


def test_a_guidance_beyond_the_models_range_is_brought_to_its_edge() -> None:
    job = translate("fal-ai/kling-video/v2.5-turbo/pro/text-to-video", guidance=Decimal("3.5"))
    assert (job.payload["body"]["cfg_scale"], job.adjusted) == (1, ("guidance: 3.5 becomes 1",))


@pytest.mark.parametrize(
    ("height", "resolution"), [(480, "720p"), (720, "720p"), (1080, "1080p"), (2160, "1080p")]
)
def test_the_dearest_resolution_is_never_taken_unasked(height: int, resolution: str) -> None:
    job = translate("fal-ai/veo3.1", width=height * 16 // 9, height=height)
    assert job.payload["body"]["resolution"] == resolution
    asked = translate("fal-ai/veo3.1", parameters={"resolution": "4k"})
    assert asked.payload["body"]["resolution"] == "4k"


@pytest.mark.parametrize(
    ("endpoint", "files"),
    [
        ("fal-ai/kling-video/v2.5-turbo/pro/image-to-video", {"image_url": 0, "tail_image_url": 1}),
        ("fal-ai/kling-video/v2.6/pro/image-to-video", {"start_image_url": 0, "end_image_url": 1}),
        ("fal-ai/veo3.1/first-last-frame-to-video", {"first_frame_url": 0, "last_frame_url": 1}),
    ],
)
def test_frames_go_into_the_parameters_that_the_model_calls_them(
    make_file: MakeFile, endpoint: str, files: dict[str, int]
) -> None:
    frames = (make_file("first_frame"), make_file("last_frame"))
    job = translate(endpoint, inputs=frames, seed=None)
    assert job.payload["files"] == {name: [frames[number].sha256] for name, number in files.items()}
    assert not {"first_frame", "last_frame", "format"} & set(job.dropped)


def test_more_references_than_a_model_takes_are_reported(make_file: MakeFile) -> None:
    files = tuple(make_file("reference") for _ in range(6))
    job = translate("fal-ai/flux-2/edit", inputs=files, duration_seconds=None)
    assert job.payload["files"] == {"image_urls": [file.sha256 for file in files[:4]]}
    assert job.dropped == ("reference",)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"endpoint": "fal-ai/flux/dev/image-to-image"}, "needs image_url"),
        ({"endpoint": "fal-ai/flux/dev", "prompt": ""}, "needs prompt"),
        ({"endpoint": "fal-ai/nobody/knows"}, "add them to the model's capabilities"),
        ({"endpoint": "fal-ai/flux/dev", "parameters": {"num_images": 5}}, "between 1 and 4"),
        ({"endpoint": "fal-ai/flux/dev", "parameters": {"num_images": "2"}}, "of type integer"),
        ({"endpoint": "fal-ai/flux/dev", "parameters": {"num_images": True}}, "of type integer"),
        ({"endpoint": "fal-ai/flux/dev", "parameters": {"output_format": "gif"}}, "jpeg, png, not 'gif'"),
    ],
)
def test_an_impossible_request_is_a_bad_request_that_names_the_parameter(
    changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ProviderError, match=words) as caught:
        translate(**changes)
    assert (caught.value.error_class, caught.value.charged) == (ErrorClass.BAD_REQUEST, False)


def test_capabilities_of_the_catalogue_correct_the_description() -> None:
    corrected = {"parameters": {"seed": None, "shift": {"type": "number", "knob": "motion"}}}
    job = translate("fal-ai/flux/dev", corrected, motion=Decimal("0.3"), duration_seconds=None)
    assert (job.payload["body"]["shift"], job.dropped) == (0.3, ("seed",))


def test_a_payload_can_be_stored_as_json_and_holds_no_file_contents(make_file: MakeFile) -> None:
    job = translate("fal-ai/flux-pro/kontext", inputs=(make_file("source"),))
    assert len(json.dumps(dict(job.payload))) < 400


# -- files ----------------------------------------------------------------------------------------


def sent_picture(kit: Kit, file: InputFile) -> str:
    kit.submit(translate("fal-ai/flux-pro/kontext", inputs=(file,)))
    job = next(iter(kit.emulator.emulator.fal.jobs.values()))
    return str(job.body["image_url"])


def test_a_small_reference_travels_inside_the_request(kit: Kit, make_file: MakeFile) -> None:
    file = make_file("source", size=4000)
    address = sent_picture(kit, file)
    assert address.startswith("data:image/jpeg;base64,")
    assert kit.emulator.emulator.fal.files.uploads == {}


def test_a_larger_reference_is_uploaded_and_arrives_whole(kit: Kit, make_file: MakeFile) -> None:
    file = make_file("source", size=400_000)
    answer = httpx.get(sent_picture(kit, file), trust_env=False)
    assert answer.content == pathlib.Path(file.path).read_bytes()
    assert answer.headers["content-type"] == "image/jpeg"


def test_a_very_large_reference_is_uploaded_in_parts(
    kit: Kit, make_file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fal_storage, "WHOLE_BYTES", 350_000)
    monkeypatch.setattr(fal_storage, "PART_BYTES", 150_000)
    file = make_file("source", size=400_000)
    answer = httpx.get(sent_picture(kit, file), trust_env=False)
    assert answer.content == pathlib.Path(file.path).read_bytes()


def test_an_upload_that_fails_is_not_ambiguous_because_nothing_was_asked_yet(
    kit: Kit, make_file: MakeFile
) -> None:
    file = make_file("source", size=400_000)
    kit.account = dataclasses.replace(kit.account, key="misshapen")
    with pytest.raises(ProviderError) as caught:
        sent_picture(kit, file)
    assert (caught.value.error_class, caught.value.ambiguous) == (ErrorClass.AUTH, False)
    assert kit.emulator.log() == []


# -- addresses ------------------------------------------------------------------------------------


def test_the_key_is_never_sent_to_another_host_than_the_accounts(kit: Kit) -> None:
    submitted = kit.submit(kit.job())
    elsewhere = {
        "endpoint": submitted.handle["endpoint"],
        "status_url": "http://198.51.100.7/status",
        "response_url": "http://198.51.100.7/response",
    }
    assert kit.finished(Submitted(submitted.job_id, elsewhere)).state is JobState.SUCCEEDED


def test_a_namespace_stays_in_the_address_and_a_sub_path_does_not(kit: Kit) -> None:
    described = {"parameters": {"prompt": {"type": "string", "knob": "prompt"}}}
    job = translate("workflows/studio/board/deep/path", described)
    submitted = kit.submit(job)
    assert "/workflows/studio/board/requests/" in submitted.handle["status_url"]
    bare = Submitted(submitted.job_id, {"endpoint": "workflows/studio/board/deep/path"})
    assert kit.poll(bare).state is JobState.QUEUED


def test_a_picture_of_several_that_was_blackened_is_left_out(kit: Kit) -> None:
    body = {
        "images": [{"url": "https://v3.fal.media/1.png"}, {"url": "https://v3.fal.media/2.png"}],
        "has_nsfw_concepts": [True, False],
    }
    status = fal_answers.delivered(body, Decimal(2))
    assert status.state is JobState.SUCCEEDED
    assert [output.url for output in status.outputs] == ["https://v3.fal.media/2.png"]


@pytest.mark.parametrize("body", [{"images": []}, {"seed": 7}, ["<html>"]])
def test_a_success_without_media_is_charged_unless_fal_says_that_it_was_free(body: Any) -> None:
    charged = [fal_answers.delivered(body, units).error for units in (None, Decimal(1), Decimal(0))]
    assert [error and error.charged for error in charged] == [True, True, False]


def test_a_fetch_that_failed_does_not_make_a_cancelled_job_free(kit: Kit) -> None:
    submitted = kit.submit(kit.job("[[cancel:honour]][[fetch:500*1]]"))
    kit.emulator.advance(50)
    kit.cancel(submitted)
    with pytest.raises(ProviderError) as caught:
        kit.finished(submitted)
    assert caught.value.error_class is ErrorClass.UNAVAILABLE
    status = kit.poll(submitted)
    assert (status.state, status.billed_units) == (JobState.CANCELLED, Decimal(2))
