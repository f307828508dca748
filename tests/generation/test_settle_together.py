"""Calls that are settled together: each at its own amount, each take marked by its own calls, once."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

from billing.models import DeliverableCost, Entry, Hold, HoldOutcome
from generation import charges, settle
from generation.models import Call, Run
from generation.models.runs import CallState
from projects.models import Take
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.engine_rows import FLUX, SKETCH

NOW = datetime.datetime(2026, 11, 20, 12, tzinfo=datetime.UTC)
TOPAZ = "fal/fal-ai/topaz/upscale/image"


def called(run: Run, *, model: str = FLUX, **columns: Any) -> Call:
    """A call of the run that the provider accepted, on the run's open hold."""
    hold = Hold.objects.filter(run=run.pk, outcome__isnull=True).get()
    provider, _, _ = model.partition("/")
    row = Call.objects.create(
        workspace_id=run.workspace_id,
        run=run,
        number=1,
        model=model,
        provider=provider,
        state=CallState.ACCEPTED,
        hold=hold,
        intended_at=NOW,
        ended_at=NOW,
        **columns,
    )
    return Call.objects.select_related("run__take__workspace", "run__take__requested_by", "hold").get(
        pk=row.pk
    )


def reported(amount: str) -> dict[str, Any]:
    return {"reported_charge": Decimal(amount), "reported_currency": "EUR"}


def drafts(cast: Cast, count: int, *, model: str = FLUX) -> list[Take]:
    engine_rows.model(cast.workspace, model, amount="0.05")
    return [
        engine_rows.take(cast.deliverable, engine_rows.step(models=[model], amount="0.05"), now=NOW)
        for _ in range(count)
    ]


def settled(calls: list[Call], **sets: Any) -> dict[Any, Entry]:
    return settle.post_all(calls=calls, books=charges.open_books(calls, now=NOW), now=NOW, **sets)


def run_of(take: Take, step: str = "image") -> Run:
    return Run.objects.get(take=take, step=step)


def test_each_call_is_posted_at_its_own_amount_and_remembers_it(cast: Cast) -> None:
    calls = [
        called(run_of(take), **reported(amount))
        for take, amount in zip(drafts(cast, 3), ("0.01", "0.02", "0.07"), strict=True)
    ]
    entries = settled(calls, with_media={call.pk for call in calls})
    assert [entries[call.pk].amount for call in calls] == [Decimal("0.01"), Decimal("0.02"), Decimal("0.07")]
    assert [Call.objects.get(pk=call.pk).posted for call in calls] == [
        Decimal("0.01"),
        Decimal("0.02"),
        Decimal("0.07"),
    ]
    booked = Entry.objects.order_by("amount")
    assert [(row.take_id, row.call, row.hold) for row in booked] == [
        (call.run.take_id, call.pk, call.hold_id) for call in calls
    ]
    outcomes = HoldOutcome.objects.order_by("amount")
    assert [(row.outcome, row.reason) for row in outcomes] == [
        ("posted", ""),
        ("posted", ""),
        ("posted", "0.02000000 above its hold"),
    ]
    assert DeliverableCost.objects.get().generation == Decimal("0.10")
    assert DeliverableCost.objects.get().reserved == 0


def test_one_that_was_settled_before_is_left_out_and_stays_as_it_is(cast: Cast) -> None:
    first, second = (called(run_of(take), **reported("0.03")) for take in drafts(cast, 2))
    settled([first])
    before = Take.objects.get(pk=first.run.take_id)
    entries = settled([first, second], with_media={first.pk, second.pk})
    assert set(entries) == {second.pk}
    assert Entry.objects.count() == 2
    assert Take.objects.get(pk=first.run.take_id).counted_at == before.counted_at is None
    assert Take.objects.get(pk=second.run.take_id).counted_at == NOW


def test_a_call_whose_hold_went_elsewhere_is_left_out(cast: Cast) -> None:
    (take,) = drafts(cast, 1)
    call = called(run_of(take))
    call.hold = None
    assert settled([call]) == {}
    assert Entry.objects.count() == 0


