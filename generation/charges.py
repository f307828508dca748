"""What a call cost: what the provider says it charged, else what its price row makes of its units."""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from collections.abc import Iterable
from decimal import Decimal

from billing import money, months, price_rules, rates
from billing.ledger import Charge
from billing.models import PriceRow
from billing.price_rules import Unsaid, Use
from generation import choosing
from generation.models import Call, Recipe, Run
from projects.models import Workspace
from routing import catalogue, pricing

ZERO = Decimal(0)


@dataclasses.dataclass(frozen=True)
class Cost:
    """An amount in the workspace's currency, with where it came from. None of it is rounded yet.

    Where the provider reported the amount, `computed` is what the price row makes of the call. `use` is what
    a price with conditions looked at.
    """

    amount: Decimal
    native_amount: Decimal | None
    native_currency: str
    rate: Decimal | None
    calculation: str
    units: Decimal | None = None
    computed: Decimal | None = None
    use: Use | None = None


@dataclasses.dataclass(frozen=True)
class Books:
    """Price rows, capabilities and rates for a batch of calls, read once.

    What a model is, each workspace says for itself: two may have one of their own under the same key.
    """

    price_rows: dict[uuid.UUID, PriceRow]
    capabilities: dict[tuple[uuid.UUID, str], dict[str, object]]
    rates: dict[tuple[uuid.UUID, datetime.date], dict[str, Decimal]]
    now: datetime.datetime
    recipes: dict[uuid.UUID, Recipe]
    tiers: dict[tuple[uuid.UUID, str], str]


def open_books(calls: Iterable[Call], *, now: datetime.datetime) -> Books:
    """The calls come with `run.take.workspace`. Two queries, one a workspace, one a day of service."""
    calls = list(calls)
    workspaces: dict[uuid.UUID, Workspace] = {c.workspace_id: c.run.take.workspace for c in calls}
    known = {
        (pk, key): row
        for pk, workspace in workspaces.items()
        for key, row in catalogue.models_by_key(
            workspace, {call.model for call in calls if call.workspace_id == pk}
        ).items()
    }
    return Books(
        price_rows=PriceRow.objects.in_bulk({c.price_row for c in calls if c.price_row}),
        capabilities={name: row.capabilities for name, row in known.items()},
        rates=_rates(calls, now),
        now=now,
        recipes=Recipe.objects.defer("request", "decision").in_bulk({c.run.take_id for c in calls}),
        tiers={name: row.tier for name, row in known.items()},
    )


def cost_of(call: Call, books: Books) -> Cost:
    """What the call cost. A foreign amount takes the rate of its service date; without one, what was held."""
    known = books.rates[_day_of(call, books.now)]
    row = books.price_rows.get(call.price_row) if call.price_row else None
    by_row: Cost | None = None
    if row is not None:
        by_row = _by_row(call, row, books.capabilities.get((call.workspace_id, call.model), {}), known)
    if call.reported_charge is not None:
        currency = call.reported_currency
        words = f"{call.provider} reported {call.reported_charge} {currency}"
        reported = _exchanged(call, call.reported_charge, currency, known, words)
        return _beside(reported, by_row)
    if by_row is None:
        held = call.hold.amount if call.hold else ZERO
        return Cost(held, None, "", None, "no price row: the amount that was held")
    return by_row


def _beside(reported: Cost, by_row: Cost | None) -> Cost:
    """The reported charge with what the price row makes of it, where both could be exchanged."""
    if by_row is None or by_row.rate is None or reported.rate is None:
        return dataclasses.replace(reported, units=by_row.units if by_row else None)
    return dataclasses.replace(reported, units=by_row.units, computed=by_row.amount, use=by_row.use)


