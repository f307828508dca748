"""What comes from outside: only what the database can hold is believed."""

from __future__ import annotations

import pytest

from projects.plain import is_plain, read_json, whole_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7),
        ("0", 0),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("²", None),
        ("9" * 18, int("9" * 18)),
        ("9" * 19, None),
        ("9" * 5000, None),
    ],
)
def test_a_whole_number_names_a_row_or_is_none(text: str, number: int | None) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize(("text", "plain"), [("Café 🎬", True), ("a\x00b", False), ("\ud800", False)])
def test_text_is_plain_where_the_database_can_hold_it(text: str, plain: bool) -> None:
    assert is_plain(text) == plain


def test_json_is_read_as_it_stands() -> None:
    assert read_json('{"a": [1, "\\u00e9"]}') == {"a": [1, "é"]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"a":' * 5000,
        "[" * 200_000,
        "[" + "9" * 5000 + "]",
        "[NaN]",
        "[1e999]",
        '["\\u0000"]',
        '["\\ud800"]',
    ],
)
def test_json_that_cannot_be_kept_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        read_json(text)
