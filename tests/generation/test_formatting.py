"""Template formatting: exact words for money, times and sizes."""

from __future__ import annotations

import datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from generation import figures, words
from generation.templatetags import circletake

NOW = datetime.datetime(2026, 10, 14, 12, 0, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (Decimal("4.2"), "EUR", "€4.20"),
        (Decimal("12480.505"), "EUR", "€12,480.50"),
        (Decimal("12480.515"), "USD", "$12,480.52"),
        (Decimal("-0.1"), "EUR", "−€0.10"),
        (Decimal("0.004"), "EUR", "<€0.01"),
        (Decimal("0"), "EUR", "€0.00"),
        (Decimal("1499.5"), "JPY", "¥1,500"),
        (Decimal("2.5"), "KWD", "2.500\u202fKWD"),
        ("2.50000000", "CHF", "2.50\u202fCHF"),
        (None, "EUR", "–"),
        ("", "EUR", "–"),
    ],
)
def test_money_reads_in_the_minor_unit_of_its_currency(amount: object, currency: str, shown: str) -> None:
    assert circletake.money_text(amount, currency) == shown


def test_money_carries_the_unrounded_amount_for_machines_and_on_hover() -> None:
    expected = '<data class="money" value="0.33333333" title="0.33333333 EUR">€0.33</data>'
    assert circletake.money(Decimal("0.33333333"), "EUR") == expected


def test_a_fraction_is_shown_as_the_number_it_is() -> None:
    assert circletake.ratio(Fraction(51, 4)) == "12.75"
    assert circletake.percent(Fraction(1, 3)) == "33\u202f%"


def test_a_float_is_no_money() -> None:
    assert circletake.money(0.1, "EUR") == "–"


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(Decimal("0.45"), "+€0.45"), (Decimal("-0.1"), "−€0.10"), (Decimal(0), "±€0.00"), (None, "–")],
)
def test_a_change_shows_its_sign(amount: Decimal | None, shown: str) -> None:
    assert circletake.money_change(amount, "EUR") == shown


@pytest.mark.parametrize(
    ("amount", "shown"), [("0.05", "€0.05"), ("0.0035", "€0.0035"), ("2", "€2.00"), ("100", "€100.00")]
)
def test_a_unit_price_keeps_all_its_digits(amount: str, shown: str) -> None:
    assert circletake.unit_price(Decimal(amount), "EUR") == shown


@pytest.mark.parametrize(
    ("share", "digits", "shown"),
    [
        ("0.5", 0, "50\u202f%"),
        ("0.125", 0, "12\u202f%"),
        ("0.1255", 1, "12.6\u202f%"),
        ("-0.02", 0, "−2\u202f%"),
    ],
)
def test_a_share_reads_as_a_percentage_rounded_half_even(share: str, digits: int, shown: str) -> None:
    assert circletake.percent(Decimal(share), digits) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0\u202fB"),
        (999, "999\u202fB"),
        (2400, "2.4\u202fkB"),
        (100_000, "100\u202fkB"),
        (5 * 10**12, "5.0\u202fTB"),
    ],
)
def test_sizes_are_in_decimal_units(number: int, shown: str) -> None:
    assert circletake.size(number) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (4, "4\u202fs"),
        (2.5, "2.5\u202fs"),
        (0, "0\u202fs"),
        (60, "1\u202fmin"),
        (130, "2\u202fmin 10\u202fs"),
        (3600, "1\u202fh"),
        (3605, "1\u202fh"),
        (11_100, "3\u202fh 5\u202fmin"),
        (datetime.timedelta(days=2, hours=4), "2\u202fd 4\u202fh"),
    ],
)
def test_durations_show_their_two_largest_units(seconds: float, shown: str) -> None:
    assert circletake.duration(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (3, "just now"),
        (-3, "in a moment"),
        (50, "1\u202fmin ago"),
        (180, "3\u202fmin ago"),
        (3600, "1\u202fh ago"),
        (-7200, "in 2\u202fh"),
        (86400 * 2, "2\u202fd ago"),
        (86400 * 40, "4 Sep 2026"),
    ],
)
def test_times_are_relative_until_a_month_has_passed(seconds: int, shown: str) -> None:
    assert figures.relative_words(NOW - datetime.timedelta(seconds=seconds), NOW) == shown


def test_a_relative_time_carries_the_exact_one() -> None:
    shown = circletake.ago(NOW)
    assert 'datetime="2026-10-14T12:00:00+00:00"' in shown
    assert 'title="14 Oct 2026, 12:00:00 UTC"' in shown


@pytest.mark.parametrize(
    ("share", "css"),
    [
        ("0.799", "progress--plain"),
        ("0.8", "progress--warn"),
        ("0.99", "progress--warn"),
        ("1", "progress--full"),
    ],
)
def test_a_limit_turns_amber_at_eighty_percent_and_red_when_used_up(share: str, css: str) -> None:
    assert circletake.limit_class(Decimal(share)) == css


def test_a_bar_of_shares_gives_each_part_its_width_and_escapes_its_name() -> None:
    parts = [
        {"label": "<accepted>", "value": Decimal(3)},
        {"label": "open", "value": Decimal(1)},
        {"label": "none", "value": 0},
    ]
    bar = circletake.share_bar(parts, "Spend")
    assert 'x="0.000" width="750.000"' in bar
    assert 'x="750.000" width="250.000"' in bar
    assert "&lt;accepted&gt;" in bar
    assert "none" not in bar.replace('preserveAspectRatio="none"', "")


def test_a_sparkline_spans_its_box_and_leaves_gaps_out() -> None:
    assert circletake.polyline([Decimal(1), None, Decimal(3)]) == "0.00,20.00 100.00,0.00"


def test_names_become_two_letters() -> None:
    assert [circletake.initials(name) for name in ("Ana Rossi", "bo@example.org", "")] == ["AR", "BO", "?"]


def test_every_state_of_every_model_has_a_word_and_a_sign() -> None:
    values = {value for source in words.SOURCES for value in source.values if value}
    assert values - set(words.STATES) == set()
    assert values - set(words.LOOKS) == set()


def test_the_labels_of_the_field_are_on_the_chips() -> None:
    assert "Signed off" in circletake.state_chip("accepted")
    assert "Dropped" in circletake.state_chip("written_off")
    assert "Economy tier" in circletake.tier_chip("budget")


def link(label: str, **more: object) -> dict[str, object]:
    plain = {"href": "/w/a/", "icon": "home", "key": "", "count": 0, "due": False, "current": False}
    return {"label": label, **plain, **more}


def test_the_rail_marks_the_present_page_and_counts_what_waits() -> None:
    sections = [
        {"label": "", "links": [link("Home", current=True, key="g>h"), link("Queue", count=3)]},
        {"label": "Money & more", "links": [link("Approvals", count=12, due=True)]},
    ]
    shown = circletake.rail_links(sections)
    home, queue, approvals = shown.split("<a ")[1:]
    assert 'aria-current="page" data-key="g&gt;h"' in home
    assert 'class="count"' not in home
    assert '<span class="count">3</span>' in queue
    assert "aria-current" not in queue
    assert '<span class="count count--due">12</span>' in approvals
    assert '<p class="rail__label">Money &amp; more</p>' in shown
    assert circletake.rail_links([{"label": "", "links": [link("<b>")]}]).count("<b>") == 0
    bare = circletake.rail_links([{"links": [{"label": "Home", "href": "/", "icon": "home"}]}])
    assert "data-key" not in bare