def _by_row(call: Call, row: PriceRow, capabilities: dict[str, object], known: dict[str, Decimal]) -> Cost:
    """What the price row makes of the call; the amount that was held where it depends on what nobody says."""
    price, use = catalogue.price_fact(row), _use(call, row, capabilities)
    try:
        native = price_rules.native(price, use)
        each = row.amount if price_rules.volume(price) else price_rules.unit_amount(price, use.facts)
    except Unsaid as missing:
        held = call.hold.amount if call.hold else ZERO
        words = f"the price depends on {missing}, which nobody said: the amount that was held"
        return Cost(held, None, "", None, words, units=use.units)
    billed = "billed at" if call.units is not None else "at"
    words = f"{use.units.normalize():f} {row.unit} {billed} {each.normalize():f}"
    if use.input_units is not None:
        words += f", {use.input_units.normalize():f} that went in at {row.conditions['input_amount']}"
    found = _exchanged(call, native, row.currency, known, words)
    kept = dataclasses.replace(use, rate=found.rate) if price_rules.depends(price) else None
    return dataclasses.replace(found, units=use.units, use=kept)


def _use(call: Call, row: PriceRow, capabilities: dict[str, object]) -> Use:
    """What the call is priced by: the units that the provider counted, else those that were foreseen.

    Units that the provider counted have references in them.
    """
    price, step = catalogue.price_fact(row), choosing.step_of(call.run)
    named = [c for c in call.run.request.get("choices", []) if c["model"] == call.model]
    parameters = (named[0].get("parameters") or {}) if named else {}
    foreseen = pricing.use_of(price, step, capabilities, parameters)
    facts = {name: said for name, said in foreseen.facts.items() if name != "references"}
    if foreseen.input_units is not None:
        made, read = call.output_tokens, call.input_tokens
        if made is None or read is None:
            return foreseen
        return dataclasses.replace(foreseen, units=Decimal(made), facts=facts, input_units=Decimal(read))
    return foreseen if call.units is None else dataclasses.replace(foreseen, units=call.units, facts=facts)


def _rates(
    calls: Iterable[Call], now: datetime.datetime
) -> dict[tuple[uuid.UUID, datetime.date], dict[str, Decimal]]:
    """The rates of each day on which one of the calls was served."""
    days: dict[tuple[uuid.UUID, datetime.date], tuple[Workspace, datetime.datetime]] = {
        _day_of(call, now): (call.run.take.workspace, _served_at(call, now)) for call in calls
    }
    return {day: rates.rates_at(workspace, at) for day, (workspace, at) in days.items()}


def _day_of(call: Call, now: datetime.datetime) -> tuple[uuid.UUID, datetime.date]:
    zone = months.zone_of(call.run.take.workspace)
    return call.workspace_id, _served_at(call, now).astimezone(zone).date()


def _served_at(call: Call, now: datetime.datetime) -> datetime.datetime:
    return min(call.ended_at or now, now)


def _exchanged(call: Call, native: Decimal, currency: str, known: dict[str, Decimal], words: str) -> Cost:
    rate = known.get(currency)
    if rate is None:
        held = call.hold.amount if call.hold else ZERO
        return Cost(held, native, currency, None, f"{words}; no rate, the amount that was held")
    return Cost(money.exchanged(native, rate), native, currency, rate, words)


def charge(call: Call, books: Books, *, failed_charged: bool, now: datetime.datetime) -> Charge:
    """The charge as the ledger books it, with the versions that made the take."""
    cost = cost_of(call, books)
    run: Run = call.run
    recipe = books.recipes.get(run.take_id)
    named = run.request.get("choices", [])
    tier = next((c.get("tier", "") for c in named if c["model"] == call.model), "")
    return Charge(
        amount=money.booked(cost.amount),
        native_amount=None if cost.native_amount is None else money.booked(cost.native_amount),
        native_currency=cost.native_currency,
        rate=cost.rate,
        service_at=_served_at(call, now),
        stage=run.stage,
        failed_charged=failed_charged,
        model=call.model,
        tier=tier or books.tiers.get((call.workspace_id, call.model), ""),
        provider=call.provider,
        pipeline=recipe.pipeline if recipe else "",
        routing_version=str(recipe.routing_version or "") if recipe else "",
        prompt_template=recipe.prompt_template if recipe else "",
        seed_policy=recipe.seed_policy if recipe else "",
        person=run.take.requested_by,
        person_email=run.take.requested_by_email,
        run=run.pk,
        call=call.pk,
        external_id=call.provider_job_id,
        price_row=call.price_row,
        units=None if cost.units is None else money.booked(cost.units),
        computed_amount=None if cost.computed is None else money.booked(cost.computed),
        calculation=cost.calculation,
        use=cost.use,
    )
