"""One text for one content, and its hash: what a request is known by."""

from __future__ import annotations

import datetime
import hashlib
import json
from decimal import Decimal
from typing import Any


def canonical(content: Any) -> str:
    """JSON with sorted keys and no blanks; decimals and times as text, so that nothing is rounded."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_text)


def digest(content: Any) -> str:
    """SHA-256 of the canonical form, in hexadecimal."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def plain(content: Any) -> Any:
    """The content as it comes back from the database: decimals and times as text."""
    return json.loads(canonical(content))


def _text(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no canonical form")
