"""MiniMax's own ways: two versions, contents with roles, codes in a 200, and a challenge that is echoed."""

from __future__ import annotations

import base64
import dataclasses
import pathlib
from decimal import Decimal
from typing import Any

import httpx
import pytest
from django.test import Client

from generation import keyring
from generation.models import ProviderAccount
from generation.providers import minimax, minimax_answers
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
from routing import catalogue, pricing
from routing.brief import Price
from tests.cast import Cast
from tests.emulators import minimax as emulated
from tests.emulators.inbox import open_inbox
from tests.emulators.server import Running
from tests.generation.engine_rows import Engine
from tests.generation.providers import takes
from tests.generation.providers.kit import NOWHERE, Kit, input_file
from tests.generation.providers.kits import minimax as minimax_kit

REQUEST = StepRequest(
    kind="video",
    prompt="A lighthouse",
    seed=7,
    width=1280,
    height=720,
    duration_seconds=Decimal(6),
)
WORDS = {"type": "text", "text": "A lighthouse"}
OLDER = "MiniMax-Hailuo-2.3"


@pytest.fixture
def kit(emulator: Running) -> Kit:
    return minimax_kit.make(emulator)


def translate(endpoint: str, **changes: Any) -> Job:
    facts = ModelFacts(f"minimax/{endpoint}", endpoint, {})
    return minimax.provider.translate(model=facts, request=dataclasses.replace(REQUEST, **changes))


def picture(path: pathlib.Path, role: str) -> InputFile:
    return input_file(path / f"{role}{len(list(path.iterdir()))}.jpg", role=role)


def image(role: str, sha256: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": {"file": sha256}}, "role": role}


# -- translation ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        (
            "MiniMax-H3",
            {
                "content": [WORDS],
                "resolution": "768P",
                "duration": 6,
                "aigc_watermark": False,
                "ratio": "16:9",
            },
        ),
        (
            "MiniMax-H3-Max",
            {
                "content": [WORDS],
                "resolution": "768P",
                "duration": 6,
                "aigc_watermark": False,
                "ratio": "16:9",
            },
        ),
        ("MiniMax-Hailuo-2.3", {"prompt": "A lighthouse", "duration": 6, "resolution": "768P"}),
        ("MiniMax-Hailuo-02", {"prompt": "A lighthouse", "duration": 6, "resolution": "768P"}),
    ],
)
def test_words_alone_become_the_models_own_body(endpoint: str, body: dict[str, Any]) -> None:
    job = translate(endpoint)
    assert job.payload["body"] == {"model": endpoint, **body}
    assert (job.dropped, job.adjusted) == (("seed",), ())


def test_a_clip_of_ten_seconds_is_a_model_of_its_own_with_a_price_of_its_own() -> None:
    job = translate("MiniMax-Hailuo-2.3/10s", height=1080, width=1920)
    assert job.payload["body"] == {
        "model": "MiniMax-Hailuo-2.3",
        "prompt": "A lighthouse",
        "duration": 10,
        "resolution": "768P",
    }
    assert job.adjusted == ("duration: 6 s becomes 10 s",)


def test_frames_go_without_ratio_and_without_references(tmp_path: pathlib.Path) -> None:
    first, last = picture(tmp_path, "first_frame"), picture(tmp_path, "last_frame")
    job = translate("MiniMax-H3", inputs=(first, last, picture(tmp_path, "reference")))
    assert job.payload["body"] == {
        "model": "MiniMax-H3",
        "content": [WORDS, image("first_frame", first.sha256), image("last_frame", last.sha256)],
        "resolution": "768P",
        "duration": 6,
        "aigc_watermark": False,
    }
    assert job.dropped == ("seed", "reference")


def test_references_are_pictures_and_films_and_keep_the_ratio(kit: Kit, tmp_path: pathlib.Path) -> None:
    pictures = tuple(picture(tmp_path, "reference") for _ in range(10))
    film = input_file(tmp_path / "source.mp4", role="source", media_type="video/mp4")
    job = translate("MiniMax-H3", inputs=(*pictures, film))
    kit.submit(job)
    (made,) = kit.served.jobs.values()
    roles = [item.get("role", "words") for item in made.body["content"]]
    assert roles == ["words", *["reference_image"] * 9, "reference_video"]
    assert (made.body["ratio"], job.dropped) == ("16:9", ("seed", "reference"))
    text = base64.b64encode(pathlib.Path(film.path).read_bytes()).decode()
    assert made.body["content"][-1]["video_url"] == {"url": f"data:video/mp4;base64,{text}"}


def test_a_model_that_needs_a_picture_refuses_words_alone() -> None:
    with pytest.raises(ProviderError, match="needs first_frame_image") as caught:
        translate("MiniMax-Hailuo-2.3-Fast")
    assert caught.value.charged is False


