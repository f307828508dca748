"""Models of a workspace's own: tried before they are written, seen by nobody else, and used by the engine."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from generation import own_models
from projects.access import MissingRight
from projects.models import Asset
from projects.models.takes import TakeState
from projects.problems import Invalid
from routing import catalogue
from routing.models import CatalogueModel
from tests.cast import Cast
from tests.emulators import comfyui as emulated
from tests.generation import at_providers, engine_rows
from tests.generation.at_providers import AtProvider
from tests.generation.engine_rows import Engine
from tests.generation.providers import workflows

KEY = "comfyui/house-still"
ENTRY: dict[str, Any] = {
    "key": KEY,
    "name": "House still",
    "kinds": ["image"],
    "tier": "character",
    "capabilities": {
        "workflow": workflows.TEXT_TO_IMAGE,
        "mapping": workflows.TEXT_MAPPING,
        "seed": True,
        "typical_units": 4,
    },
}


@pytest.fixture
def comfyui(cast: Cast, settings: Any) -> Iterator[AtProvider]:
    settings.PRIVATE_HOSTS = ["127.0.0.1"]
    with at_providers.opened(cast, "comfyui", key="Bearer secret") as opened:
        yield opened


def test_a_model_of_ones_own_is_seen_by_its_workspace_alone(cast: Cast) -> None:
    row = own_models.save(entry=ENTRY, by=cast.manager)
    assert (row.workspace, row.key, row.kinds) == (cast.workspace, KEY, ["image"])
    assert KEY in catalogue.models_by_key(cast.workspace, [KEY])
    assert KEY not in catalogue.models_by_key(cast.stranger.workspace, [KEY])


def test_a_model_is_replaced_under_its_key(cast: Cast) -> None:
    own_models.save(entry=ENTRY, by=cast.manager)
    own_models.save(entry={**ENTRY, "name": "Second"}, by=cast.admin)
    assert [row.name for row in CatalogueModel.objects.filter(key=KEY)] == ["Second"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"key": "nobody/x"}, "a provider's name"),
        ({"key": "builtin/x"}, "a provider's name"),
        ({"key": "comfyui/"}, "a name of your own"),
        ({"kinds": []}, "at least one of"),
        ({"kinds": ["human"]}, "at least one of"),
        ({"tier": "best"}, "One of cinematic"),
        ({"amount": "0.1"}, "Nobody knows amount"),
        ({"capabilities": {"workflow": {"nodes": []}, "mapping": {"seed": ["1", "x"]}}}, "API format"),
        (
            {"capabilities": {"workflow": workflows.STILL, "mapping": {"seed": ["77", "seed"]}}},
            "node 77",
        ),
    ],
)
def test_what_could_not_be_asked_is_refused_and_nothing_is_written(
    cast: Cast, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(Invalid, match=words):
        own_models.save(entry={**ENTRY, **changes}, by=cast.manager)
    assert not CatalogueModel.objects.filter(workspace=cast.workspace).exists()


def test_only_who_keeps_models_may_add_one(cast: Cast) -> None:
    with pytest.raises(MissingRight):
        own_models.save(entry=ENTRY, by=cast.producer)
    assert not CatalogueModel.objects.filter(key=KEY).exists()


def test_the_command_takes_the_workflow_from_a_file_of_its_own(
    cast: Cast, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, workflow = tmp_path / "model.json", tmp_path / "workflow.json"
    workflow.write_text(json.dumps(workflows.TEXT_TO_IMAGE))
    model.write_text(json.dumps({**ENTRY, "capabilities": {"mapping": workflows.TEXT_MAPPING}}))
    with pytest.raises(CommandError, match="has no workflow"):
        call_command("own_model", cast.workspace.slug, model)
    call_command("own_model", cast.workspace.slug, model, workflow=workflow)
    assert capsys.readouterr().out == f"{KEY} can be routed to; enter its price under Prices.\n"


def test_a_take_of_ones_own_workflow_is_made_and_booked_by_its_seconds(
    cast: Cast, engine: Engine, comfyui: AtProvider
) -> None:
    own_models.save(entry=ENTRY, by=cast.manager)
    engine_rows.model(cast.workspace, KEY, amount="0.002", unit="compute_second")
    CatalogueModel.objects.filter(key=KEY, workspace=None).delete()  # the price was all that was wanted
    take = comfyui.take(KEY, kind="image", amount="0.03")
    comfyui.made(engine)
    take.refresh_from_db()
    (call,) = engine_rows.calls_of(take)
    assert (take.state, call.units, call.posted) == (TakeState.READY, Decimal("3.75"), Decimal("0.0075"))
    asset = Asset.objects.get(take_assets__take=take, take_assets__role="step")
    assert (asset.media_type, asset.width, asset.height) == ("image/png", 320, 192)
    assert engine_rows.open_holds(take) == 0


def test_a_job_whose_answer_was_lost_is_found_again_and_made_once(
    cast: Cast, engine: Engine, comfyui: AtProvider
) -> None:
    own_models.save(entry=ENTRY, by=cast.manager)
    engine_rows.model(cast.workspace, KEY, amount="0.002", unit="compute_second")
    take = comfyui.take(KEY, kind="image", amount="0.03", directive="[[fail:lost*1]]")
    comfyui.made(engine)
    take.refresh_from_db()
    assert (take.state, len(comfyui.jobs)) == (TakeState.READY, 1)


def test_a_job_that_the_server_forgot_when_it_was_started_anew_is_made_again(
    cast: Cast, engine: Engine, comfyui: AtProvider
) -> None:
    own_models.save(entry=ENTRY, by=cast.manager)
    engine_rows.model(cast.workspace, KEY, amount="0.002", unit="compute_second")
    take = comfyui.take(KEY, kind="image", amount="0.03")
    engine.submit()
    server = comfyui.program.emulator.providers["comfyui"]
    assert isinstance(server, emulated.Provider)
    server.restart()
    for _ in range(40):
        comfyui.program.advance(10)
        engine.later(10)
        engine.turn()
    take.refresh_from_db()
    assert (take.state, len(comfyui.jobs)) == (TakeState.READY, 2)
    assert [call.posted for call in engine_rows.calls_of(take)] == [None, Decimal("0.0075")]
    assert engine_rows.open_holds(take) == 0
