"""A take on the built-in renderer goes the whole road: submit, poll, collect, price, fail."""

from __future__ import annotations

from decimal import Decimal

from billing.models import Entry
from generation.models import Run
from generation.models.runs import RunState
from projects.models import Rendition, TakeAsset
from projects.models.takes import TakeState
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.engine_rows import Engine


def test_a_picture_goes_from_row_to_ready(cast: Cast, engine: Engine) -> None:
    engine_rows.model(cast.workspace)
    take = engine_rows.take(cast.deliverable, person=cast.producer.person)
    engine.until_quiet()
    take.refresh_from_db()
    assert (take.state, take.failure) == (TakeState.READY, "")
    assert engine_rows.states_of(take) == [RunState.SUCCEEDED]
    assert (take.model, take.provider, take.tier) == ("builtin/sketch-draft", "builtin", "budget")
    entry = Entry.objects.get(take=take)
    assert (entry.amount, entry.stage, entry.person) == (
        Decimal("0.01"),
        "generation",
        cast.producer.person,
    )
    assert take.counted_at == entry.effective_at
    assert engine_rows.open_holds(take) == 0
    output = TakeAsset.objects.get(take=take, role="output").asset
    assert (output.width, output.height, output.media_type) == (320, 192, "image/jpeg")
    assert take.poster == output
    assert list(Rendition.objects.filter(asset=output).values_list("kind", flat=True)) == ["thumbnail"]
    assert Run.objects.get(take=take).result["seed"] == 7
