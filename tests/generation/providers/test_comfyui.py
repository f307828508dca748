"""ComfyUI's own ways: workflows as data, one job at a time, a history that can be lost, nodes that fail."""

from __future__ import annotations

import copy
import dataclasses
import pathlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from generation.providers import comfyui
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
from tests.emulators import comfyui as emulated
from tests.emulators.server import Running
from tests.generation.providers import workflows
from tests.generation.providers.declared import model
from tests.generation.providers.kit import Kit, input_file
from tests.generation.providers.kits import comfyui as comfyui_kit
from tests.generation.providers.kits.comfyui import CLIP, EDIT, STILL

REQUEST = StepRequest(
    kind="image", prompt="A lighthouse", seed=7, width=1024, height=576, guidance=Decimal("4.5")
)
MakeFile = Callable[..., InputFile]


@pytest.fixture
def kit(emulator: Running) -> Kit:
    return comfyui_kit.make(emulator)


@pytest.fixture
def make_file(tmp_path: pathlib.Path) -> MakeFile:
    def make(role: str, **options: Any) -> InputFile:
        return input_file(tmp_path / f"{role}.bin", role=role, size=4000, **options)

    return make


def server(kit: Kit) -> emulated.Provider:
    served = kit.served
    assert isinstance(served, emulated.Provider)
    return served


def translate(facts: ModelFacts = STILL, **changes: Any) -> Job:
    return comfyui.provider.translate(model=facts, request=dataclasses.replace(REQUEST, **changes))


def job(directive: str = "", token: str = "run-1", **changes: Any) -> Job:
    return dataclasses.replace(translate(prompt=f"A lighthouse {directive}", **changes), token=token)


def sent(kit: Kit) -> dict[str, Any]:
    return list(kit.served.jobs.values())[-1].body


# -- workflows ------------------------------------------------------------------------------------


def test_knobs_and_named_parameters_go_into_the_inputs_that_the_mapping_names(kit: Kit) -> None:
    kit.submit(job(parameters={"steps": 30, "sampler": "dpmpp_2m", "negative_prompt": "fog"}))
    graph = sent(kit)
    assert graph["6"]["inputs"]["text"].startswith("A lighthouse")
    assert graph["7"]["inputs"]["text"] == "fog"
    assert graph["5"]["inputs"] == {"width": 1024, "height": 576, "batch_size": 1}
    sampler = graph["3"]["inputs"]
    assert (sampler["seed"], sampler["cfg"], sampler["steps"], sampler["sampler_name"]) == (
        7,
        4.5,
        30,
        "dpmpp_2m",
    )
    assert graph["9"]["inputs"]["filename_prefix"].startswith("circletake/")


def test_a_graph_stays_as_the_workspace_entered_it() -> None:
    before = copy.deepcopy(workflows.TEXT_TO_IMAGE)
    translate(parameters={"steps": 30})
    assert before == workflows.TEXT_TO_IMAGE


def test_what_the_mapping_lacks_is_dropped_and_what_it_bounds_is_adjusted(make_file: MakeFile) -> None:
    made = translate(
        guidance=Decimal(50),
        motion=Decimal("0.5"),
        width=1023,
        inputs=(make_file("reference"),),
        parameters={"unheard_of": 1},
    )
    assert made.dropped == ("motion", "reference", "unheard_of")
    assert made.adjusted == ("width: 1023 becomes 1024", "guidance: 50 becomes 20")


def test_seconds_become_frames(kit: Kit) -> None:
    film = translate(CLIP, kind="video", duration_seconds=Decimal("2.5"))
    assert film.payload["graph"]["1"]["inputs"]["batch_size"] == 30
    status = kit.finished(kit.submit(dataclasses.replace(film, token="run-1")))
    assert [one.media_type for one in status.outputs] == ["video/mp4"]


def test_one_knob_may_fill_the_inputs_of_several_nodes() -> None:
    facts = model(
        "comfyui",
        "twice",
        workflow=workflows.TEXT_TO_IMAGE,
        mapping={"prompt": [["6", "text"], ["7", "text"]]},
    )
    graph = translate(facts).payload["graph"]
    assert graph["6"]["inputs"]["text"] == graph["7"]["inputs"]["text"] == "A lighthouse"


