"""ModelArk's own ways: contents with roles, tokens as seconds, a list that finds lost tasks, open calls."""

from __future__ import annotations

import dataclasses
import pathlib
from decimal import Decimal
from typing import Any

import httpx
import pytest

from generation.providers import byteplus, byteplus_answers
from generation.providers.protocol import (
    CancelOutcome,
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
from tests.emulators import byteplus as emulated
from tests.emulators.server import Running
from tests.generation import engine_rows
from tests.generation.engine_rows import Engine
from tests.generation.providers import takes
from tests.generation.providers.kit import NOWHERE, Kit, input_file
from tests.generation.providers.kits import byteplus as byteplus_kit

FILM = StepRequest(
    kind="video",
    prompt="A lighthouse",
    seed=7,
    width=1280,
    height=720,
    duration_seconds=Decimal(5),
)
WORDS = {"type": "text", "text": "A lighthouse"}
TWO = "dreamina-seedance-2-0-260128"
ONE_AND_A_HALF = "seedance-1-5-pro-251215"
PICTURE = "seedream-4-5-251128"


@pytest.fixture
def kit(emulator: Running) -> Kit:
    return byteplus_kit.make(emulator)


def translate(endpoint: str, **changes: Any) -> Job:
    asked = FILM
    if "seedream" in endpoint:
        asked = dataclasses.replace(FILM, kind="image", duration_seconds=None)
    facts = ModelFacts(f"byteplus/{endpoint}", endpoint, {})
    return byteplus.provider.translate(model=facts, request=dataclasses.replace(asked, **changes))


def picture(path: pathlib.Path, role: str) -> InputFile:
    return input_file(path / f"{role}{len(list(path.iterdir()))}.jpg", role=role)


def image(role: str, file: InputFile) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": {"file": file.sha256}}, "role": role}


# -- translation ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("endpoint", "body", "dropped"),
    [
        (
            TWO,
            {"content": [WORDS], "watermark": False, "ratio": "16:9", "resolution": "720p", "duration": 5},
            ("seed",),
        ),
        (
            "dreamina-seedance-2-5-260628",
            {"content": [WORDS], "watermark": False, "ratio": "16:9", "resolution": "720p", "duration": 5},
            ("seed",),
        ),
        (
            ONE_AND_A_HALF,
            {
                "content": [WORDS],
                "watermark": False,
                "ratio": "16:9",
                "resolution": "720p",
                "duration": 5,
                "generate_audio": False,
                "seed": 7,
            },
            (),
        ),
        (
            PICTURE,
            {
                "prompt": "A lighthouse",
                "size": "1280x720",
                "watermark": False,
                "response_format": "url",
                "sequential_image_generation": "disabled",
            },
            ("seed",),
        ),
    ],
)
def test_a_request_in_words_becomes_the_models_own_body(
    endpoint: str, body: dict[str, Any], dropped: tuple[str, ...]
) -> None:
    job = translate(endpoint)
    assert job.payload["body"] == {"model": endpoint, **body}
    assert (job.dropped, job.adjusted, job.blocking) == (dropped, (), endpoint == PICTURE)


def test_frames_exclude_references_and_two_five_wants_their_own_shape(tmp_path: pathlib.Path) -> None:
    first, last = picture(tmp_path, "first_frame"), picture(tmp_path, "last_frame")
    inputs = (first, last, picture(tmp_path, "reference"))
    for endpoint, ratio in ((TWO, None), ("dreamina-seedance-2-5-260628", "adaptive")):
        job = translate(endpoint, inputs=inputs)
        body = job.payload["body"]
        assert body["content"] == [WORDS, image("first_frame", first), image("last_frame", last)]
        assert (body.get("ratio"), job.dropped) == (ratio, ("seed", "reference"))


def test_references_go_in_up_to_the_models_number(kit: Kit, tmp_path: pathlib.Path) -> None:
    inputs = tuple(picture(tmp_path, "reference") for _ in range(11))
    kit.submit(translate(TWO, inputs=inputs))
    kit.submit(translate("dreamina-seedance-2-5-260628", inputs=inputs))
    counts = [len(job.body["content"]) - 1 for job in kit.served.jobs.values()]
    assert counts == [9, 11]


@pytest.mark.parametrize("endpoint", [name for name in byteplus.sheet.endpoints() if " " not in name])
def test_a_full_request_is_accepted_by_every_endpoint(
    kit: Kit, tmp_path: pathlib.Path, endpoint: str
) -> None:
    inputs = tuple(picture(tmp_path, role) for role in ("first_frame", "last_frame", "reference"))
    kit.submit(translate(endpoint, inputs=inputs))
    assert len(kit.log()) == 1


