"""Batches as pages: headings, sums that add up, caps in words, what it cost, whole columns of the board."""

from __future__ import annotations

import datetime
import re
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from billing import holds, prices
from billing.models import Hold
from generation import activities, batch_columns, batch_costs, batch_steering, batches, matrices, takes
from generation.matrices import MOST_DELIVERABLES, Asked, Column, Variant
from projects.models import Batch, Deliverable, Event, Take
from projects.models.takes import TakeMark, TakeState
from routing.models import CatalogueModel
from tests.cast import Cast
from tests.generation.matrix_rows import ECONOMY, FAST, sketches, started
from tests.generation.pages import queries, signed_in, text

NEW = "/w/studio/batches/new/"


def price(cast: Cast, amount: str) -> None:
    prices.add_row(
        model_key=FAST,
        unit="image",
        amount=Decimal(amount),
        currency="EUR",
        starts_at=timezone.now(),
        by=cast.finance,
    )


def plain(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def body(rows: list[Deliverable], **fields: Any) -> dict[str, Any]:
    usual = {"count": 1, "models": [""], "as_briefed": "on", "batch_id": uuid.uuid4()}
    return {"deliverables": [row.pk for row in rows], **usual, **fields}


def test_a_heading_names_the_model_its_tier_and_its_unit_price(studio: Cast) -> None:
    columns = [Column(), Column(model=ECONOMY), Column(switch="at-cap"), Column(model="gone/model")]
    named = batch_columns.headings(studio.workspace, columns, now=timezone.now())
    assert [(row.name, row.key, row.tier, row.price and row.price.amount) for row in named] == [
        ("As the route says", "", "", None),
        ("Sketch draft", ECONOMY, "budget", Decimal("0.01")),
        ("Sketch cinema", "builtin/sketch-cinema", "cinematic", Decimal("0.12")),
        ("gone/model", "gone/model", "", None),
    ]


def test_headings_cost_the_same_number_of_queries_however_many(
    studio: Cast, django_assert_num_queries: Any
) -> None:
    for columns in ([Column(FAST)], [Column(FAST), Column(ECONOMY), Column("builtin/sketch-cinema")]):
        with django_assert_num_queries(2):
            batch_columns.headings(studio.workspace, columns, now=timezone.now())


def test_prices_are_shown_with_the_digits_in_which_they_add_up(studio: Cast) -> None:
    price(studio, "0.0125")
    plan = batches.quote(asked=Asked(sketches(studio, 3)))
    assert (plan.digits, plan.rounded) == (4, False)
    page = plain(
        signed_in(studio.producer).post("/w/studio/batches/price/", body(sketch_rows())).content.decode()
    )
    assert page.count("€0.0125") == 6  # three cells, three lines
    assert page.count("€0.0375") == 2  # the column and the total


def test_what_has_more_digits_is_rounded_and_says_so(studio: Cast) -> None:
    price(studio, "0.01000001")
    plan = batches.quote(asked=Asked(sketches(studio, 1)))
    assert (plan.digits, plan.rounded, plan.total.amount) == (4, True, Decimal("0.01000001"))
    page = text(signed_in(studio.producer), NEW, deliverables=sketch_rows()[0].pk)
    assert "rounded to 4 digits; the sums are exact" in page


def sketch_rows() -> list[Deliverable]:
    return list(Deliverable.objects.filter(key__startswith="sketch").order_by("key"))


def test_a_cap_tells_what_is_used_what_is_in_flight_and_what_the_batch_takes(studio: Cast) -> None:
    (row,) = sketches(studio, 1, cap=4)
    round_ = takes.make(deliverable=row, by=studio.producer, count=2)
    Take.objects.filter(pk=round_.takes.order_by("number")[0].pk).update(
        state=TakeState.READY, counted_at=timezone.now()
    )
    row = Deliverable.objects.get(pk=row.pk)
    variants = [Variant(words=word) for word in ("a", "b", "c")]
    plan = batches.quote(asked=Asked([row], variants=variants))
    assert [cell.why for cell in plan.cells] == [
        "",
        "",
        "2 of 4 takes are used, 1 of them in flight, and this batch takes 2; 1 more does not fit.",
    ]
    ((_, cells, _),) = plan.rows()
    room = plan.room(cells)
    assert room is not None
    assert (room.limit, room.used, room.in_flight, room.takes) == (4, 2, 1, 2)
    page = plain(text(signed_in(studio.producer), NEW, deliverables=row.pk, count=2))
    assert "2 of 4 used, 1 in flight; 2 here" in page


def test_the_limit_on_takes_of_a_cell_is_said_before_and_after(studio: Cast) -> None:
    rows = sketches(studio, 1)
    client = signed_in(studio.producer)
    assert "1 to 20 of each; 2,000 in all." in text(client, NEW, deliverables=rows[0].pk)
    refused = client.post("/w/studio/batches/price/", body(rows, count=50))
    assert refused.status_code == 422
    assert "Takes of each cell: Ensure this value is less than or equal to 20." in plain(
        refused.content.decode()
    )


def test_reasons_are_listed_once_with_the_deliverables_they_are_about(studio: Cast) -> None:
    rows = sketches(studio, 3)
    Deliverable.objects.filter(pk=rows[2].pk).update(state="written_off")
    page = signed_in(studio.producer).get(NEW, {"deliverables": [row.pk for row in rows]}).content.decode()
    assert "<li>Sketch-002 is dropped." in page
    yesterday = timezone.now().date() - datetime.timedelta(days=1)
    CatalogueModel.objects.filter(key__in=[FAST, ECONOMY]).update(available_until=yesterday)
    plan = batches.quote(asked=Asked(rows[:2]))
    ((first, names), (second, _)) = matrices.obstacles(plan.impossible)
    assert first.startswith(f"image: {FAST}: ")
    assert second.startswith(f"image: {ECONOMY}: ")
    assert names == ["Sketch-000", "Sketch-001"]


def test_making_again_leaves_out_what_the_routes_offer_no_longer_and_names_it(studio: Cast) -> None:
    made = started(studio, 2)
    made.asked["columns"] = [{"model": "gone/model", "switch": ""}, {"model": FAST, "switch": ""}]
    Batch.objects.filter(pk=made.pk).update(asked=made.asked)
    page = text(signed_in(studio.producer), NEW, **{"from": str(made.pk)})
    assert "The routes offer this no longer" in page
    assert '<li class="breakable">gone/model</li>' in page
    assert "Make 2 takes" in page


def test_a_finished_batch_says_what_it_cost_beside_what_was_confirmed(studio: Cast) -> None:
    batch = started(studio, 3)
    ready, failed, _ = Take.objects.order_by("deliverable__key")
    Take.objects.filter(pk=ready.pk).update(state=TakeState.READY, mark=TakeMark.SELECTED)
    holds.void(hold=Hold.objects.get(take=failed), reason="test", now=timezone.now())
    Take.objects.filter(pk=failed.pk).update(state=TakeState.FAILED)
    costs = batch_costs.of(batch)
    assert [(row.label, row.takes, row.posted, row.held) for row in costs.lines] == [
        ("Selected", 1, 0, Decimal("0.02")),
        ("In the making", 1, 0, Decimal("0.02")),
        ("Failed", 1, 0, 0),
    ]
    assert (costs.total.takes, costs.total.held, costs.unused) == (3, Decimal("0.04"), Decimal("0.02"))
    page = plain(text(signed_in(studio.viewer), f"/w/studio/batches/{batch.pk}/"))
    assert "Confirmed, at most €0.06" in page
    assert "Not used €0.02" in page


def test_the_page_of_a_larger_batch_costs_the_same_number_of_queries(studio: Cast) -> None:
    small, client = started(studio, 2), signed_in(studio.producer)
    queries(client, f"/w/studio/batches/{small.pk}/")
    few = queries(client, f"/w/studio/batches/{small.pk}/")
    Deliverable.objects.filter(key__startswith="sketch").update(cap=None)
    more = batches.make(asked=Asked(sketch_rows(), 4), by=studio.producer)
    assert queries(client, f"/w/studio/batches/{more.pk}/") == few


def test_a_column_of_the_board_makes_a_batch_of_what_is_open_in_it(studio: Cast) -> None:
    rows = sketches(studio, 3)
    Deliverable.objects.filter(pk=rows[2].pk).update(state="written_off", board_column="dropped")
    client = signed_in(studio.producer)
    board = text(client, "/w/studio/projects/acme/autumn/")
    address = "/w/studio/batches/new/?campaign=acme/autumn"
    assert f'href="{address}&amp;column=brief&amp;"' in board
    assert "column=dropped" not in board
    page = client.get(NEW, {"campaign": "acme/autumn", "q": "sketch"})
    assert {row.name for row in page.context["chosen"]} == {"Sketch-000", "Sketch-001"}
    assert (
        signed_in(studio.stranger)
        .get(NEW.replace("studio", "elsewhere"), {"campaign": "acme/autumn"})
        .status_code
        == 404
    )
    viewer = text(signed_in(studio.viewer), "/w/studio/projects/acme/autumn/")
    assert "batches/new" not in viewer


def test_more_than_a_batch_can_have_is_said(studio: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_DELIVERABLES == 200
    monkeypatch.setattr("generation.views.batches.MOST_DELIVERABLES", 2)
    sketches(studio, 3)
    page = text(signed_in(studio.producer), NEW, campaign="acme/autumn", q="sketch")
    assert "3 open deliverables fit; these are the first 2 by due date" in page
    assert "Make 2 takes" in page


def test_the_table_ticks_all_and_counts(studio: Cast) -> None:
    sketches(studio, 2)
    page = text(signed_in(studio.producer), "/w/studio/projects/acme/autumn/", view="table", q="sketch")
    assert "data-all" in page
    assert 'data-ticked aria-live="polite"' in page
    assert 'href="/w/studio/batches/new/?campaign=acme/autumn&amp;q=sketch"' in page
    assert "Make a batch of all 2</a>" in page


def test_takes_that_went_with_their_batch_are_one_line_of_the_activity(studio: Cast) -> None:
    batch = started(studio, 22)
    batch_steering.cancel_batch(batch=batch, by=studio.producer)
    alone = takes.make(deliverable=sketch_rows()[0], by=studio.producer).takes.get()
    batch_steering.cancel.cancel(take=alone, by=studio.producer)
    assert Event.objects.filter(kind="take.cancelled").count() == 21
    client = signed_in(studio.viewer)
    page = plain(text(client, "/w/studio/activity/"))
    assert "cancelled, with 22 takes left (20 in flight, 2 not asked for yet), a batch" in page
    assert page.count("cancelled take") == 1
    assert plain(text(client, "/w/studio/activity/", kind="take")).count("cancelled take") == 21
    csv = b"".join(client.get("/w/studio/activity/?format=csv").streaming_content).decode()
    assert csv.count("take.cancelled") == 21


def test_a_batch_that_was_cancelled_before_its_count_was_kept_reads_as_it_did(studio: Cast) -> None:
    event = Event(kind="batch.cancelled", at=timezone.now(), data={"batch": str(uuid.uuid4())})
    assert activities.line(event, slug="studio", currency="EUR").what == "cancelled a"