def test_a_picture_is_uploaded_under_the_name_of_its_content_and_loaded(
    kit: Kit, make_file: MakeFile
) -> None:
    file = make_file("source")
    made = dataclasses.replace(translate(EDIT, kind="edit", inputs=(file,)), token="run-1")
    kit.submit(made)
    name = f"circletake/{file.sha256[:32]}.jpg"
    assert sent(kit)["1"]["inputs"]["image"] == name
    assert server(kit).uploads == {name: pathlib.Path(file.path).read_bytes()}
    kit.submit(dataclasses.replace(made, token="run-2"))
    assert list(server(kit).uploads) == [name]


@pytest.mark.parametrize(
    ("capabilities", "words"),
    [
        ({"mapping": {"seed": ["3", "seed"]}}, "has no workflow"),
        ({"workflow": {"nodes": [], "links": []}}, "Export it in API format"),
        ({"workflow": {"1": {"class_type": "SaveImage"}}}, "has no class_type or no inputs"),
        ({"workflow": workflows.STILL}, "no mapping"),
        ({"workflow": workflows.STILL, "mapping": {"seed": ["99", "seed"]}}, "does not have"),
        ({"workflow": workflows.STILL, "mapping": {"seed": ["2", "sed"]}}, "mapped to sed"),
        ({"workflow": workflows.STILL, "mapping": {"seed": "2"}}, "needs a node"),
        ({"workflow": workflows.STILL, "mapping": {"glow": ["2", "seed"]}}, "give it a type"),
        ({"workflow": workflows.CLIP, "mapping": {"frames": ["1", "batch_size"]}}, "frames_per_second"),
        (
            {"workflow": workflows.STILL, "mapping": {"seed": ["2", "seed"]}, "outputs": ["9"]},
            "output node 9",
        ),
    ],
)
def test_data_that_the_server_could_not_use_is_refused_with_the_reason(
    capabilities: dict[str, Any], words: str
) -> None:
    with pytest.raises(ProviderError, match=words) as caught:
        translate(model("comfyui", "wrong", **capabilities))
    assert (caught.value.error_class, caught.value.charged) == (ErrorClass.BAD_REQUEST, False)


# -- the queue ------------------------------------------------------------------------------------


def test_the_place_in_the_queue_counts_the_jobs_before_it(kit: Kit) -> None:
    kit.emulator.script(concurrency=1, queue_share=0.01)
    first, second, third = [kit.submit(job(token=f"run-{n}", seed=n)) for n in (1, 2, 3)]
    kit.emulator.advance(20)
    assert kit.poll(first).state is JobState.RUNNING
    assert [kit.poll(one).queue_position for one in (second, third)] == [1, 2]


def test_the_same_graph_again_makes_a_file_of_its_own(kit: Kit) -> None:
    files = [kit.finished(kit.submit(job(token=token))).outputs[0].url for token in ("run-1", "run-2")]
    assert files[0] != files[1]
    assert {httpx.get(url, headers={"X-Proxy-Key": "k"}).status_code for url in files} == {200}


def test_an_identical_graph_would_have_brought_back_the_old_file(kit: Kit) -> None:
    """The trap itself: the emulated server falls into it where the prefix does not change."""
    graph = copy.deepcopy(workflows.STILL)
    headers, address = {"X-Proxy-Key": "k"}, f"{kit.account.base_url}/prompt"
    told = []
    for number in (1, 2):
        body = {"prompt": graph, "prompt_id": f"job-{number}"}
        assert httpx.post(address, json=body, headers=headers, trust_env=False).status_code == 200
        kit.emulator.advance(200)
        told.append(kit.poll(Submitted(f"job-{number}", {})).outputs[0].url)
    assert told[0] == told[1]


def test_a_job_between_queue_and_history_is_not_taken_for_lost(kit: Kit) -> None:
    submitted = kit.submit(job())
    server(kit).gaps.add(submitted.job_id)
    assert kit.finished(submitted).state is JobState.SUCCEEDED


def test_a_server_that_was_started_anew_knows_nothing(kit: Kit) -> None:
    submitted = kit.submit(job())
    kit.emulator.advance(3600)
    assert kit.poll(submitted).state is JobState.SUCCEEDED
    server(kit).restart()
    assert kit.poll(submitted).state is JobState.LOST
    assert kit.find("run-1") is None


def test_a_cancel_stops_only_the_job_that_it_names(kit: Kit) -> None:
    kit.emulator.script(concurrency=1, queue_share=0.01)
    running, waiting, other = [kit.submit(job(token=f"run-{n}", seed=n)) for n in (1, 2, 3)]
    kit.emulator.advance(20)
    assert kit.cancel(waiting) is CancelOutcome.CANCELLED
    assert [kit.poll(one).state for one in (running, waiting, other)] == [
        JobState.RUNNING,
        JobState.LOST,
        JobState.QUEUED,
    ]
    kit.emulator.advance(3600)
    assert {entry["state"] for entry in kit.log()} == {"succeeded", "cancelled"}


