"""The price that somebody agreed to: what became dearer since is refused, and shown at its new price."""

from __future__ import annotations

from decimal import Decimal

from generation.figures import money_words, shared_digits
from projects.problems import Refused


class Dearer(Refused):
    """It costs more than was confirmed; the new price is shown and can be confirmed."""

    title = "The price has changed"


def check(*, what: str, at_most: Decimal, confirmed: Decimal | None, currency: str) -> None:
    """Raises Dearer where `what` may cost more than `confirmed`; None agrees to any price."""
    if confirmed is None or at_most <= confirmed:
        return
    digits = shared_digits((at_most, confirmed), currency)
    now, before = (money_words(amount, currency, digits=digits) for amount in (at_most, confirmed))
    raise Dearer(
        f"{what} may cost {now} now; {before} was confirmed.",
        remedy="Look at the new price and confirm it.",
        extra={"at_most": f"{at_most:.8f}", "confirmed": f"{confirmed:.8f}"},
    )
