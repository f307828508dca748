"""ElevenLabs' official Python client against the emulated one.

Emulator and adapter come from one reading of the protocol; this client does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from elevenlabs import ElevenLabs, VoiceSettings
from elevenlabs.core.api_error import ApiError
from elevenlabs.errors import UnprocessableEntityError

from tests.emulators import media
from tests.emulators.server import Running, running


@pytest.fixture(scope="module")
def program() -> Iterator[Running]:
    with running(latency="0.1") as started:
        yield started


@pytest.fixture
def emulator(program: Running) -> Running:
    program.reset()
    return program


@pytest.fixture
def client(emulator: Running) -> Iterator[ElevenLabs]:
    with httpx.Client(trust_env=False, timeout=10) as plain:
        yield ElevenLabs(api_key="xi-key", base_url=emulator.url_of("elevenlabs"), httpx_client=plain)


def waves(client: ElevenLabs, directive: str = "", **options: Any) -> bytes:
    text = f"Waves on rocks {directive}".strip()
    return b"".join(client.text_to_sound_effects.convert(text=text, **options))


def test_the_client_gets_a_sound_of_the_length_that_it_asked_for(
    client: ElevenLabs, emulator: Running
) -> None:
    sound = waves(
        client,
        duration_seconds=3,
        prompt_influence=0.5,
        loop=True,
        model_id="eleven_text_to_sound_v2",
        output_format="mp3_44100_128",
    )
    (entry,) = emulator.log()
    job = emulator.emulator.providers["elevenlabs"].jobs[entry["request_id"]]
    assert sound == media.mp3(seed=job.seed, seconds=3)
    assert (entry["key"], entry["units"], entry["body"]["output_format"]) == ("xi-key", 3.0, "mp3_44100_128")


def test_the_client_gets_speech_by_a_voice(client: ElevenLabs, emulator: Running) -> None:
    settings = VoiceSettings(
        stability=0.5, similarity_boost=0.7, style=0.1, speed=1.1, use_speaker_boost=True
    )
    speech = client.text_to_speech.convert(
        "voice-1",
        text="Good evening.",
        model_id="eleven_multilingual_v2",
        voice_settings=settings,
        seed=7,
        language_code="en",
        previous_text="Hello.",
        next_text="Farewell.",
    )
    assert b"".join(speech)[:3] == b"ID3"
    assert (emulator.log()[0]["endpoint"], emulator.log()[0]["units"]) == ("v1/text-to-speech", 13)


def test_the_client_gets_music(client: ElevenLabs, emulator: Running) -> None:
    music = client.music.compose(
        prompt="A slow shanty", music_length_ms=4000, model_id="music_v1", force_instrumental=True
    )
    assert b"".join(music)[:3] == b"ID3"
    assert emulator.log()[0]["units"] == 4.0


def test_the_client_reads_the_name_of_the_call(client: ElevenLabs, emulator: Running) -> None:
    with client.text_to_sound_effects.with_raw_response.convert(text="Waves") as answer:
        assert answer.headers["request-id"] == f"call-{emulator.log()[0]['request_id']}"
        assert b"".join(answer.data)[:3] == b"ID3"


@pytest.mark.parametrize(
    ("fail", "status", "word"),
    [
        ("401", 401, "invalid_api_key"),
        ("credit", 401, "quota_exceeded"),
        ("policy", 400, "content_against_policy"),
        ("retired", 404, "model_not_found"),
        ("403", 403, "forbidden"),
    ],
)
def test_the_client_raises_what_a_refused_call_says(
    client: ElevenLabs, emulator: Running, fail: str, status: int, word: str
) -> None:
    with pytest.raises(ApiError) as caught:
        waves(client, f"[[fail:{fail}]]")
    assert (caught.value.status_code, caught.value.body["detail"]["status"]) == (status, word)
    assert emulator.log() == []


@pytest.mark.parametrize(("result", "status"), [("policy", 400), ("bad_prompt", 400)])
def test_the_client_raises_what_an_accepted_call_came_to(
    client: ElevenLabs, emulator: Running, result: str, status: int
) -> None:
    with pytest.raises(ApiError) as caught:
        waves(client, f"[[result:{result}]]")
    assert caught.value.status_code == status
    assert len(emulator.log()) == 1


def test_the_client_raises_what_is_wrong_in_a_body(client: ElevenLabs) -> None:
    with pytest.raises(UnprocessableEntityError) as caught:
        waves(client, duration_seconds=31)
    assert [entry["loc"] for entry in caught.value.body["detail"]] == [["body", "duration_seconds"]]


def test_the_client_is_told_of_too_many_calls_at_once(client: ElevenLabs) -> None:
    with pytest.raises(ApiError) as caught:
        waves(client, "[[fail:429]]", request_options={"max_retries": 0})
    assert caught.value.status_code == 429
    assert caught.value.headers["maximum-concurrent-requests"] == "5"


def test_the_client_without_a_key_is_refused(emulator: Running) -> None:
    with httpx.Client(trust_env=False) as plain:
        nobody = ElevenLabs(api_key="", base_url=emulator.url_of("elevenlabs"), httpx_client=plain)
        with pytest.raises(ApiError) as caught:
            waves(nobody)
    assert caught.value.status_code == 401
