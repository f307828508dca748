"""Outputs that are spoilt, gone or guarded; the knobs of models; a job found again after a lost answer."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from decimal import Decimal
from typing import Any

import httpx
import pytest

from generation.providers.protocol import (
    InputFile,
    Job,
    JobState,
    ModelFacts,
    ProviderError,
    StepRequest,
)
from tests.generation.providers import cases
from tests.generation.providers.cases import Case
from tests.generation.providers.kit import Kit, input_file

ROLES = {"references": "reference", "first frame": "first_frame", "last frame": "last_frame", "mask": "mask"}
NAMES = {"references": "reference", "first frame": "first_frame", "last frame": "last_frame"}

# -- outputs --------------------------------------------------------------------------------------


@cases.of(cases.spoilt)
def test_a_spoilt_output_is_named_as_the_provider_names_it_and_left_to_the_collector(
    kit: Kit, case: Case
) -> None:
    output, claimed = case.given
    status = kit.finished(kit.submit(kit.job(f"[[output:{output}]]")))
    assert status.state is JobState.SUCCEEDED
    assert [one.media_type for one in status.outputs] == [claimed]


@cases.of(cases.when(lambda subject: subject.declared.expires, "expiry", "gone at its time"))
def test_an_output_is_gone_at_its_time_and_there_until_then(kit: Kit, case: Case) -> None:
    submitted = kit.submit(kit.job("[[expires:60]]"))
    kit.emulator.advance(150)
    (output,) = kit.poll(submitted).outputs
    headers = dict(kit.provider.download_headers(kit.account)) if output.authorized else {}
    assert httpx.get(output.url, headers=headers, trust_env=False).status_code == 200
    kit.emulator.advance(20)
    assert httpx.get(output.url, headers=headers, trust_env=False).status_code in (403, 404, 410)


@cases.of(cases.guarded)
def test_an_output_that_wants_the_key_is_refused_without_it(kit: Kit, case: Case) -> None:
    (output,) = kit.finished(kit.submit(kit.job())).outputs
    assert output.authorized
    assert httpx.get(output.url, trust_env=False).status_code in (401, 403)
    headers = dict(kit.provider.download_headers(kit.account))
    assert httpx.get(output.url, headers=headers, trust_env=False).status_code == 200


# -- knobs ----------------------------------------------------------------------------------------


def asked(kit: Kit, model: ModelFacts, **changes: Any) -> Job:
    moves = not any(one.model is model for one in kit.declared.makes.values()) or model is not kit.picture
    full = StepRequest(
        kind="video" if moves else kit.made.request.kind,
        prompt="A lighthouse",
        seed=None,
        width=1280,
        height=720,
        duration_seconds=Decimal(5) if moves else None,
    )
    return kit.provider.translate(model=model, request=dataclasses.replace(full, **changes))


def files_for(name: str, folder: pathlib.Path) -> tuple[InputFile, ...]:
    """The file that the knob is, and those that a model with it cannot do without."""
    made = [input_file(folder / "frame.jpg", role="first_frame")] if name != "references" else []
    if name in ROLES and name != "first frame":
        made.append(input_file(folder / "other.png", role=ROLES[name]))
    if name == "motion":
        made.append(input_file(folder / "source.mp4", role="source", media_type="video/mp4"))
    return tuple(made)


@cases.of(cases.knobs)
def test_a_knob_that_a_model_has_reaches_the_provider(kit: Kit, case: Case, tmp_path: pathlib.Path) -> None:
    name, model = case.given
    changes: dict[str, Any] = {"inputs": files_for(name, tmp_path)}
    if name in ("seed", "guidance", "motion"):
        changes[name] = 7 if name == "seed" else Decimal("0.5")
    if name == "negative prompt":
        changes["parameters"] = {"negative_prompt": "fog"}
    job = asked(kit, model, **changes)
    assert NAMES.get(name, name.replace(" ", "_")) not in job.dropped
    if name in ROLES:
        assert changes["inputs"][-1].sha256 in {one.sha256 for one in job.inputs}
    kit.submit(dataclasses.replace(job, token="run-1"))
    (entry,) = kit.log()
    assert entry["unknown_parameters"] == []


@cases.of(cases.lacking)
def test_a_knob_that_no_model_has_is_dropped_and_said(kit: Kit, case: Case) -> None:
    value = 7 if case.given == "seed" else Decimal("0.5")
    request = dataclasses.replace(kit.made.request, **{case.given: value})
    job = kit.provider.translate(model=kit.picture, request=request)
    assert case.given in job.dropped


@cases.of(cases.always("a payload without contents of files"))
def test_a_payload_can_be_stored_as_json(kit: Kit, case: Case) -> None:
    assert len(json.dumps(dict(kit.job().payload))) < 20_000


# -- after a lost answer --------------------------------------------------------------------------


@cases.of(cases.when(lambda subject: subject.abilities.look_up, "look-up", "found by our token"))
def test_a_job_whose_answer_was_lost_is_found_by_our_token(kit: Kit, case: Case) -> None:
    with pytest.raises(ProviderError):
        kit.submit(kit.job("[[fail:lost]]"))
    (entry,) = kit.log()
    found = kit.find("run-1")
    assert found is not None
    assert kit.finished(found).state is JobState.SUCCEEDED
    assert found.job_id == entry["request_id"]
    assert kit.find("run-2") is None


@cases.of(cases.when(lambda subject: subject.abilities.idempotency, "idempotency", "one job under one token"))
def test_the_same_job_under_the_same_token_is_one_job(kit: Kit, case: Case) -> None:
    with pytest.raises(ProviderError):
        kit.submit(kit.job("[[fail:lost*1]]"))
    kit.submit(kit.job("[[fail:lost*1]]"))
    assert len(kit.log()) == 1
