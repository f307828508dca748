"""Replicate's own ways: its sheet, results that come with the answer, its files, its texts as classes."""

from __future__ import annotations

import dataclasses
import datetime
import pathlib
from decimal import Decimal
from typing import Any

import httpx
import pytest

from generation.providers import replicate, replicate_answers
from generation.providers.protocol import ErrorClass, Job, JobState, ModelFacts, ProviderError
from routing import catalogue
from tests.emulators import replicate as emulated
from tests.emulators.server import Running
from tests.generation.providers.declared import FILM, PICTURE, model
from tests.generation.providers.kit import Kit, input_file
from tests.generation.providers.kits import replicate as replicate_kit


@pytest.fixture
def kit(emulator: Running) -> Kit:
    return replicate_kit.make(emulator)


def translate(endpoint: str, **changes: Any) -> Job:
    request = dataclasses.replace(PICTURE, **changes)
    job = replicate.provider.translate(model=model("replicate", endpoint), request=request)
    return dataclasses.replace(job, token="run-1")


def test_the_sheet_describes_what_the_emulator_knows_and_the_catalogue_marks_the_rest() -> None:
    assert replicate.sheet.endpoints() == sorted(emulated.MODELS)
    rows = [entry for entry in catalogue.read() if entry["provider"] == "replicate"]
    assert {row["endpoint"] for row in rows} >= set(emulated.MODELS)
    for row in rows:
        facts = ModelFacts(row["key"], row["endpoint"], row["capabilities"])
        marked = row["capabilities"].get("parameters_known", True)
        assert marked == bool(replicate.sheet.specs(facts)), row["key"]


@pytest.mark.parametrize("endpoint", sorted(emulated.MODELS))
def test_a_full_request_is_accepted_by_every_model(kit: Kit, tmp_path: pathlib.Path, endpoint: str) -> None:
    roles = ("first_frame", "last_frame", "reference")
    inputs = tuple(input_file(tmp_path / f"{role}.jpg", role=role) for role in roles)
    changes = {"inputs": inputs, "guidance": Decimal(3), "duration_seconds": Decimal(5)}
    kit.submit(translate(endpoint, **changes))
    (entry,) = kit.log()
    assert (entry["unknown_parameters"], entry["endpoint"]) == ([], endpoint)


def test_a_quick_model_may_come_with_the_answer_to_its_submit(kit: Kit) -> None:
    kit.emulator.script(latency="0.1")
    submitted = kit.submit(translate("black-forest-labs/flux-schnell"))
    assert submitted.status is not None
    assert (submitted.status.state, len(submitted.status.outputs)) == (JobState.SUCCEEDED, 1)
    assert submitted.status.billed_units == Decimal(1)


def test_any_other_model_is_not_waited_for(kit: Kit) -> None:
    kit.emulator.script(latency="0.1")
    submitted = kit.submit(translate("black-forest-labs/flux-dev"))
    assert submitted.status is not None
    assert submitted.status.state is JobState.QUEUED


def test_a_film_is_asked_for_in_whole_seconds(kit: Kit) -> None:
    request = dataclasses.replace(FILM, seed=3)
    job = kit.provider.translate(model=model("replicate", "google/veo-3.1"), request=request)
    assert job.payload["body"] == {
        "prompt": "A lighthouse",
        "duration": 6,
        "aspect_ratio": "16:9",
        "resolution": "720p",
        "seed": 3,
    }
    assert job.adjusted == ("duration: 5 s becomes 6 s",)


def test_a_larger_reference_is_uploaded_and_arrives_whole(kit: Kit, tmp_path: pathlib.Path) -> None:
    file = input_file(tmp_path / "large.jpg", role="reference", size=400_000)
    kit.submit(translate("black-forest-labs/flux-1.1-pro", inputs=(file,)))
    (job,) = kit.served.jobs.values()
    answer = httpx.get(job.body["image_prompt"], trust_env=False)
    assert answer.content == pathlib.Path(file.path).read_bytes()


def test_a_list_of_references_stays_a_list_and_a_single_one_does_not(
    kit: Kit, tmp_path: pathlib.Path
) -> None:
    file = input_file(tmp_path / "small.jpg", role="reference", size=4000)
    kit.submit(translate("google/nano-banana", inputs=(file,)))
    kit.submit(translate("black-forest-labs/flux-1.1-pro", inputs=(file,)))
    first, second = kit.served.jobs.values()
    assert [type(one).__name__ for one in (first.body["image_input"], second.body["image_prompt"])] == [
        "list",
        "str",
    ]


def test_a_rate_limit_in_words_alone_is_understood() -> None:
    body = {"detail": "Request was throttled. Your rate limit resets in ~30s.", "status": 429}
    error = replicate_answers.error(httpx.Response(429, json=body))
    assert (error.error_class, error.retry_after_seconds) == (ErrorClass.RATE_LIMITED, 30.0)


def told(**fields: Any) -> dict[str, Any]:
    return {"id": "p", "status": "succeeded", "output": ["https://replicate.delivery/a.png"], **fields}


def test_a_state_that_nobody_knows_is_never_taken_for_a_success() -> None:
    with pytest.raises(ProviderError) as caught:
        replicate_answers.status(told(status="sublimated"))
    assert caught.value.error_class is ErrorClass.UNAVAILABLE


@pytest.mark.parametrize(
    ("status", "started_at", "charged"),
    [("canceled", "2026-11-21T12:00:00Z", True), ("canceled", None, False), ("aborted", None, False)],
)
def test_a_cancelled_prediction_is_charged_once_it_had_started(
    status: str, started_at: str | None, charged: bool
) -> None:
    found = replicate_answers.status(told(status=status, output=None, started_at=started_at))
    assert found.error is not None
    assert (found.state, found.error.charged) == (JobState.CANCELLED, charged)


@pytest.mark.parametrize(
    ("output", "addresses", "text"),
    [
        ("https://replicate.delivery/a.png", 1, ""),
        (["https://replicate.delivery/a.png", "https://replicate.delivery/b.png"], 2, ""),
        ({"video": "https://replicate.delivery/a.mp4"}, 1, ""),
        (["A light", "house"], 0, "A lighthouse"),
    ],
)
def test_outputs_come_in_any_shape(output: Any, addresses: int, text: str) -> None:
    found = replicate_answers.status(told(output=output)).outputs
    assert (sum(bool(one.url) for one in found), "".join(one.text for one in found)) == (addresses, text)


def test_a_result_that_was_deleted_says_so_and_was_charged() -> None:
    found = replicate_answers.status(told(output=None, data_removed=True))
    assert found.error is not None
    assert (found.state, found.error.error_class, found.error.charged) == (
        JobState.FAILED,
        ErrorClass.MALFORMED_OUTPUT,
        True,
    )
    assert "deleted" in found.error.detail


def test_machine_seconds_are_billed_where_the_sheet_says_so() -> None:
    found = replicate_answers.status(told(metrics={"predict_time": 3.25}), bills="seconds")
    assert found.billed_units == Decimal("3.25")


def test_the_end_is_the_providers_own_instant() -> None:
    found = replicate_answers.status(told(completed_at="2026-11-21T12:00:00Z"))
    assert found.ended_at == datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.UTC)


def test_an_id_that_would_lead_elsewhere_is_not_asked_for(kit: Kit) -> None:
    with pytest.raises(ProviderError) as caught:
        kit.run(lambda client: kit.provider.poll(client, account=kit.account, job_id="x?owner=1#", handle={}))
    assert caught.value.error_class is ErrorClass.BAD_REQUEST
