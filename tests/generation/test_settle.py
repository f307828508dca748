"""Where a call's money ends: once, at what was charged, by its own price row."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

from billing import rates
from billing.models import Entry, HoldOutcome, PriceRow
from generation import charges, settle
from generation.models import Call
from projects.models import Take
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.conftest import Fal
from tests.generation.engine_rows import FLUX, Engine


def sent(cast: Cast, engine: Engine, **columns: Any) -> tuple[Take, Call]:
    take = engine_rows.take(
        cast.deliverable,
        engine_rows.step(models=[FLUX], amount="0.05"),
        person=cast.producer.person,
    )
    engine.submit()
    Call.objects.filter(run__take=take).update(**columns)
    call = Call.objects.select_related("run__take__workspace", "hold").get(run__take=take)
    return take, call


def post(
    call: Call, engine: Engine, *, failed_charged: bool = False, brought_media: bool = False
) -> Entry | None:
    books = charges.open_books([call], now=engine.now)
    if brought_media:
        posted = settle.post_all(calls=[call], books=books, with_media={call.pk}, now=engine.now)
        return posted.get(call.pk)
    return settle.post(call=call, books=books, now=engine.now, failed_charged=failed_charged)


def test_what_the_provider_reports_is_what_is_booked(cast: Cast, engine: Engine, fal: Fal) -> None:
    engine_rows.rate(cast.workspace, "USD", "0.9")
    _, call = sent(cast, engine, reported_charge=Decimal("0.04"), reported_currency="USD")
    entry = post(call, engine, brought_media=True)
    assert entry is not None
    assert (entry.amount, entry.native_amount, entry.native_currency, entry.rate) == (
        Decimal("0.036"),
        Decimal("0.04"),
        "USD",
        Decimal("0.9"),
    )
    assert entry.calculation == "fal reported 0.04000000 USD"
    # what the call's own row makes of it stands beside: one picture at 0.05 euro
    assert (entry.units, entry.computed_amount) == (Decimal(1), Decimal("0.05"))


def test_the_rate_is_that_of_the_day_of_service(cast: Cast, engine: Engine, fal: Fal) -> None:
    ended = engine.now - datetime.timedelta(days=2)
    for days, rate in ((3, "0.8"), (1, "0.9")):
        day = (engine.now - datetime.timedelta(days=days)).date()
        rates.add_rate(currency="USD", day=day, rate=Decimal(rate), by=cast.finance)
    _, call = sent(cast, engine, reported_charge=Decimal("0.04"), reported_currency="USD", ended_at=ended)
    entry = post(call, engine)
    assert entry is not None
    assert (entry.rate, entry.amount, entry.service_at) == (Decimal("0.8"), Decimal("0.032"), ended)


def test_units_that_the_provider_reports_are_priced_by_the_calls_own_row(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    _, call = sent(cast, engine, units=Decimal("2.5"))
    PriceRow.objects.create(
        workspace=cast.workspace,
        model_key=FLUX,
        unit="image",
        amount=Decimal(9),
        currency="EUR",
        starts_at=engine.now,
    )
    entry = post(call, engine)
    assert entry is not None
    assert (entry.amount, entry.calculation) == (Decimal("0.125"), "2.5 image billed at 0.05")
    assert (entry.units, entry.computed_amount) == (Decimal("2.5"), None)
    assert entry.price_row == call.price_row


def test_without_any_word_of_the_provider_the_price_row_is_asked(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    _, call = sent(cast, engine)
    entry = post(call, engine)
    assert entry is not None
    assert (entry.amount, entry.calculation) == (Decimal("0.05"), "1 image at 0.05")


def test_an_amount_above_the_hold_is_booked_in_full_and_flagged(cast: Cast, engine: Engine, fal: Fal) -> None:
    take, call = sent(cast, engine, reported_charge=Decimal("0.30"), reported_currency="EUR")
    post(call, engine)
    found = HoldOutcome.objects.get(hold__take=take)
    assert (found.amount, found.reason) == (Decimal("0.30"), "0.25000000 above its hold")


def test_a_currency_without_a_rate_is_booked_at_what_was_held(cast: Cast, engine: Engine, fal: Fal) -> None:
    _, call = sent(cast, engine, reported_charge=Decimal("7"), reported_currency="JPY")
    entry = post(call, engine)
    assert entry is not None
    assert (entry.amount, entry.rate) == (Decimal("0.05"), None)
    assert "no rate" in entry.calculation


def test_a_call_is_settled_once(cast: Cast, engine: Engine, fal: Fal) -> None:
    take, call = sent(cast, engine)
    assert post(call, engine) is not None
    assert post(call, engine) is None
    assert not settle.void(call=call, reason="again", now=engine.now)
    assert Entry.objects.filter(take=take).count() == 1
    assert HoldOutcome.objects.filter(hold__take=take).count() == 1


def test_a_call_that_brought_media_makes_its_take_counted(cast: Cast, engine: Engine, fal: Fal) -> None:
    take, call = sent(cast, engine)
    entry = post(call, engine, brought_media=True)
    take.refresh_from_db()
    assert entry is not None
    assert (take.counted_at, take.failed_charged) == (entry.effective_at, False)
    assert (take.model, take.provider, take.tier) == (FLUX, "fal", "budget")


def test_a_failure_that_was_charged_is_not_counted(cast: Cast, engine: Engine, fal: Fal) -> None:
    take, call = sent(cast, engine)
    post(call, engine, failed_charged=True)
    take.refresh_from_db()
    assert (take.counted_at, take.failed_charged) == (None, True)


def test_the_holds_of_calls_under_way_stay_when_the_rest_is_released(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    take, call = sent(cast, engine)
    assert settle.void_rest(runs=[call.run_id], reason="test", now=engine.now) == 0
    assert engine_rows.open_holds(take) == 1
    Call.objects.filter(pk=call.pk).update(state="refused")
    assert settle.void_rest(runs=[call.run_id], reason="test", now=engine.now) == 1
    assert engine_rows.open_holds(take) == 0
