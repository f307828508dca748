"""What comes from outside, before it is believed: text that the database can hold, whole numbers, JSON."""

from __future__ import annotations

import json
import math
import re
from typing import Any

MOST_DIGITS = 18
"""As many as every identifier of the database has room for."""

UNHELD = re.compile("[\x00\ud800-\udfff]")
STAND_IN = "\N{REPLACEMENT CHARACTER}"


def is_plain(text: str) -> bool:
    """Whether the database can hold the text: no NUL and no half of a surrogate pair."""
    return not UNHELD.search(text)


def made_plain(found: Any) -> Any:
    """A text, or all texts and names of a JSON value, with a stand-in for what the database cannot hold.

    A float that is no finite number becomes None: JSON has none of these.
    """
    match found:
        case str():
            return UNHELD.sub(STAND_IN, found)
        case dict():
            return {made_plain(name): made_plain(value) for name, value in found.items()}
        case list() | tuple():
            return [made_plain(value) for value in found]
        case float() if not math.isfinite(found):
            return None
    return found


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