def test_a_job_that_somebody_else_interrupted_is_cancelled_and_free(kit: Kit) -> None:
    status = kit.finished(kit.submit(job("[[result:interrupted]]")))
    assert status.error is not None
    assert (status.state, status.error.charged, status.billed_units) == (JobState.CANCELLED, False, None)


# -- errors of nodes ------------------------------------------------------------------------------


def test_a_node_that_is_asked_for_too_much_is_named(kit: Kit) -> None:
    with pytest.raises(ProviderError, match=r"KSampler \(3\): steps: 99999") as caught:
        kit.submit(job(parameters={"steps": 99999}))
    assert (caught.value.error_class, caught.value.charged) == (ErrorClass.BAD_REQUEST, False)
    assert kit.log() == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"class_type": "SomebodysNode"}, "SomebodysNode not found"),
        ({"inputs": {"ckpt_name": "gone.safetensors"}}, "gone.safetensors"),
    ],
)
def test_a_server_that_lacks_a_node_or_a_model_lets_another_model_try(
    kit: Kit, change: dict[str, Any], words: str
) -> None:
    graph = copy.deepcopy(workflows.TEXT_TO_IMAGE)
    graph["4"].update(change)
    facts = model("comfyui", "still", workflow=graph, mapping=workflows.TEXT_MAPPING)
    with pytest.raises(ProviderError, match=words) as caught:
        kit.submit(dataclasses.replace(translate(facts), token="run-1"))
    assert (caught.value.error_class, caught.value.charged) == (ErrorClass.RETIRED, False)


def test_a_workflow_that_would_be_made_in_part_is_taken_back_and_refused(kit: Kit) -> None:
    graph = copy.deepcopy(workflows.TEXT_TO_IMAGE)
    graph["10"] = {"class_type": "ImageScaleBy", "inputs": {"image": ["8", 0], "scale_by": 2.0}}
    graph["11"] = {"class_type": "SaveImage", "inputs": {"images": ["10", 0], "filename_prefix": "x"}}
    facts = model("comfyui", "still", workflow=graph, mapping=workflows.TEXT_MAPPING)
    with pytest.raises(ProviderError, match=r"left out a part.*ImageScaleBy") as caught:
        kit.submit(dataclasses.replace(translate(facts), token="run-1"))
    assert (caught.value.error_class, caught.value.ambiguous) == (ErrorClass.BAD_REQUEST, False)
    (entry,) = kit.log()
    assert entry["state"] == "cancelled"


def test_a_node_that_failed_is_named_without_the_servers_paths(kit: Kit) -> None:
    status = kit.finished(kit.submit(job("[[result:500]]")))
    assert status.error is not None
    assert status.error.detail == (
        "ComfyUI: KSampler (3) failed: The size of tensor a must match the size of tensor b"
    )


def test_previews_alone_are_no_result(kit: Kit) -> None:
    status = kit.finished(kit.submit(job("[[result:black]]")))
    assert (status.state, status.outputs) == (JobState.FAILED, ())


def test_an_end_that_nobody_knows_is_asked_for_again_and_no_success(kit: Kit) -> None:
    submitted = kit.submit(job("[[result:garbage]]"))
    with pytest.raises(ProviderError, match="an end that is unknown"):
        kit.finished(submitted)


# -- addresses ------------------------------------------------------------------------------------


def test_a_server_without_a_proxy_needs_no_key(kit: Kit) -> None:
    server(kit).guarded = False
    kit.account = dataclasses.replace(kit.account, key="", extra={})
    assert kit.finished(kit.submit(job())).state is JobState.SUCCEEDED
    assert kit.test() == "ComfyUI 0.3.64 answers, on cpu."
    assert kit.provider.download_headers(kit.account) == {}


def test_an_address_with_another_server_is_told_by_the_connection_test(kit: Kit) -> None:
    kit.account = dataclasses.replace(kit.account, base_url=kit.emulator.url_of("fal"), key="Key a:b")
    with pytest.raises(ProviderError):
        kit.test()


def test_the_usual_header_is_authorization(kit: Kit) -> None:
    account = dataclasses.replace(kit.account, key="Bearer abc", extra={})
    assert kit.provider.download_headers(account) == {"Authorization": "Bearer abc"}