def test_takes_are_marked_by_their_own_calls(cast: Cast) -> None:
    """One brought media, one failed and was charged, one brought none."""
    calls = [called(run_of(take), **reported("0.03")) for take in drafts(cast, 3)]
    settled(calls, with_media={calls[0].pk}, failed={calls[1].pk})
    takes = [Take.objects.get(pk=call.run.take_id) for call in calls]
    assert [(take.counted_at, take.failed_charged) for take in takes] == [
        (NOW, False),
        (None, True),
        (None, False),
    ]
    flags = dict(Entry.objects.values_list("call", "failed_charged"))
    assert [flags[call.pk] for call in calls] == [False, True, False]


def test_a_take_counts_from_when_the_provider_ended_and_not_from_when_it_was_booked(cast: Cast) -> None:
    (take,) = drafts(cast, 1)
    earlier = NOW - datetime.timedelta(minutes=7)
    call = called(run_of(take), **reported("0.03"))
    call.ended_at = earlier
    entry = settled([call], with_media={call.pk})[call.pk]
    take.refresh_from_db()
    assert (take.counted_at, entry.service_at, entry.booked_at) == (earlier, earlier, NOW)


def polished(cast: Cast, *, stage: str = "refinement") -> Take:
    engine_rows.model(cast.workspace, FLUX, amount="0.05")
    engine_rows.model(cast.workspace, TOPAZ, kinds=("upscale",), amount="0.02")
    return engine_rows.take(
        cast.deliverable,
        engine_rows.step(models=[FLUX], amount="0.05"),
        engine_rows.step(
            "polish", kind="upscale", stage=stage, models=[TOPAZ], needs=["image"], amount="0.02"
        ),
        now=NOW,
    )


def test_the_model_of_a_take_is_that_of_its_generation_whatever_is_settled_last(cast: Cast) -> None:
    take = polished(cast)
    image, polish = called(run_of(take)), called(run_of(take, "polish"), model=TOPAZ)
    settled([image], with_media={image.pk})
    settled([polish], with_media={polish.pk})
    take.refresh_from_db()
    assert (take.model, take.provider) == (FLUX, "fal")


def test_until_its_generation_is_charged_another_stage_names_the_model(cast: Cast) -> None:
    take = polished(cast, stage="control")
    image, prepared = called(run_of(take)), called(run_of(take, "polish"), model=TOPAZ)
    settled([prepared], with_media={prepared.pk})
    take.refresh_from_db()
    assert (take.model, take.counted_at) == (TOPAZ, None)
    settled([image], with_media={image.pk})
    take.refresh_from_db()
    assert (take.model, take.counted_at) == (FLUX, NOW)


def test_a_take_counts_from_its_first_media_on(cast: Cast) -> None:
    take = polished(cast)
    image, polish = called(run_of(take)), called(run_of(take, "polish"), model=TOPAZ)
    image.ended_at = NOW - datetime.timedelta(minutes=3)
    settled([image], with_media={image.pk})
    settled([polish], with_media={polish.pk})
    take.refresh_from_db()
    assert take.counted_at == NOW - datetime.timedelta(minutes=3)


def test_each_is_priced_by_its_own_model(cast: Cast) -> None:
    first, second = drafts(cast, 1), drafts(cast, 1, model=SKETCH)
    calls = [called(run_of(first[0])), called(run_of(second[0]), model=SKETCH)]
    settled(calls)
    assert {row.model: row.provider for row in Entry.objects.all()} == {FLUX: "fal", SKETCH: "builtin"}


def test_an_answer_that_is_found_out_late_counts_the_take_from_when_it_was_given(cast: Cast) -> None:
    engine_rows.model(cast.workspace, FLUX, amount="0.05")
    steps = [engine_rows.step(key=name, models=[FLUX], amount="0.05") for name in ("first", "second")]
    take = engine_rows.take(cast.deliverable, *steps, now=NOW)
    lost, second = (called(run_of(take, name), **reported("0.05")) for name in ("first", "second"))
    lost.ended_at = NOW - datetime.timedelta(hours=3)
    for call in (second, lost):
        settled([call], with_media={call.pk})
    assert Take.objects.get(pk=take.pk).counted_at == lost.ended_at
