"""ElevenLabs' own ways: sounds in the answer, errors with a word, keys that may only make sounds."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any

import httpx
import pytest

from generation.providers import elevenlabs
from generation.providers.protocol import (
    ErrorClass,
    Job,
    ModelFacts,
    ProviderError,
    StepRequest,
)
from projects.models import Asset
from routing import catalogue
from tests.cast import Cast
from tests.emulators.server import Running
from tests.generation import engine_rows
from tests.generation.engine_rows import Engine
from tests.generation.providers import takes
from tests.generation.providers.kit import Kit
from tests.generation.providers.kits import elevenlabs as elevenlabs_kit

REQUEST = StepRequest(
    kind="audio",
    prompt="Waves on rocks",
    seed=7,
    width=None,
    height=None,
    duration_seconds=Decimal("2.5"),
    guidance=Decimal("0.5"),
)
VOICE = {"voice_id": "voice 1/2"}


@pytest.fixture
def kit(emulator: Running) -> Kit:
    return elevenlabs_kit.make(emulator)


def translate(endpoint: str, **changes: Any) -> Job:
    facts = ModelFacts(f"elevenlabs/{endpoint}", endpoint, {})
    return elevenlabs.provider.translate(model=facts, request=dataclasses.replace(REQUEST, **changes))


# -- translation ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("endpoint", "parameters", "path", "body", "dropped", "adjusted"),
    [
        (
            "sound-generation",
            {"loop": True},
            "v1/sound-generation",
            {
                "text": "Waves on rocks",
                "duration_seconds": 2.5,
                "prompt_influence": 0.5,
                "loop": True,
                "model_id": "eleven_text_to_sound_v2",
            },
            ("seed",),
            (),
        ),
        (
            "music",
            {"force_instrumental": True},
            "v1/music",
            {"prompt": "Waves on rocks", "music_length_ms": 3000, "seed": 7, "force_instrumental": True},
            ("guidance",),
            ("duration: 2.5 s becomes 3 s",),
        ),
        (
            "text-to-speech",
            {**VOICE, "voice_settings": {"speed": 1.1}},
            "v1/text-to-speech/voice%201%2F2",
            {
                "text": "Waves on rocks",
                "seed": 7,
                "voice_settings": {"speed": 1.1},
                "model_id": "eleven_multilingual_v2",
            },
            ("duration", "guidance"),
            (),
        ),
        (
            "eleven_flash_v2_5",
            VOICE,
            "v1/text-to-speech/voice%201%2F2",
            {"text": "Waves on rocks", "seed": 7, "model_id": "eleven_flash_v2_5"},
            ("duration", "guidance"),
            (),
        ),
    ],
)
def test_a_request_in_words_becomes_the_calls_own_body(
    endpoint: str,
    parameters: dict[str, Any],
    path: str,
    body: dict[str, Any],
    dropped: tuple[str, ...],
    adjusted: tuple[str, ...],
) -> None:
    job = translate(endpoint, parameters=parameters)
    assert job.payload == {"path": path, "query": {"output_format": "mp3_44100_128"}, "body": body}
    assert (job.dropped, job.adjusted, job.blocking) == (dropped, adjusted, True)


def test_speech_needs_a_voice_that_the_route_names() -> None:
    with pytest.raises(ProviderError, match="needs voice_id"):
        translate("text-to-speech")


def test_the_format_is_asked_for_in_the_address(kit: Kit) -> None:
    kit.submit(translate("sound-generation", parameters={"output_format": "mp3_22050_32"}))
    assert kit.log()[0]["body"]["output_format"] == "mp3_22050_32"


def test_the_catalogue_names_exactly_the_models_that_are_described() -> None:
    entries = [entry for entry in catalogue.read() if entry["provider"] == "elevenlabs"]
    assert [entry["endpoint"] for entry in entries] == elevenlabs.sheet.endpoints()
    assert all(entry["amount"] and entry["kinds"] == ["audio"] for entry in entries)


# -- answers --------------------------------------------------------------------------------------


def test_the_sound_is_in_the_answer_under_the_name_of_the_call(kit: Kit) -> None:
    submitted = kit.submit(kit.job())
    assert submitted.status is not None
    (output,) = submitted.status.outputs
    assert submitted.job_id == f"call-{kit.log()[0]['request_id']}"
    assert (output.media_type, output.data[:3]) == ("audio/mpeg", b"ID3")


@pytest.mark.parametrize(
    ("status", "detail", "error_class", "words"),
    [
        (422, [{"loc": ["body", "text"], "msg": "Field required"}], ErrorClass.BAD_REQUEST, "text: Field"),
        (422, "too long", ErrorClass.BAD_REQUEST, "too long"),
        (401, {"status": "quota_exceeded", "message": "x"}, ErrorClass.INSUFFICIENT_CREDIT, "quota"),
        (401, {"status": "invalid_api_key", "message": "x"}, ErrorClass.AUTH, "invalid_api_key"),
        (400, {"status": "bad_prompt", "message": "x"}, ErrorClass.MODERATED, "bad_prompt"),
        (403, {"code": "x", "message": "Against our policies"}, ErrorClass.MODERATED, "policies"),
        (429, {"status": "system_busy", "message": "policy"}, ErrorClass.RATE_LIMITED, "3 of 3 at once"),
        (500, None, ErrorClass.UNAVAILABLE, "no explanation"),
    ],
)
def test_an_error_is_classed_by_its_word_and_else_by_its_status(
    status: int, detail: Any, error_class: ErrorClass, words: str
) -> None:
    headers = {"current-concurrent-requests": "3", "maximum-concurrent-requests": "3"}
    error = elevenlabs._error(httpx.Response(status, json={"detail": detail}, headers=headers))
    assert error.error_class is error_class
    assert words in error.detail


def test_a_key_that_may_only_make_sounds_is_a_good_one(kit: Kit) -> None:
    kit.served.scoped = True  # type: ignore[attr-defined]
    assert kit.test() == "ElevenLabs accepted the key."


# -- takes ----------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("key", "seconds", "amount", "calculation"),
    [
        ("elevenlabs/sound-generation", "4", "0.008", "4 second at 0.002"),
        ("elevenlabs/music", "4", "0.01", "4 second at 0.0025"),
    ],
)
def test_a_sound_is_made_on_an_open_call_stored_looked_into_and_booked(
    kit: Kit, cast: Cast, engine: Engine, key: str, seconds: str, amount: str, calculation: str
) -> None:
    sound = {"kind": "audio", "duration_seconds": seconds, "width": None, "height": None}
    take = takes.begin(kit, cast, key, **sound)
    entry = takes.finish_held(kit, engine, take)
    assert (entry.native_amount, entry.calculation) == (Decimal(amount), calculation)
    asset = take.take_assets.get(role="output").asset
    assert (asset.kind, asset.media_type, asset.duration_seconds) == ("audio", "audio/mpeg", Decimal(4))
    assert (asset.width, asset.height, asset.renditions.count()) == (None, None, 0)
    (call,) = engine_rows.calls_of(take)
    assert (call.outputs[0]["url"][:6], take.poster) == ("store:", None)


@pytest.mark.django_db
def test_what_is_no_sound_is_no_take(kit: Kit, cast: Cast, engine: Engine) -> None:
    sound = {"kind": "audio", "duration_seconds": "4", "width": None, "height": None}
    take = takes.begin(
        kit, cast, "elevenlabs/sound-generation", prompt="Waves [[output:html]]", retries=0, **sound
    )
    with pytest.raises(AssertionError):
        takes.finish_held(kit, engine, take)
    (call,) = engine_rows.calls_of(take)
    assert (call.error_class, "web page" in call.error) == (ErrorClass.MALFORMED_OUTPUT, True)
    assert (Asset.objects.count(), engine_rows.states_of(take)) == (0, ["failed"])
