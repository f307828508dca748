"""Runway's own ways: which call a model is asked by, its bodies, its uploads, its word on money."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from generation.providers import runway
from generation.providers.protocol import (
    ErrorClass,
    InputFile,
    Job,
    ModelFacts,
    ProviderError,
    StepRequest,
)
from routing import catalogue
from tests.emulators import runway_models
from tests.emulators.server import Running
from tests.generation.providers.kit import Kit, input_file
from tests.generation.providers.kits import runway as runway_kit

MODELS = sorted({name for models in runway_models.CALLS.values() for name in models})
REQUEST = StepRequest(
    kind="video", prompt="A lighthouse", seed=7, width=1280, height=720, duration_seconds=Decimal(5)
)
MakeFile = Callable[..., InputFile]


@pytest.fixture
def make_file(tmp_path: pathlib.Path) -> MakeFile:
    def make(role: str, **options: Any) -> InputFile:
        return input_file(tmp_path / f"{role}{len(list(tmp_path.iterdir()))}.bin", role=role, **options)

    return make


@pytest.fixture
def kit(emulator: Running) -> Kit:
    return runway_kit.make(emulator)


def translate(endpoint: str, **changes: Any) -> Job:
    facts = ModelFacts(f"runway/{endpoint}", endpoint, {})
    return runway.provider.translate(model=facts, request=dataclasses.replace(REQUEST, **changes))


def sent(kit: Kit, job: Job) -> dict[str, Any]:
    kit.submit(job)
    (entry,) = kit.log()
    assert entry["unknown_parameters"] == []
    return {"endpoint": entry["endpoint"], **entry["body"]}


# -- parameters -----------------------------------------------------------------------------------


def test_every_model_of_the_catalogue_is_described_and_every_described_one_is_in_it() -> None:
    rows = {row["endpoint"] for row in catalogue.read() if row["provider"] == "runway"}
    ours = {runway.sheet.model(name) for name in runway.sheet.endpoints()}
    assert ours == rows == set(MODELS)


@pytest.mark.parametrize("name", runway.sheet.endpoints())
def test_what_is_described_is_what_the_call_takes(name: str) -> None:
    entry, model = runway.sheet.entry(name), runway.sheet.model(name)
    theirs = runway_models.TABLES[entry["path"]][model]
    specs = runway.sheet.specs(ModelFacts(f"runway/{name}", name, {}))
    ours = {
        spec["under"].partition(".")[0] if "under" in spec else spec.get("as", named)
        for named, spec in specs.items()
    }
    assert ours - set(theirs) == set()
    needed = {one.name for one in theirs.values() if one.required} - {"model"}
    assert needed <= ours


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("frames", [True, False])
def test_a_full_request_is_accepted_by_every_model(
    kit: Kit, make_file: MakeFile, model: str, frames: bool
) -> None:
    roles = ("first_frame", "last_frame", "reference") if frames else ("reference",)
    inputs = (*(make_file(role) for role in roles), make_file("source", media_type="video/mp4"))
    assert sent(kit, translate(model, inputs=inputs))["model"] == model


BODIES: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    (
        "gen4.5",
        {},
        "text_to_video",
        {"promptText": "A lighthouse", "ratio": "1280:720", "duration": 5, "seed": 7},
    ),
    (
        "gen4_image",
        {
            "width": 1080,
            "height": 1920,
            "duration_seconds": None,
            "parameters": {"publicFigureThreshold": "low"},
        },
        "text_to_image",
        {
            "promptText": "A lighthouse",
            "ratio": "1080:1920",
            "seed": 7,
            "contentModeration": {"publicFigureThreshold": "low"},
        },
    ),
    (
        "veo3.1",
        {"duration_seconds": Decimal(5), "parameters": {"negative_prompt": "fog", "audio": False}},
        "text_to_video",
        {
            "promptText": "A lighthouse",
            "ratio": "1280:720",
            "duration": 6,
            "audio": False,
            "negativePrompt": "fog",
            "seed": 7,
        },
    ),
    (
        "hailuo3",
        {"width": 2560, "height": 1440},
        "text_to_video",
        {"promptText": "A lighthouse", "duration": 5, "resolution": "2K", "ratio": "16:9"},
    ),
    (
        "seedance2_5",
        {"width": 1920, "height": 1080, "duration_seconds": Decimal("28.5")},
        "text_to_video",
        {"promptText": "A lighthouse", "duration": 29, "ratio": "1920:1080", "seed": 7},
    ),
    (
        "happyhorse_1_0",
        {},
        "text_to_video",
        {"promptText": "A lighthouse", "duration": 5, "ratio": "1280:720"},
    ),
    (
        "wan3",
        {},
        "text_to_video",
        {"promptText": "A lighthouse", "duration": 5, "ratio": "1280:720"},
    ),
    (
        "grok_imagine_1_5",
        {"width": 854, "height": 480},
        "text_to_video",
        {"promptText": "A lighthouse", "duration": 5, "resolution": "480p", "ratio": "16:9"},
    ),
    (
        "gemini_image3_pro",
        {"width": 4096, "height": 4096, "duration_seconds": None},
        "text_to_image",
        {"promptText": "A lighthouse", "ratio": "4096:4096"},
    ),
]


@pytest.mark.parametrize(("model", "changes", "path", "body"), BODIES, ids=[row[0] for row in BODIES])
def test_a_request_without_pictures_becomes_this_body(
    model: str, changes: dict[str, Any], path: str, body: dict[str, Any]
) -> None:
    job = translate(model, **changes)
    assert job.payload == {"path": path, "body": {"model": model, **body}}


def mark(file: InputFile, **beside: Any) -> dict[str, Any]:
    return {"uri": {"file": file.sha256}, **beside}


def test_frames_lead_to_the_call_for_frames_and_say_where_they_stand(make_file: MakeFile) -> None:
    first, last = make_file("first_frame"), make_file("last_frame")
    job = translate("veo3.1", inputs=(first, last))
    assert (job.payload["path"], job.dropped) == ("image_to_video", ())
    assert job.payload["body"]["promptImage"] == [mark(first, position="first"), mark(last, position="last")]


def test_a_model_without_a_last_frame_drops_it_and_says_so(make_file: MakeFile) -> None:
    job = translate("gen4.5", inputs=(make_file("first_frame"), make_file("last_frame")))
    assert (job.payload["path"], job.dropped) == ("image_to_video", ("last_frame",))


def test_references_and_frames_are_not_mixed_where_the_model_takes_either(make_file: MakeFile) -> None:
    reference = make_file("reference")
    alone = translate("hailuo3", inputs=(reference,), seed=None)
    assert alone.payload["body"]["references"] == [mark(reference)]
    both = translate("hailuo3", inputs=(make_file("first_frame"), reference), seed=None)
    assert (both.payload["path"], both.dropped) == ("image_to_video", ("reference",))


def test_a_frame_decides_the_shape_of_wans_film_and_only_its_size_is_asked_for(make_file: MakeFile) -> None:
    job = translate("wan3", inputs=(make_file("first_frame"),), width=1920, height=1080)
    assert job.payload["body"]["ratio"] == "auto_1080p"


def test_a_performance_is_put_onto_a_character(make_file: MakeFile) -> None:
    face, play = make_file("reference"), make_file("source", media_type="video/mp4")
    job = translate("act_two", inputs=(face, play), motion=Decimal("0.5"), prompt="", duration_seconds=None)
    assert job.payload == {
        "path": "character_performance",
        "body": {
            "model": "act_two",
            "seed": 7,
            "character": {"uri": {"file": face.sha256}, "type": "image"},
            "reference": {"uri": {"file": play.sha256}, "type": "video"},
            "ratio": "1280:720",
        },
    }
    assert job.dropped == ()


def test_a_film_is_edited_with_key_frames_at_its_ends(make_file: MakeFile) -> None:
    film, last = make_file("source", media_type="video/mp4"), make_file("last_frame")
    job = translate("aleph2", inputs=(film, last))
    assert job.payload["body"] == {
        "model": "aleph2",
        "videoUri": {"file": film.sha256},
        "seed": 7,
        "promptText": "A lighthouse",
        "keyframes": [mark(last, at=1)],
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"endpoint": "gen4_image_turbo"}, "needs referenceImages"),
        ({"endpoint": "gen4_turbo"}, "needs first"),
        ({"endpoint": "gen4.5", "prompt": "a" * 1001}, "can have 1000 characters"),
        ({"endpoint": "gen4.5", "parameters": {"outputFormat": "gif"}}, "not 'gif'"),
        ({"endpoint": "gen5"}, "add them to the model's capabilities"),
    ],
)
def test_an_impossible_request_is_a_bad_request(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ProviderError, match=words) as caught:
        translate(**changes)
    assert (caught.value.error_class, caught.value.charged) == (ErrorClass.BAD_REQUEST, False)


# -- files ----------------------------------------------------------------------------------------


def test_a_small_picture_travels_in_the_request_and_a_large_one_is_uploaded(
    kit: Kit, make_file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runway, "INLINE_BYTES", {"image": 30_000, "video": 0})
    small, large = make_file("reference"), make_file("reference", size=60_000)
    kit.submit(translate("gen4_image", inputs=(small, large), duration_seconds=None))
    assert list(kit.served.uploads.values()) == [pathlib.Path(large.path).read_bytes()]


def test_an_upload_that_fails_is_not_ambiguous_because_nothing_was_asked_yet(
    kit: Kit, make_file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runway, "INLINE_BYTES", {})
    file = make_file("reference", size=60_000)
    kit.account = dataclasses.replace(kit.account, key="")
    with pytest.raises(ProviderError) as caught:
        kit.submit(translate("gen4_image", inputs=(file,)))
    assert (caught.value.error_class, caught.value.ambiguous, caught.value.charged) == (
        ErrorClass.AUTH,
        False,
        False,
    )
