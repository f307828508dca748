"""Batches as matrices: what each cell runs and costs, what cannot be made, and what is confirmed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing import budgets, prices
from billing.budgets import BudgetRefused
from billing.models import Hold
from generation import agreed, batches, canonical, prompts
from generation.matrices import Asked, Column, Variant
from generation.models import ControlProfile, Recipe
from projects.models import Batch, BatchCell, BatchSlot, Campaign, Deliverable, Round, Take
from projects.problems import Invalid, Refused
from tests.cast import Cast
from tests.generation.matrix_rows import ECONOMY, FAST, sketches, started


def matrix(cast: Cast, number: int = 2, **fields: Any) -> Asked:
    """Two wordings on the route and on the economy model."""
    usual: dict[str, Any] = {
        "variants": [Variant(), Variant(words="In heavy rain.")],
        "columns": [Column(), Column(model=ECONOMY)],
    }
    return Asked(sketches(cast, number), **{**usual, **fields})


def nothing_made() -> bool:
    return not any(model.objects.exists() for model in (Batch, BatchCell, BatchSlot, Round, Take, Hold))


def test_a_matrix_is_priced_by_line_and_column_and_in_all(studio: Cast) -> None:
    plan = batches.quote(asked=matrix(studio, count=3))
    assert (plan.total.takes, plan.total.amount, plan.total.at_most) == (24, Decimal("0.36"), Decimal("0.36"))
    assert [line.at_most for _, _, line in plan.rows()] == [Decimal("0.18"), Decimal("0.18")]
    assert [(place, column.model, line.takes, line.at_most) for place, _, column, line in plan.columns()] == [
        (0, "", 6, Decimal("0.12")),
        (0, ECONOMY, 6, Decimal("0.06")),
        (1, "", 6, Decimal("0.12")),
        (1, ECONOMY, 6, Decimal("0.06")),
    ]
    assert nothing_made()


def test_each_cell_records_what_was_varied_and_a_deliverables_cells_share_their_seeds(studio: Cast) -> None:
    made = batches.make(asked=matrix(studio, 1, count=2), by=studio.producer)
    takes = list(Take.objects.order_by("number"))
    recipes = {row.take_id: row for row in Recipe.objects.all()}
    told = [
        (take.prompt, [choice["model"] for choice in recipes[take.pk].request["steps"][0]["choices"]])
        for take in takes
    ]
    route, pinned = [FAST, ECONOMY], [ECONOMY]
    wet = "Fog 0\nIn heavy rain."
    assert told == [("Fog 0", m) for m in (route, route, pinned, pinned)] + [
        (wet, m) for m in (route, route, pinned, pinned)
    ]
    first = takes[0].seed or 0
    assert [take.seed for take in takes] == [first, first + 1] * 4
    assert len({take.request_hash for take in takes}) == 8
    assert all(canonical.digest(recipes[take.pk].request) == take.request_hash for take in takes)
    assert (made.planned, Round.objects.count(), Hold.objects.count()) == (8, 1, 8)


def test_variables_and_profiles_are_varied_too(studio: Cast) -> None:
    prompts.publish(slug="light", name="Light", body="{brief} at {hour}", by=studio.producer)
    ControlProfile.objects.create(
        workspace=studio.workspace,
        slug="calm",
        version=1,
        name="Calm",
        guidance=Decimal(3),
        published_at=timezone.now(),
    )
    rows = sketches(studio, 1, prompt_template="light", variables={"hour": "noon"})
    variants = [Variant(variables={"hour": "dawn"}), Variant(control_profile="calm@1")]
    batches.make(asked=Asked(rows, variants=variants), by=studio.producer)
    requests = [row.request for row in BatchCell.objects.order_by("variant")]
    assert [(one["prompt"], one["prompt_template"], one["control_profile"]) for one in requests] == [
        ("Fog 0 at dawn", "light@1", ""),
        ("Fog 0 at noon", "light@1", "calm@1"),
    ]


def test_what_is_no_matrix_is_refused_by_its_field(studio: Cast) -> None:
    rows = sketches(studio, 2)
    many = [Variant(words=str(n)) for n in range(40)]
    for asked, field in (
        (Asked([]), "deliverables"),
        (Asked(rows, count=21), "count"),
        (Asked(rows, variants=[Variant(words="a"), Variant(words="a", name="b")]), "variants"),
        (Asked(rows, columns=[Column(FAST), Column(FAST)]), "models"),
        (Asked(rows, columns=[Column(str(n)) for n in range(13)]), "models"),
        (Asked(rows, count=20, variants=many, columns=[Column(), Column(FAST)]), "count"),
    ):
        with pytest.raises(Invalid) as refused:
            batches.make(asked=asked, by=studio.producer)
        assert list(refused.value.errors) == [field]
    assert nothing_made()


def test_cells_that_cannot_be_made_say_why_and_can_be_left_out(studio: Cast) -> None:
    rows = sketches(studio, 3)
    rows[1].state, rows[2].cap = "written_off", 1
    Deliverable.objects.bulk_update(rows, ["state", "cap"])
    columns = [Column(), Column(model="builtin/upscale"), Column(switch="at-cap")]
    asked = Asked(rows, variants=[Variant(), Variant(words="In heavy rain.")], columns=columns)
    plan = batches.quote(asked=asked)
    why = {(cell.row, cell.variant, cell.column): cell.why for cell in plan.impossible}
    assert why[0, 0, 1] == "model: builtin/upscale makes upscale, which no step here asks for."
    assert why[0, 1, 2] == "The switch at-cap does not apply to Sketch-000 now."
    assert why[1, 0, 0] == "Sketch-001 is dropped."
    assert why[2, 1, 0] == "0 of 1 takes are used, and this batch takes 1; 1 more does not fit."
    assert plan.total.takes == 3
    with pytest.raises(Refused) as refused:
        batches.make(asked=asked, by=studio.producer)
    assert refused.value.detail.startswith("Sketch-000: model: builtin/upscale")
    assert len(refused.value.extra["cannot"]) == 15
    assert nothing_made()
    made = batches.make(asked=asked, by=studio.producer, leave_out=True)
    assert (made.planned, Take.objects.count()) == (3, 3)


def test_a_switch_that_applies_gives_its_model_and_its_takes(studio: Cast) -> None:
    (row,) = sketches(studio, 1, cap=1)
    batches.make(asked=Asked([row]), by=studio.producer)
    row = Deliverable.objects.get(pk=row.pk)
    asked = Asked([row], 2, columns=[Column(switch="at-cap")])
    batches.make(asked=asked, by=studio.producer)
    newest = Recipe.objects.order_by("-take__number")[0]
    assert newest.request["steps"][0]["choices"][0]["model"] == "builtin/sketch-cinema"
    assert Take.objects.filter(deliverable=row).count() == 3


def test_dearer_than_confirmed_asks_again_and_makes_nothing(studio: Cast) -> None:
    asked = matrix(studio)
    with pytest.raises(agreed.Dearer) as refused:
        batches.make(asked=asked, by=studio.producer, confirmed=Decimal("0.11999999"))
    assert refused.value.extra == {"at_most": "0.12000000", "confirmed": "0.11999999"}
    assert nothing_made()
    made = batches.make(asked=asked, by=studio.producer, confirmed=Decimal("0.12"))
    assert made.at_most == Decimal("0.12")


def test_a_price_that_rose_since_it_was_shown_is_asked_for_again(studio: Cast) -> None:
    asked = matrix(studio)
    shown = batches.quote(asked=asked).total.at_most
    prices.add_row(
        model_key=FAST,
        unit="image",
        amount=Decimal("0.05"),
        currency="EUR",
        starts_at=timezone.now(),
        by=studio.finance,
    )
    with pytest.raises(agreed.Dearer):
        batches.make(asked=asked, by=studio.producer, confirmed=shown)
    assert nothing_made()


def test_a_batch_that_no_budget_has_room_for_never_starts(studio: Cast) -> None:
    budgets.set_budget(scope="workspace", limit=Decimal("0.5"), window="month", by=studio.finance)
    with pytest.raises(BudgetRefused) as refused:
        started(studio, 26)
    assert (refused.value.needed, refused.value.left) == (Decimal("0.52"), Decimal("0.5"))
    assert nothing_made()


def test_a_large_matrix_is_priced_in_a_fixed_number_of_queries(studio: Cast) -> None:
    def count(number: int) -> int:
        asked = Asked(list(Deliverable.objects.filter(key__startswith="sketch")[:number]), 2, variants)
        with CaptureQueriesContext(connection) as found:
            assert batches.quote(asked=asked, person_id=studio.producer.person_id).total.takes == number * 6
        return len(found)

    variants = [Variant(words=word) for word in ("a", "b", "c")]
    sketches(studio, 40)
    Campaign.objects.update(seed_policy="campaign", seed=7)
    assert count(1) > 0  # the table in force is read once and kept
    assert count(5) == count(40)


def test_one_asks_for_a_batch_only_with_the_right_to_make(studio: Cast) -> None:
    rows = sketches(studio, 1)
    for member in (studio.viewer, studio.finance, studio.admin):
        with pytest.raises(Exception, match="right to make takes"):
            batches.make(asked=Asked(rows), by=member)
    assert nothing_made()
