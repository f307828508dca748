"""What comes from outside, before it is believed: text that the database can hold, whole numbers, JSON."""

from __future__ import annotations

import json
import re
from typing import Any

MOST_DIGITS = 18
"""As many as every identifier of the database has room for."""


def is_plain(text: str) -> bool:
    """Whether the database can hold the text: no NUL and no half of a surrogate pair."""
    return "\x00" not in text and not re.search("[\ud800-\udfff]", text)


def whole_number(text: str) -> int | None:
    """The number that an address or a cell names; None for what is none, or is too large to name a row."""
    return int(text) if text.isdecimal() and len(text) <= MOST_DIGITS else None


def read_json(text: str) -> Any:
    """What the JSON says; raises ValueError for what is none or cannot be kept."""
    try:
        found = json.loads(text)
        written = json.dumps(found, ensure_ascii=False, allow_nan=False)
    except RecursionError:
        raise ValueError("It is nested too deeply.") from None
    if "\\u0000" in written or not is_plain(written):
        raise ValueError("It has characters that no text has: NUL, or half of a pair.")
    return found
