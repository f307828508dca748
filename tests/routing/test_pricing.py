"""What a step costs by a price row, to the last digit."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any

import pytest

from routing import eligibility
from routing.brief import Price, Step
from routing.document import ModelChoice
from routing.pricing import compute_units, cost, quote
from tests.routing.tables import IMAGE, MOTION, draft, facts, model


def price(unit: str, amount: str, **more: Any) -> Price:
    if "first_amount" in more:
        more["first_amount"] = Decimal(more["first_amount"])
    return Price(unit=unit, amount=Decimal(amount), currency="USD", **more)


def sized(width: int, height: int, step: Step = IMAGE) -> Step:
    return dataclasses.replace(step, width=width, height=height)


@pytest.mark.parametrize(
    ("found", "step", "expected", "at_most"),
    [
        (price("image", "0.04"), IMAGE, "0.04", "0.04"),
        (price("request", "0.08"), IMAGE, "0.08", "0.08"),
        (price("megapixel", "0.05"), IMAGE, "0.05", "0.05"),
        (price("megapixel", "0.05"), sized(2048, 2048), "0.25", "0.25"),
        (price("megapixel", "0.015", first_amount="0.03"), IMAGE, "0.03", "0.03"),
        (price("megapixel", "0.015", first_amount="0.03"), sized(1440, 1440), "0.06", "0.06"),
        (price("second", "0.112"), MOTION, "0.448", "0.448"),
        (price("second", "0.07", conditions={"minimum_units": "5"}), MOTION, "0.35", "0.35"),
        (price("second", "0.112", conditions={"most_amount": "0.196"}), MOTION, "0.448", "0.784"),
        (price("image", "0.04", conditions={"most_amount": "0.1"}), IMAGE, "0.04", "0.1"),
        (
            price("image", "0.04", conditions={"per_reference": "0.003"}),
            dataclasses.replace(IMAGE, references=3),
            "0.049",
            "0.049",
        ),
    ],
)
def test_units_times_amount(found: Price, step: Step, expected: str, at_most: str) -> None:
    quoted = quote(found, step, {})
    assert (quoted.expected, quoted.at_most) == (Decimal(expected), Decimal(at_most))


BY_HEIGHT = {"by_height": {"720": "0.10", "1080": "0.12", "2160": "0.30"}}


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [(1280, 720, "0.4"), (1920, 1080, "0.48"), (1080, 1920, "0.48"), (3840, 2160, "1.2")],
)
def test_the_shorter_side_finds_the_amount(width: int, height: int, expected: str) -> None:
    quoted = quote(price("second", "0.10", conditions=BY_HEIGHT), sized(width, height, MOTION), {})
    assert (quoted.expected, quoted.at_most) == (Decimal(expected), Decimal(expected))


def test_without_a_size_the_dearest_one_is_held() -> None:
    step = dataclasses.replace(MOTION, width=None, height=None)
    quoted = quote(price("second", "0.10", conditions=BY_HEIGHT), step, {})
    assert (quoted.expected, quoted.at_most) == (Decimal("0.4"), Decimal("1.2"))


def test_a_clip_is_billed_at_the_next_length_that_the_model_makes() -> None:
    quoted = quote(price("second", "0.1"), MOTION, {"durations": [5, 10]})
    assert quoted.expected == Decimal("0.5")


@pytest.mark.parametrize(
    ("width", "height", "references", "expected"),
    [(1280, 720, 0, "0.4"), (720, 1280, 0, "0.4"), (1920, 1080, 0, "0.8"), (1280, 720, 1, "0.8")],
)
def test_a_large_clip_or_one_with_references_may_have_other_lengths(
    width: int, height: int, references: int, expected: str
) -> None:
    lengths = {
        "durations": [4, 6, 8],
        "durations_by_height": {"736": [8]},
        "durations_with_references": [8],
    }
    step = dataclasses.replace(sized(width, height, MOTION), references=references)
    assert quote(price("second", "0.1"), step, lengths).expected == Decimal(expected)


def test_a_video_in_megapixels_counts_each_second() -> None:
    assert quote(price("megapixel", "0.1"), MOTION, {}).expected == Decimal("0.4")


def test_units_that_only_the_provider_counts_are_bounded() -> None:
    credit = price("credit", "0.12", conditions={"most_units": "3"})
    quoted = quote(credit, IMAGE, {"typical_units": "1"})
    assert (quoted.expected, quoted.at_most) == (Decimal("0.12"), Decimal("0.36"))
    unbounded = quote(price("credit", "0.12"), IMAGE, {"typical_units": "1"})
    assert unbounded.at_most == Decimal("0.48")


def test_the_first_unit_has_its_own_amount() -> None:
    assert cost(price("megapixel", "0.015", first_amount="0.03"), units=Decimal(4)) == Decimal("0.075")


@pytest.mark.parametrize(
    ("step", "units"),
    [
        (Step(key="w", kind="text", prompt_characters=40), "1"),
        (Step(key="w", kind="text", prompt_characters=1600), "2"),
        (IMAGE, "100"),
        (dataclasses.replace(MOTION, duration_seconds=Decimal(5)), "10000"),
        (sized(3840, 2160, dataclasses.replace(MOTION, duration_seconds=Decimal(5))), "100000"),
        (Step(key="o", kind="overlay"), "0"),
        (Step(key="h", kind="human"), "0"),
    ],
)
def test_compute_units_are_an_order_of_magnitude(step: Step, units: str) -> None:
    assert compute_units(step) == Decimal(units)


CASES = {"cases": [{"when": {"mode": "pro", "audio": "on"}, "amount": "0.2"}]}


@pytest.mark.parametrize(
    ("able", "own", "of_step", "expected"),
    [
        ({}, {"mode": "pro", "generate_audio": True}, {}, "0.8"),
        ({}, {"mode": "pro"}, {"generate_audio": False}, "0.4"),
        ({"fields": {"audio": "with_voice"}}, {"with_voice": True}, {"mode": "pro"}, "0.8"),
        ({"audio": False}, {"mode": "pro"}, {}, "0.4"),
        ({}, {"mode": "std"}, {}, "0.4"),
    ],
)
def test_cases_read_the_parameters_of_route_and_step(
    able: dict[str, Any], own: dict[str, Any], of_step: dict[str, Any], expected: str
) -> None:
    step = dataclasses.replace(MOTION, parameters=of_step)
    quoted = quote(price("second", "0.1", conditions=CASES), step, able, own)
    assert (quoted.expected, quoted.at_most) == (Decimal(expected), Decimal(expected))


def test_steps_by_volume_are_quoted_from_the_months_place_and_held_at_the_dearest() -> None:
    stepped = price("image", "0.10", conditions={"volume": [{"from": "10", "amount": "0.08"}]})
    quoted = quote(dataclasses.replace(stepped, used=Decimal(10)), IMAGE, {})
    assert (quoted.expected, quoted.at_most) == (Decimal("0.08"), Decimal("0.10"))


def test_tokens_that_go_in_are_estimated_beside_those_that_come_out() -> None:
    words = Step(key="w", kind="text", prompt_characters=400)
    quoted = quote(price("token", "0.001", conditions={"input_amount": "0.0001"}), words, {})
    # 200 tokens come out; 200 and a quarter of the characters go in; each may be four times as many
    assert (quoted.expected, quoted.at_most) == (Decimal("0.23"), Decimal("0.92"))


def test_a_model_whose_price_depends_on_what_nobody_says_is_refused_with_the_remedy() -> None:
    dear = model("harbour/tide", price=price("image", "0.1", conditions=CASES))
    known = facts(dear, accounts=frozenset({"harbour"}), rates={"USD": Decimal("0.9")})
    named = {"brief": draft(), "step": IMAGE, "facts": known, "tier": "speed", "fallback": False}
    refused = eligibility.assess(ModelChoice("harbour/tide"), **named)
    assert (refused.eligible, refused.expected) == (False, None)
    assert refused.why == (
        "its price depends on mode and audio, and nothing says which;"
        " name mode and audio among the parameters of the route or of the step",
    )
    said = ModelChoice("harbour/tide", {"mode": "pro", "audio": "on"})
    assert eligibility.assess(said, **named).expected == Decimal("0.18")
