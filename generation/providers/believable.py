"""What of a provider's answer can be written down and reckoned with; a figure beyond that is none at all.

Rows have so much room, and one answer that does not fit must not keep its neighbours' from being written.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from projects.plain import made_plain

MOST_UNITS = Decimal(10) ** 9
"""More than any call is billed for, in whatever unit or currency."""

MOST_SEED = 2**63 - 1
TEXTS = ("url", "text", "media_type", "role", "job_id", "other_id", "handle", "charge_currency")


def amount(number: Decimal | None) -> Decimal | None:
    """Units or money; None for what is no number, negative, or more than any call can cost."""
    if number is None or not number.is_finite():
        return None
    return number if 0 <= number < MOST_UNITS else None


def progress(share: Decimal | None) -> Decimal | None:
    """A share from 0 to 1."""
    return share if share is not None and share.is_finite() and 0 <= share <= 1 else None


def tokens(number: int | None) -> int | None:
    return number if number is not None and 0 <= number < MOST_UNITS else None


def seed(number: int | None) -> int | None:
    return number if number is not None and abs(number) <= MOST_SEED else None


FIGURES: dict[str, Callable[[Any], Any]] = {
    "billed_units": amount,
    "charge": amount,
    "input_tokens": tokens,
    "output_tokens": tokens,
    "progress": progress,
    "seed": seed,
}


class Believable:
    """A frozen dataclass whose texts and figures are such as can be kept."""

    def __post_init__(self) -> None:
        told: dict[str, Any] = vars(self)
        for name in TEXTS:
            if name in told:
                object.__setattr__(self, name, made_plain(told[name]))
        for name, check in FIGURES.items():
            if name in told:
                object.__setattr__(self, name, check(told[name]))