@pytest.mark.parametrize(
    ("endpoint", "height", "resolution"),
    [
        (TWO, 480, "480p"),
        (TWO, 496, "720p"),
        (TWO, 720, "720p"),
        (TWO, 736, "1080p"),
        (TWO, 1088, "1080p"),
        (TWO, 1104, "4k"),
        ("dreamina-seedance-2-5-260628", 1088, "1080p"),
        ("dreamina-seedance-2-0-fast-260128", 720, "720p"),
        (ONE_AND_A_HALF, 1088, "1080p"),
    ],
)
def test_the_resolution_that_is_sent_for_a_height_is_the_one_that_is_priced(
    endpoint: str, height: int, resolution: str
) -> None:
    job = translate(endpoint, height=height, width=height * 16 // 9)
    assert job.payload["body"]["resolution"] == resolution
    row = next(entry for entry in catalogue.read() if entry["key"] == f"byteplus/{endpoint}")
    price = Price(unit="", amount=Decimal(0), currency="USD", row="", conditions=row["price_conditions"])
    dollars = {"480p": "7.00", "720p": "7.00", "1080p": "7.70", "4k": "4.00"}[resolution]
    million = {TWO: dollars, ONE_AND_A_HALF: "1.20"}.get(endpoint, "11.70" if "2-5" in endpoint else "5.60")
    tokens = byteplus_answers.TOKENS_A_SECOND[resolution]
    assert pricing.unit_amount(price, height=height) == Decimal(million) * tokens / 1_000_000


def test_the_catalogue_names_exactly_the_models_that_are_described() -> None:
    entries = [entry for entry in catalogue.read() if entry["provider"] == "byteplus"]
    assert all(entry["capabilities"].get("parameters_known", True) for entry in entries)
    described = {name for name in byteplus.sheet.endpoints() if " " not in name}
    assert {entry["endpoint"] for entry in entries} == described
    assert described == {*emulated.FILMS, *emulated.PICTURES}


# -- films ----------------------------------------------------------------------------------------


def test_tokens_become_seconds_and_sound_costs_twice_where_it_does(kit: Kit) -> None:
    silent = kit.submit(translate(ONE_AND_A_HALF))
    loud = kit.submit(translate(ONE_AND_A_HALF, parameters={"generate_audio": True}))
    assert (silent.handle["factor"], loud.handle["factor"]) == (1, 2)
    assert [kit.finished(one).billed_units for one in (silent, loud)] == [Decimal(5), Decimal(10)]


@pytest.mark.parametrize(
    ("resolution", "usage", "units"),
    [
        ("720p", {"completion_tokens": 108_000}, Decimal(5)),
        ("720p", {"completion_tokens": 108_900}, Decimal("5.041667")),
        ("1080p", {"completion_tokens": 48_600}, Decimal(1)),
        ("8k", {"completion_tokens": 48_600}, None),
        ("720p", {"total_tokens": 1}, None),
        ("720p", None, None),
    ],
)
def test_units_are_told_only_where_the_task_tells_its_tokens(
    resolution: str, usage: Any, units: Decimal | None
) -> None:
    told = {
        "status": "succeeded",
        "resolution": resolution,
        "usage": usage,
        "content": {"video_url": "http://x/"},
    }
    assert byteplus_answers.status(told).billed_units == units


def test_the_last_frame_comes_along_where_it_was_asked_for(kit: Kit) -> None:
    status = kit.finished(kit.submit(translate(TWO, parameters={"return_last_frame": True})))
    assert [one.media_type for one in status.outputs] == ["video/mp4", "image/png"]


@pytest.mark.parametrize("status", [400, 404])
def test_an_unknown_task_is_lost_with_whichever_status(kit: Kit, status: int) -> None:
    kit.served.unknown = status  # type: ignore[attr-defined]
    assert kit.poll(Submitted(NOWHERE, {})).state is JobState.LOST


def test_the_record_of_a_finished_task_is_not_deleted_by_a_cancel(kit: Kit) -> None:
    submitted = kit.submit(kit.job())
    kit.emulator.advance(3600)
    assert kit.cancel(submitted) is CancelOutcome.TOO_LATE
    assert submitted.job_id in kit.served.jobs


def test_a_state_that_nobody_knows_is_no_success() -> None:
    with pytest.raises(ProviderError, match="'done'"):
        byteplus_answers.status({"status": "done"})


# -- look-up --------------------------------------------------------------------------------------


def test_a_lost_task_is_found_on_a_later_page(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(byteplus, "PAGE", 2)
    first = kit.submit(kit.job(token="run-1"))
    for number in range(2, 6):
        kit.submit(kit.job(token=f"run-{number}"))
    found = kit.find("run-1")
    assert found is not None
    assert found.job_id == first.job_id
    assert kit.find("run-9") is None
    monkeypatch.setattr(byteplus, "MOST_PAGES", 1)
    with pytest.raises(ProviderError, match="too long"):
        kit.find("run-1")


def test_a_list_that_does_not_say_whose_a_task_is_leaves_the_matter_open(kit: Kit) -> None:
    assert kit.find("run-1") is None
    kit.submit(kit.job())
    kit.served.names_owners = False  # type: ignore[attr-defined]
    with pytest.raises(ProviderError, match="may be ours"):
        kit.find("run-1")
    kit.emulator.advance(3600)
    assert kit.find("run-1") is None  # of a call that was made an hour after that task


def test_a_list_that_was_asked_too_soon_is_asked_again_later(kit: Kit) -> None:
    kit.served.list_limited = True  # type: ignore[attr-defined]
    assert kit.find("run-1") is None
    with pytest.raises(ProviderError) as caught:
        kit.find("run-1")
    assert (caught.value.error_class, caught.value.retry_after_seconds) == (ErrorClass.RATE_LIMITED, 1.0)


def test_a_call_for_pictures_cannot_be_looked_up_and_is_never_called_absent(kit: Kit) -> None:
    with pytest.raises(ProviderError, match="cannot be looked up"):
        kit.find("run-1", endpoint=PICTURE)


# -- pictures -------------------------------------------------------------------------------------


def test_the_answer_to_a_call_for_pictures_is_the_result(kit: Kit, tmp_path: pathlib.Path) -> None:
    job = translate(PICTURE, inputs=(picture(tmp_path, "source"), picture(tmp_path, "reference")))
    submitted = kit.submit(dataclasses.replace(job, token="run-1"))
    (made,) = kit.served.jobs.values()
    assert len(made.body["image"]) == 2
    assert "safety_identifier" not in made.body
    assert submitted.status is not None
    assert (submitted.job_id, submitted.status.state) == (f"call-{made.id}", JobState.SUCCEEDED)
    assert httpx.get(submitted.status.outputs[0].url, trust_env=False).status_code == 200


def test_pictures_may_come_in_the_answer_and_in_a_series(kit: Kit) -> None:
    inline = kit.submit(translate(PICTURE, parameters={"response_format": "b64_json"}))
    series = kit.submit(
        translate(PICTURE, parameters={"sequential_image_generation": "auto", "max_images": 3})
    )
    assert inline.status is not None
    assert series.status is not None
    assert [one.media_type for one in inline.status.outputs] == ["image/jpeg"]
    assert len(inline.status.outputs[0].data) > 400
    assert (len(series.status.outputs), series.status.billed_units) == (3, Decimal(3))


def test_a_picture_that_was_held_back_is_blocked_and_free(kit: Kit) -> None:
    submitted = kit.submit(translate(PICTURE, prompt="A lighthouse [[result:policy_output]]"))
    assert submitted.status is not None
    assert submitted.status.error is not None
    assert (submitted.status.state, submitted.status.error.charged) == (JobState.BLOCKED, False)


@pytest.mark.parametrize("told", [{}, {"data": "none"}, {"data": ["x"]}])
def test_an_answer_in_which_nothing_can_be_read_is_no_end(told: dict[str, Any]) -> None:
    assert byteplus_answers.pictures(told) is None


def test_an_empty_answer_is_a_malformed_one() -> None:
    ended = byteplus_answers.pictures({"data": [{}]})
    assert ended is not None
    assert ended.error is not None
    assert (ended.error.error_class, ended.error.charged) == (ErrorClass.MALFORMED_OUTPUT, True)


def test_a_call_for_pictures_cannot_be_cancelled(kit: Kit) -> None:
    assert kit.cancel(Submitted("run-1", {"endpoint": PICTURE})) is CancelOutcome.UNSUPPORTED


# -- takes ----------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("key", "amount", "calculation"),
    [
        (f"byteplus/{TWO}", "0.756", "5 second billed at 0.1512"),
        (f"byteplus/{ONE_AND_A_HALF}", "0.1296", "5 second billed at 0.02592"),
    ],
)
def test_a_film_is_made_and_booked_at_the_tokens_that_it_took(
    kit: Kit, cast: Cast, engine: Engine, key: str, amount: str, calculation: str
) -> None:
    film = {"kind": "video", "duration_seconds": "5", "width": 1280, "height": 720}
    take = takes.begin(kit, cast, key, **film)
    entry = takes.finish(kit, engine, take)
    assert (entry.native_amount, entry.amount) == (Decimal(amount), Decimal(amount) * takes.RATE)
    assert entry.calculation == calculation


@pytest.mark.django_db
def test_a_lost_answer_is_looked_up_and_nothing_is_made_twice(kit: Kit, cast: Cast, engine: Engine) -> None:
    film = {"kind": "video", "duration_seconds": "5", "width": 1280, "height": 720}
    take = takes.begin(kit, cast, f"byteplus/{TWO}", prompt="A lighthouse [[fail:lost*1]]", **film)
    assert takes.finish(kit, engine, take).native_amount == Decimal("0.756")
    assert [one["answered"] for one in kit.log()] == [False]


@pytest.mark.django_db
def test_a_picture_is_made_on_an_open_call_and_booked(kit: Kit, cast: Cast, engine: Engine) -> None:
    take = takes.begin(kit, cast, f"byteplus/{PICTURE}", width=1280, height=720)
    entry = takes.finish_held(kit, engine, take)
    assert (entry.native_amount, entry.calculation) == (Decimal("0.04"), "1 image billed at 0.04")
    (call,) = engine_rows.calls_of(take)
    assert call.provider_job_id == f"call-{kit.log()[0]['request_id']}"
