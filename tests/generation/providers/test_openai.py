"""OpenAI's own ways: its sheet, edits as forms, tokens as units, and who a key belongs to."""

from __future__ import annotations

import dataclasses
import pathlib
from decimal import Decimal
from typing import Any

import pytest

from generation.providers import openai
from generation.providers.protocol import Account, ErrorClass, Job, ModelFacts, ProviderError
from routing import catalogue
from tests.emulators import openai as emulated
from tests.emulators.server import Running
from tests.generation.providers.declared import PICTURE, model
from tests.generation.providers.kit import Kit, input_file
from tests.generation.providers.kits import openai as openai_kit


@pytest.fixture
def kit(emulator: Running) -> Kit:
    return openai_kit.make(emulator)


def translate(endpoint: str, **changes: Any) -> Job:
    request = dataclasses.replace(PICTURE, **changes)
    job = openai.provider.translate(model=model("openai", endpoint), request=request)
    return dataclasses.replace(job, token="run-1")


def test_the_sheet_describes_what_the_catalogue_lists_and_the_rest_is_marked() -> None:
    rows = [entry for entry in catalogue.read() if entry["provider"] == "openai"]
    for row in rows:
        facts = ModelFacts(row["key"], row["endpoint"], row["capabilities"])
        assert row["capabilities"].get("parameters_known", True) == bool(openai.sheet.specs(facts)), row[
            "key"
        ]
    assert {openai.sheet.model(name) for name in openai.sheet.endpoints()} == set(emulated.MODELS)


def test_what_was_shut_down_is_listed_with_its_last_day() -> None:
    ends = {e["key"]: e["available_until"] for e in catalogue.read() if e["provider"] == "openai"}
    assert (ends["openai/sora-2"], ends["openai/gpt-image-1"]) == ("2026-09-23", "2026-10-22")
    assert (ends["openai/gpt-image-1.5"], ends["openai/gpt-image-1-mini"]) == ("2026-11-30", "2026-11-30")


@pytest.mark.parametrize("endpoint", openai.sheet.endpoints())
@pytest.mark.parametrize("edits", [False, True])
def test_a_full_request_is_accepted_by_every_model(
    kit: Kit, tmp_path: pathlib.Path, endpoint: str, edits: bool
) -> None:
    roles = ("source", "reference", "mask") if edits else ()
    inputs = tuple(input_file(tmp_path / f"{role}.jpg", role=role) for role in roles)
    kit.submit(translate(endpoint, inputs=inputs, kind="edit" if edits else "image"))
    (entry,) = kit.log()
    assert entry["unknown_parameters"] == []
    assert entry["body"].get("pictures", []) == (["image[]", "image[]", "mask"] if edits else [])
    assert entry["body"]["quality"] == openai.sheet.specs(model("openai", endpoint))["quality"]["default"]


def test_a_picture_is_asked_for_in_pixels_and_what_the_model_lacks_is_said() -> None:
    job = translate("gpt-image-2/high", width=1900, height=1080, guidance=Decimal(3))
    assert job.payload["body"] == {
        "prompt": "A lighthouse",
        "size": "1904x1088",
        "output_format": "png",
        "quality": "high",
    }
    assert job.dropped == ("seed", "guidance")
    assert job.adjusted == ("format: 1900 × 1080 becomes 1904 × 1088",)


def test_older_models_have_three_sizes_and_the_nearest_is_said() -> None:
    job = translate("gpt-image-1.5", width=1920, height=1080)
    assert (job.payload["body"]["size"], job.adjusted) == (
        "1536x1024",
        ("format: 1920 × 1080 becomes 1536 × 1024",),
    )


def test_an_edit_without_a_picture_is_refused_before_it_is_sent() -> None:
    with pytest.raises(ProviderError, match="edits a picture") as caught:
        translate("gpt-image-2/high", kind="edit")
    assert (caught.value.error_class, caught.value.charged) == (ErrorClass.BAD_REQUEST, False)


def test_how_true_an_edit_stays_is_dropped_where_nothing_is_edited() -> None:
    job = translate("gpt-image-1.5", parameters={"input_fidelity": "high"})
    assert ("input_fidelity" in job.payload["body"], "input_fidelity" in job.dropped) == (False, True)


def test_tokens_are_counted_at_their_share_of_the_price(kit: Kit, tmp_path: pathlib.Path) -> None:
    file = input_file(tmp_path / "one.jpg", role="source")
    submitted = kit.submit(translate("gpt-image-2.6-flare", kind="edit", inputs=(file,)))
    assert submitted.status is not None
    # 12 × 5/30 of text, 320 × 8/30 of the picture that goes in, 4160 of the one that comes out
    assert submitted.status.billed_units == Decimal("4247.33333333")


def test_several_pictures_are_several_outputs(kit: Kit) -> None:
    submitted = kit.submit(translate("gpt-image-2/low", parameters={"n": 3}))
    assert submitted.status is not None
    assert (len(submitted.status.outputs), submitted.status.billed_units) == (3, Decimal(3))


def test_a_picture_that_was_blocked_before_it_was_made_is_free_and_after_it_nobody_says(kit: Kit) -> None:
    found = []
    for directive in ("[[fail:policy]]", "[[result:policy]]"):
        with pytest.raises(ProviderError) as caught:
            kit.submit(kit.job(directive))
        found.append((caught.value.error_class, caught.value.ambiguous, caught.value.charged))
    assert found == [(ErrorClass.MODERATED, False, False), (ErrorClass.MODERATED, False, None)]


def test_organization_and_project_travel_in_their_headers() -> None:
    account = dataclasses.replace(
        Account(id="1", provider="openai", key="sk", base_url=""),
        extra={"organization": "org-1", "project": ""},
    )
    assert openai._headers(account) == {"Authorization": "Bearer sk", "OpenAI-Organization": "org-1"}