@pytest.mark.parametrize("endpoint", [name for name in minimax.sheet.endpoints() if " " not in name])
def test_a_full_request_is_accepted_by_every_endpoint(
    kit: Kit, tmp_path: pathlib.Path, endpoint: str
) -> None:
    inputs = tuple(picture(tmp_path, role) for role in ("first_frame", "last_frame", "reference"))
    kit.submit(translate(endpoint, inputs=inputs))
    assert len(kit.log()) == 1


@pytest.mark.parametrize(
    ("endpoint", "height", "resolution", "amount"),
    [
        ("MiniMax-H3", 720, "768P", "0.08"),
        ("MiniMax-H3", 768, "768P", "0.08"),
        ("MiniMax-H3", 784, "2K", "0.13"),
        ("MiniMax-H3", 1088, "2K", "0.13"),
        ("MiniMax-H3-Max", 480, "480P", "0.05"),
        ("MiniMax-H3-Max", 496, "768P", "0.08"),
        ("MiniMax-Hailuo-02", 512, "512P", "0.1"),
        ("MiniMax-Hailuo-02", 528, "768P", "0.28"),
        ("MiniMax-Hailuo-02", 1088, "1080P", "0.49"),
        ("MiniMax-Hailuo-2.3", 784, "1080P", "0.49"),
        ("MiniMax-Hailuo-2.3-Fast", 720, "768P", "0.19"),
    ],
)
def test_the_resolution_that_is_sent_for_a_height_is_the_one_that_is_priced(
    tmp_path: pathlib.Path, endpoint: str, height: int, resolution: str, amount: str
) -> None:
    job = translate(endpoint, height=height, width=height * 16 // 9, inputs=(picture(tmp_path, "reference"),)
                    if "Fast" not in endpoint else (picture(tmp_path, "source"),))  # fmt: skip
    sent = job.payload["body"].get("resolution")
    row = next(entry for entry in catalogue.read() if entry["key"] == f"minimax/{endpoint}")
    price = Price(unit="", amount=Decimal(0), currency="USD", row="", conditions=row["price_conditions"])
    assert (sent, pricing.unit_amount(price, height=height)) == (resolution, Decimal(amount))


def test_the_catalogue_marks_exactly_the_models_that_cannot_be_asked() -> None:
    entries = [entry for entry in catalogue.read() if entry["provider"] == "minimax"]
    known = {entry["endpoint"]: entry["capabilities"].get("parameters_known", True) for entry in entries}
    described = {name for name in minimax.sheet.endpoints() if " " not in name}
    assert {name for name, is_known in known.items() if is_known} == described
    assert sorted(name for name, is_known in known.items() if not is_known) == [
        "image-01",
        "music-2.6",
        "speech-2.8-hd",
    ]


# -- the newer version ----------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 404, 422])
def test_an_unknown_task_is_lost_with_whichever_status(kit: Kit, status: int) -> None:
    kit.served.unknown = status  # type: ignore[attr-defined]
    assert kit.poll(Submitted(NOWHERE, {"endpoint": "MiniMax-H3"})).state is JobState.LOST


def test_the_record_of_a_finished_task_is_not_deleted_by_a_cancel(kit: Kit) -> None:
    submitted = kit.submit(kit.job())
    kit.emulator.advance(3600)
    kit.cancel(submitted)
    assert submitted.job_id in kit.served.jobs


# -- the older version ----------------------------------------------------------------------------


def older(kit: Kit, directive: str = "") -> Submitted:
    return kit.submit(translate(OLDER, prompt=f"A lighthouse {directive}"))


def test_a_task_of_the_older_version_goes_through_its_states_to_a_file(kit: Kit) -> None:
    submitted = older(kit)
    seen = []
    for _ in range(3):
        seen.append(kit.poll(submitted).state)
        kit.emulator.advance(50)
    status = kit.finished(submitted)
    assert seen == [JobState.QUEUED, JobState.RUNNING, JobState.SUCCEEDED]
    assert (status.outputs[0].media_type, status.billed_units) == ("video/mp4", None)


@pytest.mark.parametrize(
    ("fail", "error_class", "ambiguous"),
    [
        ("timeout", ErrorClass.TIMEOUT, True),
        ("429", ErrorClass.RATE_LIMITED, False),
        ("401", ErrorClass.AUTH, False),
        ("credit", ErrorClass.INSUFFICIENT_CREDIT, False),
        ("policy", ErrorClass.MODERATED, False),
        ("policy_output", ErrorClass.MODERATED, False),
        ("422", ErrorClass.BAD_REQUEST, False),
        ("key", ErrorClass.AUTH, False),
        ("limit", ErrorClass.RATE_LIMITED, False),
        ("500", ErrorClass.UNKNOWN, True),
    ],
)
def test_a_code_in_a_200_is_a_refusal(kit: Kit, fail: str, error_class: ErrorClass, ambiguous: bool) -> None:
    with pytest.raises(ProviderError) as caught:
        older(kit, f"[[fail:{fail}]]")
    error = caught.value
    assert (error.error_class, error.ambiguous) == (error_class, ambiguous)
    assert error.charged is (None if ambiguous else False)


