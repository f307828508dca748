"""Google's official Python client against the emulated Gemini API: what it reads, what it refuses to send."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from tests.emulators import media
from tests.emulators.inbox import open_inbox
from tests.emulators.server import Running, running

VEO, FLASH = "veo-3.1-generate-preview", "gemini-3.1-flash-image"


@pytest.fixture(scope="module")
def program() -> Iterator[Running]:
    with running(latency="0.3") as started:
        yield started


@pytest.fixture
def emulator(program: Running) -> Running:
    program.reset()
    return program


def made(emulator: Running, *, key: str = "AIza-secret", attempts: int = 1) -> genai.Client:
    retry = types.HttpRetryOptions(attempts=attempts, initial_delay=0.01, jitter=0)
    options = types.HttpOptions(
        base_url=emulator.url_of("google"),
        api_version="v1beta",
        retry_options=retry,
        client_args={"trust_env": False},
    )
    return genai.Client(api_key=key, http_options=options)


@pytest.fixture
def client(emulator: Running) -> genai.Client:
    return made(emulator)


def finished(client: genai.Client, emulator: Running, operation: Any) -> Any:
    assert not operation.done
    emulator.advance(60)
    return client.operations.get(operation)


def film(client: genai.Client, prompt: str = "A lighthouse", **config: Any) -> Any:
    """The operation of a film that was asked for."""
    given = types.GenerateVideosConfig(**{"aspect_ratio": "16:9", "duration_seconds": 4, **config})
    source = types.GenerateVideosSource(prompt=prompt)
    return client.models.generate_videos(model=VEO, source=source, config=given)


def picture(client: genai.Client, prompt: str = "A lighthouse", **image: Any) -> Any:
    config = types.GenerateContentConfig(
        response_modalities=["IMAGE"],
        image_config=types.ImageConfig(**image) if image else None,
    )
    return client.models.generate_content(model=FLASH, contents=prompt, config=config)


# -- films ----------------------------------------------------------------------------------------


def test_the_client_waits_for_a_film_and_downloads_it(client: genai.Client, emulator: Running) -> None:
    operation = finished(client, emulator, film(client))
    (sample,) = operation.response.generated_videos
    address = sample.video.uri
    assert address.endswith(":download?alt=media")
    name = address.rpartition("/")[2].partition(":")[0]
    data = client.files.download(file=f"files/{name}")
    assert data[4:8] == b"ftyp"


def test_the_client_sends_frames_and_references(client: genai.Client, emulator: Running) -> None:
    data = media.jpeg(seed="a", width=64, height=64, size=4000)
    frame = types.Image(image_bytes=data, mime_type="image/jpeg")
    config = types.GenerateVideosConfig(duration_seconds=8, last_frame=frame, negative_prompt="fog")
    source = types.GenerateVideosSource(prompt="A lighthouse", image=frame)
    client.models.generate_videos(model=VEO, source=source, config=config)
    reference = types.VideoGenerationReferenceImage(image=frame, reference_type="ASSET")
    film(client, duration_seconds=8, reference_images=[reference])
    framed, referring = [job.body for job in emulator.emulator.providers["google"].jobs.values()]
    text = base64.b64encode(data).decode()
    assert framed["instances"][0]["lastFrame"] == {"bytesBase64Encoded": text, "mimeType": "image/jpeg"}
    assert framed["parameters"]["negativePrompt"] == "fog"
    assert referring["instances"][0]["referenceImages"][0]["image"]["bytesBase64Encoded"] == text


def test_the_client_asks_for_a_webhook_of_one_film(client: genai.Client, emulator: Running) -> None:
    with open_inbox() as inbox:
        hook = types.WebhookConfig(uris=[f"{inbox.url}/hooks/google/run-1/"])
        operation = film(client, webhook_config=hook)
        emulator.advance(60)
        (letter,) = inbox.wait(1)
    assert letter.path == "/hooks/google/run-1/"
    assert operation.name.encode() in letter.body


@pytest.mark.parametrize("config", [{"seed": 7}, {"fps": 24}, {"generate_audio": True}])
def test_what_the_client_refuses_to_send_the_emulator_refuses_to_take(
    client: genai.Client, emulator: Running, config: dict[str, Any]
) -> None:
    with pytest.raises((ValueError, errors.ClientError)):
        film(client, **config)
    assert emulator.log() == []


def test_the_client_sees_why_a_film_was_filtered(client: genai.Client, emulator: Running) -> None:
    operation = finished(client, emulator, film(client, "[[result:policy]]"))
    assert operation.response.rai_media_filtered_count == 1
    assert "usage guidelines" in operation.response.rai_media_filtered_reasons[0]
    assert not operation.response.generated_videos


def test_the_client_reads_the_error_of_a_film_that_failed(client: genai.Client, emulator: Running) -> None:
    operation = finished(client, emulator, film(client, "[[result:500]]"))
    assert operation.error == {"code": 13, "message": "The film could not be made.", "status": "INTERNAL"}


# -- pictures -------------------------------------------------------------------------------------


def test_the_client_reads_a_picture_and_what_was_counted(client: genai.Client) -> None:
    answer = picture(client, aspect_ratio="16:9", image_size="2K")
    thought, part = answer.candidates[0].content.parts
    assert (thought.thought, part.inline_data.mime_type) == (True, "image/jpeg")
    assert part.inline_data.data[:3] == b"\xff\xd8\xff"
    assert answer.candidates[0].finish_reason is types.FinishReason.STOP
    (counted,) = answer.usage_metadata.candidates_tokens_details
    assert (counted.modality.value, counted.token_count) == ("IMAGE", 1680)


def test_the_client_reads_why_a_prompt_was_blocked(client: genai.Client) -> None:
    answer = picture(client, "[[result:policy]]")
    assert answer.candidates is None
    assert answer.prompt_feedback.block_reason is types.BlockedReason.SAFETY


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ("policy_output", types.FinishReason.IMAGE_SAFETY),
        ("policy_prohibited", types.FinishReason.IMAGE_PROHIBITED_CONTENT),
        ("policy_recitation", types.FinishReason.IMAGE_RECITATION),
        ("no_image", types.FinishReason.NO_IMAGE),
        ("other", types.FinishReason.IMAGE_OTHER),
        ("tokens", types.FinishReason.MAX_TOKENS),
    ],
)
def test_the_client_knows_every_reason_for_which_a_picture_did_not_come(
    client: genai.Client, result: str, reason: types.FinishReason
) -> None:
    (candidate,) = picture(client, f"[[result:{result}]]").candidates
    assert candidate.finish_reason is reason


# -- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fail", "code", "status"),
    [
        ("401", 401, "UNAUTHENTICATED"),
        ("403", 403, "PERMISSION_DENIED"),
        ("key", 400, "INVALID_ARGUMENT"),
        ("422", 400, "INVALID_ARGUMENT"),
        ("429", 429, "RESOURCE_EXHAUSTED"),
    ],
)
def test_the_client_raises_what_a_refused_call_says(
    client: genai.Client, emulator: Running, fail: str, code: int, status: str
) -> None:
    for ask in (film, picture):
        with pytest.raises(errors.ClientError) as caught:
            ask(client, f"[[fail:{fail}]]")
        assert (caught.value.code, caught.value.status) == (code, status)
    assert emulator.log() == []


@pytest.mark.parametrize(("fail", "code"), [("500", 500), ("503", 503)])
def test_the_client_raises_a_fault_of_the_server(client: genai.Client, fail: str, code: int) -> None:
    with pytest.raises(errors.ServerError) as caught:
        picture(client, f"[[fail:{fail}]]")
    assert caught.value.code == code


def test_the_client_tries_again_after_a_rate_limit(emulator: Running) -> None:
    answer = picture(made(emulator, attempts=3), "[[fail:429*2]]")
    assert answer.candidates[0].finish_reason is types.FinishReason.STOP
    assert emulator.refused("google") == {"429": 2}


def test_the_client_is_told_of_an_unknown_model_operation_or_value(
    client: genai.Client, emulator: Running
) -> None:
    with pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model="imagen-4.0-generate-001", contents="A lighthouse")
    assert caught.value.code == 404
    unknown = types.GenerateVideosOperation(name=f"models/{VEO}/operations/nowhere")
    with pytest.raises(errors.ClientError) as caught:
        client.operations.get(unknown)
    assert caught.value.code == 404
    with pytest.raises(errors.ClientError) as caught:
        film(client, duration_seconds=5)
    assert caught.value.code == 400
    assert emulator.log() == []


def test_the_client_lists_models_to_see_that_a_key_works(client: genai.Client) -> None:
    assert f"models/{VEO}" in {model.name for model in client.models.list()}
