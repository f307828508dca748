"""A workspace's own chat models in the places of the grammar and the judge, by its routing table alone."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from billing import ledger, prices
from billing.models import Entry, PricedUse
from generation import own_models, pipelines, takes
from generation.models import Pipeline, Run
from projects.models import Deliverable, Take
from projects.models.takes import TakeState
from routing import default_table, tables
from tests import factories
from tests.cast import Cast
from tests.emulators import chat as emulated
from tests.generation import at_providers, engine_rows
from tests.generation.at_providers import AtProvider
from tests.generation.engine_rows import Engine
from tests.studio import studio

__all__ = ["studio"]

WRITER, EYES = "chat/house-writer", "chat/house-eyes"


@pytest.fixture
def chat(studio: Cast, settings: Any) -> Iterator[AtProvider]:
    settings.PRIVATE_HOSTS = ["127.0.0.1"]
    now = timezone.now()
    ledger.ensure_partitions(now, now)
    weight = {"input_weight": "0.25"}
    for key, kind, unit, amount in (
        (WRITER, "text", "token", "0.00001"),
        (EYES, "judge", "request", "0.004"),
    ):
        able = {"seed": True, **weight} if kind == "text" else {"sources": ["image"]}
        own_models.save(entry={"key": key, "kinds": [kind], "capabilities": able}, by=studio.manager)
        prices.add_row(
            model_key=key,
            unit=unit,
            amount=Decimal(amount),
            currency=studio.workspace.currency,
            starts_at=now,
            by=studio.finance,
        )
    with at_providers.opened(studio, "chat", path="/v1") as opened:
        yield opened


def routed(studio: Cast) -> None:
    """The starting table with the chat models first and the built-in ones behind them."""
    content = copy.deepcopy(default_table.build())
    for route in content["routes"]:
        first = {"words": WRITER, "judge": EYES}.get(route["key"])
        if first:
            route["fallbacks"] = [*route["choices"], *route["fallbacks"]]
            route["choices"] = [{"model": first}]
    names = frozenset(str(row) for row in Pipeline.objects.filter(workspace=studio.workspace))
    tables.install(
        workspace=studio.workspace, content=content, pipelines=names, reason="Words of our own", author=None
    )


@pytest.fixture
def scene(studio: Cast) -> Deliverable:
    category = studio.workspace.categories.get(key="character-scene")
    return factories.deliverable(studio.campaign, "scene", category=category, brief="Mara on the pier.")


def made(studio: Cast, chat: AtProvider, engine: Engine, scene: Deliverable) -> Take:
    take = takes.make(deliverable=scene, by=studio.producer).takes.get()
    at_providers.until_ended(chat, engine, take)
    return take


def runs(take: Take) -> dict[str, Run]:
    return {run.step: run for run in Run.objects.filter(take=take)}


def test_a_take_has_its_prompt_from_the_chat_model_and_its_scores_from_the_judge(
    studio: Cast, chat: AtProvider, engine: Engine, scene: Deliverable
) -> None:
    routed(studio)
    take = made(studio, chat, engine, scene)
    by_step = runs(take)
    assert take.state == TakeState.READY
    assert by_step["words"].result_text == emulated.SAYS
    assert by_step["judge"].result["scores"] == {
        "composition": {"value": "0.800", "words": "clear and well lit"},
        "quality": {"value": "0.800", "words": "clear and well lit"},
    }
    calls = {call.run.step: call for call in engine_rows.calls_of(take)}
    assert [calls[step].model for step in ("words", "judge")] == [WRITER, EYES]
    tokens = Decimal(
        emulated.usage({"messages": [{"role": "user", "content": scene.brief}]})["prompt_tokens"]
    )
    assert calls["words"].units == tokens / 4 + 20
    assert calls["words"].posted == (tokens / 4 + 20) * Decimal("0.00001")
    assert calls["judge"].posted == Decimal("0.004")
    assert engine_rows.open_holds(take) == 0


def test_tokens_that_go_in_and_come_out_have_a_price_each(
    studio: Cast, chat: AtProvider, engine: Engine, scene: Deliverable
) -> None:
    prices.add_row(
        model_key=WRITER,
        unit="token",
        amount=Decimal("0.00002"),
        currency=studio.workspace.currency,
        conditions={"input_amount": "0.000003"},
        starts_at=timezone.now(),
        by=studio.finance,
    )
    routed(studio)
    take = made(studio, chat, engine, scene)
    call = next(call for call in engine_rows.calls_of(take) if call.run.step == "words")
    assert call.output_tokens == 20
    cost = 20 * Decimal("0.00002") + call.input_tokens * Decimal("0.000003")
    entry = Entry.objects.get(call=call.pk)
    assert (entry.amount, entry.units) == (cost, Decimal(20))
    assert PricedUse.objects.get(pk=entry.id).input_units == call.input_tokens > 100


def test_the_built_in_ones_take_over_where_the_chat_server_is_away(
    studio: Cast, chat: AtProvider, engine: Engine, scene: Deliverable
) -> None:
    routed(studio)
    chat.program.script({"match": {"provider": "chat"}, "behaviour": {"fail": "503"}})
    take = made(studio, chat, engine, scene)
    assert take.state == TakeState.READY
    finished = {call.run.step: call.model for call in engine_rows.calls_of(take) if call.state == "succeeded"}
    assert (finished["words"], finished["judge"]) == ("builtin/wordsmith", "builtin/judge")
    assert sorted(runs(take)["judge"].result["scores"]) == ["exposure", "sharpness"]


def test_without_a_route_to_it_a_chat_model_is_not_asked(
    studio: Cast, chat: AtProvider, engine: Engine, scene: Deliverable
) -> None:
    take = made(studio, chat, engine, scene)
    assert (take.state, chat.jobs) == (TakeState.READY, [])


def test_the_pipeline_itself_is_the_one_that_every_workspace_has(studio: Cast) -> None:
    (row,) = Pipeline.objects.filter(workspace=studio.workspace, slug="character-draft")
    assert [step.kind for step in pipelines.parse(row.document)] == ["text", "image", "judge"]