@pytest.mark.parametrize(
    ("result", "state", "error_class"),
    [
        ("policy", JobState.BLOCKED, ErrorClass.MODERATED),
        ("policy_output", JobState.BLOCKED, ErrorClass.MODERATED),
        ("500", JobState.FAILED, ErrorClass.UNAVAILABLE),
        ("no_output", JobState.FAILED, ErrorClass.MALFORMED_OUTPUT),
    ],
)
def test_a_task_of_the_older_version_that_failed_is_classed(
    kit: Kit, result: str, state: JobState, error_class: ErrorClass
) -> None:
    status = kit.finished(older(kit, f"[[result:{result}]]"))
    assert status.error is not None
    assert (status.state, status.error.error_class) == (state, error_class)


@pytest.mark.parametrize(("fetch", "error_class"), [("429*1", "rate_limited"), ("502*1", "unavailable")])
def test_a_file_whose_address_cannot_be_had_now_is_no_failure_of_the_task(
    kit: Kit, fetch: str, error_class: str
) -> None:
    submitted = older(kit, f"[[fetch:{fetch}]]")
    with pytest.raises(ProviderError) as caught:
        kit.finished(submitted)
    assert caught.value.error_class == error_class
    assert kit.poll(submitted).state is JobState.SUCCEEDED


def test_an_unknown_task_of_the_older_version_is_lost_and_none_can_be_cancelled(kit: Kit) -> None:
    assert kit.poll(Submitted("123", {"endpoint": OLDER})).state is JobState.LOST
    submitted = older(kit)
    assert kit.cancel(submitted).value == "unsupported"
    assert kit.log()[0]["state"] == "queued"


def test_a_state_that_nobody_knows_is_no_success() -> None:
    with pytest.raises(ProviderError, match="'done'"):
        minimax_answers.status({"id": "1", "status": "done"})
    with pytest.raises(ProviderError):
        minimax_answers.task(httpx.Response(200, json={"task": {}}))


# -- callbacks ------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_challenge_of_a_new_callback_address_is_echoed(kit: Kit, cast: Cast, client: Client) -> None:
    ProviderAccount.objects.create(
        workspace=cast.workspace,
        provider="minimax",
        name="main",
        encrypted_key=keyring.encrypt("k"),
        webhook_token="account",
    )
    kit.served.challenges = True  # type: ignore[attr-defined]
    with open_inbox() as inbox:
        kit.submit(kit.job("[[webhook:none]]", webhook_url=f"{inbox.url}/hooks/minimax/account/"))
        (letter,) = inbox.wait(1)
    assert kit.receive(letter).job_id == ""
    answer = client.post(letter.path, data=letter.body, content_type="application/json")
    assert (answer.status_code, answer.json()) == (200, {"challenge": "echo-me"})


def test_a_callback_of_either_version_names_its_task(kit: Kit) -> None:
    with open_inbox() as inbox:
        submitted = kit.submit(dataclasses.replace(translate(OLDER), webhook_url=f"{inbox.url}/hooks/run-1/"))
        kit.emulator.advance(200)
        (letter,) = inbox.wait(1)
    assert (kit.receive(letter).job_id, kit.receive(letter).status) == (submitted.job_id, None)


def test_every_described_model_is_one_that_the_emulator_knows() -> None:
    described = {minimax.sheet.model(name) for name in minimax.sheet.endpoints()}
    assert described == {*emulated.V1_MODELS, *emulated.V2_MODELS}


# -- takes ----------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("key", "seconds", "amount", "calculation"),
    [
        ("minimax/MiniMax-H3", "5", "0.40", "5 second billed at 0.08"),
        ("minimax/MiniMax-Hailuo-2.3", "6", "0.28", "1 request at 0.28"),
        ("minimax/MiniMax-Hailuo-2.3/10s", "10", "0.56", "1 request at 0.56"),
    ],
)
def test_a_take_is_made_and_booked_at_its_price(
    kit: Kit, cast: Cast, engine: Engine, key: str, seconds: str, amount: str, calculation: str
) -> None:
    film = {"kind": "video", "duration_seconds": seconds, "width": 1280, "height": 720}
    take = takes.begin(kit, cast, key, **film)
    entry = takes.finish(kit, engine, take)
    assert (entry.native_amount, entry.amount) == (Decimal(amount), Decimal(amount) * takes.RATE)
    assert entry.calculation == calculation
