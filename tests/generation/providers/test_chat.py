"""Chat servers: what a model is asked, scores in the built-in judge's form, and money in three ways."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from generation.providers import chat
from generation.providers.protocol import (
    ErrorClass,
    InputFile,
    Job,
    JobState,
    ModelFacts,
    ProviderError,
    Status,
)
from generation.sketch import judge as sketch
from tests.emulators import chat as emulated
from tests.emulators.server import Running
from tests.generation.providers.declared import model
from tests.generation.providers.kit import Kit, input_file
from tests.generation.providers.kits import chat as chat_kit
from tests.generation.providers.kits.chat import WORDS, WRITER

EYES = model("chat", "house-eyes", vision=True)
MakeFile = Callable[..., InputFile]


@pytest.fixture
def kit(emulator: Running) -> Kit:
    return chat_kit.make(emulator)


@pytest.fixture
def make_file(tmp_path: pathlib.Path) -> MakeFile:
    def make(role: str, **options: Any) -> InputFile:
        path = tmp_path / f"{role}{len(list(tmp_path.iterdir()))}.bin"
        return input_file(path, role=role, size=4000, **options)

    return make


def server(kit: Kit) -> emulated.Provider:
    served = kit.served
    assert isinstance(served, emulated.Provider)
    return served


def translate(facts: ModelFacts = WRITER, **changes: Any) -> Job:
    made = chat.provider.translate(model=facts, request=dataclasses.replace(WORDS, **changes))
    return dataclasses.replace(made, token="run-1")


def judging(make_file: MakeFile, facts: ModelFacts = EYES, *, references: int = 0, **changes: Any) -> Job:
    inputs = (make_file("source"), *(make_file("reference") for _ in range(references)))
    return translate(facts, **{"kind": "judge", "prompt": "", "seed": None, "inputs": inputs, **changes})


def status_of(kit: Kit, job: Job) -> Status:
    status = kit.submit(job).status
    assert status is not None
    return status


def sent(kit: Kit, job: Job) -> dict[str, Any]:
    """The body that the server took."""
    kit.submit(job)
    (made,) = kit.served.jobs.values()
    return made.body


# -- prompts --------------------------------------------------------------------------------------


def test_a_prompt_is_written_from_the_brief_with_the_routes_own_settings(kit: Kit) -> None:
    parameters = {"task": "prompt", "temperature": 0.7, "category": "brand-film", "avoid": "text"}
    body = sent(kit, translate(parameters=parameters))
    system, user = body.pop("messages")
    assert (system["role"], user) == ("system", {"role": "user", "content": "A lighthouse"})
    assert system["content"].startswith("You write prompts")
    assert system["content"].endswith("It is made for the category brand-film. Avoid text.")
    assert body == {"model": "house-writer", "seed": 7, "temperature": 0.7}


def test_a_route_may_have_words_of_its_own(kit: Kit) -> None:
    body = sent(kit, translate(parameters={"instructions": "Answer in verse."}))
    assert body["messages"][0] == {"role": "system", "content": "Answer in verse."}


def test_the_server_may_know_the_model_under_another_name(kit: Kit) -> None:
    facts = model("chat", "writer", model="house-writer")
    assert sent(kit, translate(facts))["model"] == "house-writer"


def test_what_a_chat_model_does_not_have_is_dropped_and_said(make_file: MakeFile) -> None:
    job = translate(
        guidance=Decimal(5),
        width=1024,
        height=1024,
        inputs=(make_file("reference"),),
        parameters={"logo": "x"},
    )
    assert job.dropped == ("format", "guidance", "reference", "logo")


def test_a_model_without_a_seed_says_so_in_its_capabilities() -> None:
    job = translate(model("chat", "house-writer", parameters={"seed": None}))
    assert ("seed" in job.payload["body"], job.dropped) == (False, ("seed",))


def test_a_model_that_sees_is_shown_the_anchors_with_the_brief(kit: Kit, make_file: MakeFile) -> None:
    body = sent(kit, translate(EYES, inputs=(make_file("reference"),)))
    kinds = [part["type"] for part in body["messages"][1]["content"]]
    assert kinds == ["text", "text", "image_url"]


def test_thoughts_are_no_part_of_the_prompt(kit: Kit) -> None:
    status = status_of(kit, translate(prompt="A lighthouse [[result:thinking]]"))
    assert [one.text for one in status.outputs] == [emulated.SAYS]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"prompt": ""}, "empty brief"),
        ({"kind": "image"}, "does not do image"),
        ({"kind": "judge"}, "picture"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_sent(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ProviderError, match=words) as caught:
        translate(**changes)
    assert (caught.value.error_class, caught.value.charged) == (ErrorClass.BAD_REQUEST, False)


# -- judging --------------------------------------------------------------------------------------


def test_a_picture_is_judged_beside_its_references_by_the_usual_criteria(
    kit: Kit, make_file: MakeFile
) -> None:
    job = judging(make_file, references=2)
    status = status_of(kit, job)
    (made,) = kit.served.jobs.values()
    assert made.body["response_format"] == {"type": "json_object"}
    parts = made.body["messages"][1]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url", "text", "image_url", "image_url"]
    (output,) = status.outputs
    found = json.loads(output.text)
    assert sorted(found) == ["composition", "drift", "quality"]
    assert found["drift"] == {"value": "0.800", "words": "clear and well lit"}


def test_the_scores_have_the_form_of_the_built_in_judges(kit: Kit, make_file: MakeFile) -> None:
    built_in = sketch.Score(Decimal("0.812"), "crisp")
    plain = {"value": str(built_in.value), "words": built_in.words}
    found = json.loads(status_of(kit, judging(make_file)).outputs[0].text)
    assert {name: {part: type(value) for part, value in score.items()} for name, score in found.items()} == {
        name: {part: type(value) for part, value in plain.items()} for name in found
    }


def test_a_judge_that_is_told_what_was_asked_for_scores_that_too(kit: Kit, make_file: MakeFile) -> None:
    status = status_of(kit, judging(make_file, prompt="A lighthouse"))
    assert "request" in json.loads(status.outputs[0].text)


def test_a_route_may_have_criteria_of_its_own(kit: Kit, make_file: MakeFile) -> None:
    job = judging(make_file, parameters={"criteria": {"logo": "1 is a logo that can be read."}})
    assert list(json.loads(status_of(kit, job).outputs[0].text)) == ["logo"]


def test_a_server_that_does_not_know_json_is_only_asked_in_words(kit: Kit, make_file: MakeFile) -> None:
    facts = model("chat", "house-eyes", json=False)
    job = judging(make_file, facts, prompt="A lighthouse [[result:fenced]]")
    assert status_of(kit, job).state is JobState.SUCCEEDED
    (made,) = kit.served.jobs.values()
    assert "response_format" not in made.body


@pytest.mark.parametrize(
    ("result", "words"),
    [("prose", "did not answer with JSON"), ("ten", "no number from 0 to 1"), ("cut", "cut at its longest")],
)
def test_scores_that_are_none_are_no_success(kit: Kit, make_file: MakeFile, result: str, words: str) -> None:
    status = status_of(kit, judging(make_file, prompt=f"A lighthouse [[result:{result}]]"))
    assert status.error is not None
    assert (status.state, status.error.error_class) == (JobState.FAILED, ErrorClass.MALFORMED_OUTPUT)
    assert words in status.error.detail


def test_a_judge_without_eyes_is_told_by_the_server(kit: Kit, make_file: MakeFile) -> None:
    with pytest.raises(ProviderError, match="does not support image input"):
        kit.submit(judging(make_file, WRITER))


def test_a_film_is_not_judged(make_file: MakeFile) -> None:
    with pytest.raises(ProviderError, match="does not look at films"):
        translate(EYES, kind="judge", inputs=(make_file("source", media_type="video/mp4"),))


# -- money and accounts ---------------------------------------------------------------------------


def test_tokens_that_go_in_weigh_what_the_model_says(kit: Kit) -> None:
    used = emulated.usage({"messages": [{"role": "user", "content": "A lighthouse"}]})
    status = status_of(kit, translate())
    assert status.billed_units == Decimal("0.25") * used["prompt_tokens"] + used["completion_tokens"]
    assert status_of(kit, translate(model("chat", "house-writer"))).billed_units is None


def test_what_a_gateway_says_that_it_cost_is_the_charge(kit: Kit) -> None:
    server(kit).cost = "0.00031"
    status = status_of(kit, translate())
    assert (status.charge, status.charge_currency) == (Decimal("0.00031"), "USD")
    server(kit).cost = "0.0"
    assert status_of(kit, translate()).charge is None


def test_a_refusal_that_used_tokens_names_them(kit: Kit) -> None:
    status = status_of(kit, translate(prompt="A lighthouse [[result:policy]]"))
    assert (status.state, status.billed_units is not None) == (JobState.BLOCKED, True)


def test_a_server_of_ones_own_needs_no_key(kit: Kit) -> None:
    server(kit).guarded = False
    kit.account = dataclasses.replace(kit.account, key="")
    assert status_of(kit, translate()).state is JobState.SUCCEEDED
    assert kit.test() == "OpenAI-compatible chat: the server answers, with 2 models."


def test_two_answers_never_share_an_id(kit: Kit) -> None:
    first, second = (kit.submit(translate(seed=seed)) for seed in (1, 2))
    assert first.job_id != second.job_id
