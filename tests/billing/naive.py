"""The audit of a history, worked out slowly from its two files: the reference for the product.

Nothing here comes from the product. Every figure is recomputed from the rows of the two files by
plain loops, in exact fractions, and rounded half-even to eight decimals at the very end.

Where the definitions leave a choice, these readings are taken:

 1. A later refund does not take back that a take was counted: its charged call did bring media.
 2. "Charged call" (what counts a take, and what names its model, tier and provider) is a row
    `charged`. `failed_charged` cost money and brought nothing, so it does neither.
 3. The facts of a take (counted or not, model, tier, provider) are those at the acceptance of its
    deliverable, like every other figure of the life to date.
 4. Rounds are those of counted takes, numbered within a deliverable; a take without a round is a
    round of its own. Split by a dimension, a round stands in the row of its first counted take
    (lowest number), so that the column adds up.
 5. `base` is null exactly where k = 0; the other ratios are null exactly where n = 0. So the
    draft row of a hero delivery has a base although no deliverable counts there.
 6. A row is shown where one of its figures differs from zero. Rows are ordered by key.
 7. A time row is split by its own columns (phase, tier, provider, model), as cash is by entry; by
    person it lies under "" unless the workspace switches persons on. The row is money already:
    no cap, rate or weight touches it. Without deliverable it belongs to no figure.
 8. "At the entry's instant" means after the decisions before that instant and before those at
    it, because charges come before decisions. So an entry at the instant of an acceptance is in
    its life to date, one at the instant of a reversal is late.
 9. `accepted` and `rejected` among the outcomes go by the take's mark at the month's end, that is
    by its latest decision, cleared by the reversal of its acceptance. An entry without a take is
    `accepted`, `written_off` or `open` (after the kinds that come first in the list).
10. A refund may give back a `charged` or a `failed_charged` row, once. As a row of its month it is
    `failed_refunded`; the charge is so from the month on in which the refund fell.
11. `effects` are null where one of the two months has no acceptance. A category is present in a
    month that accepted a deliverable of it. Generation cash is split by the entry's phase, takes
    by theirs.
12. `carried_back` is what lay in the accepted pot at the opening and was taken out by a reversal
    (though it may have come back with a new acceptance), and what came late to a deliverable that
    is not accepted at the month's end.
13. The rate of a row in the workspace's own currency is not used.
14. The same `id` with the same content changes nothing; with another content it is a bad line.
    A decision equal in all columns to an earlier one changes nothing; its time is compared as an
    instant, so that the same decision written with another offset is the same.
15. A row with a project and no campaign is a period cost.
16. A model's key is `provider/model`, and "" where the row names no model.
17. Versions (routing, pipeline, prompt template, seed policy) are no part of an imported history: they
    stand under "". What was kept since names them.
18. `loaded_cost_per_acceptable` and `cost_per_acceptable_with_shared` are ratios like the others:
    null with n = 0. The latter holds time, because `cost_per_acceptable` does.
19. A share of shared costs stands in the row in which its deliverable counts. What was taken by an
    acceptance of an earlier month and given back in this one is carried back.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from tests.billing.naive_kept import KeptBooks, by_step
from tests.billing.naive_lines import validate
from tests.billing.naive_month import CategoryPhases, Month, Share
from tests.billing.naive_rows import (
    DIMENSIONS,
    STAGES,
    WHOLE,
    Decision,
    Kept,
    Settings,
    instant,
    month_before,
    ratio,
    read_charges,
    read_decisions,
    round8,
    text8,
)

__all__ = [
    "DIMENSIONS",
    "WHOLE",
    "Reading",
    "Settings",
    "audit",
    "month_before",
    "text8",
    "validate",
]


def audit(
    charges: str,
    decisions: str,
    settings: Settings,
    *,
    month: str,
    by: str = "campaign",
    kept: Kept | None = None,
) -> dict[str, Any]:
    """The audit document of a month (YYYY-MM), amounts as strings with eight decimals."""
    return Reading(charges, decisions, settings, kept).audit(month, by)


class Reading:
    """The files, read once; each month is gone through once."""

    def __init__(self, charges: str, decisions: str, settings: Settings, kept: Kept | None = None) -> None:
        self.settings = settings
        self.charges, self.decisions = read_charges(charges, settings), read_decisions(decisions)
        self.months: dict[str, Month] = {}
        self.books = KeptBooks(kept, settings, self.charges) if kept else None
        if kept and self.books:
            self.charges = sorted([*self.charges, *self.books.charges], key=lambda charge: charge.at)
            said = [Decision(instant(row["at"]), row) for row in by_step(kept.decisions, "at")]
            self.decisions = sorted([*self.decisions, *said], key=lambda decision: decision.at)

    @classmethod
    def of(cls, history: Any) -> Reading:
        """Of a history's files (`tests.billing.histories.History`)."""
        return cls(history.charges, history.decisions, history.settings, history.kept)

    def month(self, name: str) -> Month:
        if name not in self.months:
            self.months[name] = Month(self.charges, self.decisions, self.settings, name)
        return self.months[name]

    def audit(self, month: str, by: str) -> dict[str, Any]:
        now, before = self.month(month), self.month(month_before(month))
        closed = self.books is not None and month in self.books.closed
        return {**document(now, before, by), "state": "closed" if closed else "open"}


def document(now: Month, before: Month, by: str) -> dict[str, Any]:
    return {
        "month": now.month,
        "currency": now.settings.currency,
        "time_zone": now.settings.time_zone,
        "totals": totals(now),
        "previous": totals(before),
        "effects": effects(before, now),
        "bridge": bridge(now),
        "outcomes": {kind: text8(value) for kind, value in now.outcomes().items()},
        "roll_forward": {name: text8(value) for name, value in roll_forward(now).items()},
        "rows": split(now, by),
    }


def figures(share: Share) -> dict[str, Any]:
    """What the totals and the rows of a split have in common."""
    time, shared = share.sums["time"], share.sums["shared"]
    return {
        "accepted": share.accepted,
        "takes": share.takes,
        "rounds": share.rounds,
        "multiplier": text8(ratio(share.takes, share.accepted)),
        "base": text8(ratio(share.sums["generation"], share.takes)),
        **{stage: text8(share.sums[stage]) for stage in STAGES},
        "time": text8(time),
        "cash": text8(share.cash),
        "cash_per_acceptable": text8(ratio(share.cash, share.accepted)),
        "cost_per_acceptable": text8(ratio(share.cash + time, share.accepted)),
        "shared": text8(shared),
        "cost_per_acceptable_with_shared": text8(ratio(share.cash + time + shared, share.accepted)),
    }


def whole(month: Month) -> Share:
    return month.shares(None).get("", Share())


def totals(month: Month) -> dict[str, Any]:
    share, moved = whole(month), roll_forward(month)
    loaded = moved["accepted"] + moved["written_off"] + moved["period"]
    return {
        **figures(share),
        "late": text8(late(month)),
        "loaded_cost_per_acceptable": text8(ratio(loaded, share.accepted)),
    }


def late(month: Month) -> Fraction:
    return sum((charge.booked for charge in month.late_rows()), Fraction(0))


def bridge(month: Month) -> dict[str, str | None]:
    """cost of accepted = cash + late + shared - carried back."""
    return {
        "cash": text8(whole(month).cash),
        "late": text8(late(month)),
        "shared": text8(whole(month).sums["shared"]),
        "carried_back": text8(month.carried_back()),
    }


def roll_forward(month: Month) -> dict[str, Fraction]:
    """The growth of the pots, each term from the rows alone, so that the identity can fail."""
    opening, closing = month.pots(month.start), month.pots(month.end)
    return {
        "opening_wip": opening["open"],
        "spend": sum((charge.booked for charge in month.spent), Fraction(0)),
        "accepted": closing["accepted"] - opening["accepted"],
        "written_off": closing["written_off"] - opening["written_off"],
        "period": closing["period"] - opening["period"],
        "closing_wip": closing["open"],
    }


def split(month: Month, by: str) -> list[dict[str, Any]]:
    shares = month.shares(by)
    return [
        {"key": key, "name": key, **figures(shares[key])}
        for key in sorted(shares)
        if shares[key].accepted or shares[key].takes or any(shares[key].sums.values())
    ]


def effects(before: Month, now: Month) -> dict[str, str | None] | None:
    """What moved the cash per acceptable deliverable, by category and phase."""
    old, new = whole(before), whole(now)
    if not old.accepted or not new.accepted:
        return None
    price = multiplier = rest = Fraction(0)
    olds, news = before.phases_by_category(), now.phases_by_category()
    for category in olds:
        if category not in news:
            continue
        weight = Fraction(news[category].accepted, new.accepted)
        parts = moved_by(olds[category], news[category])
        price += weight * parts[0]
        multiplier += weight * parts[1]
        rest += weight * parts[2]
    price, multiplier, rest = round8(price), round8(multiplier), round8(rest)
    change = round8(new.cash / new.accepted) - round8(old.cash / old.accepted)
    return {
        "price": text8(price),
        "multiplier": text8(multiplier),
        "rest": text8(rest),
        "mix": text8(change - price - multiplier - rest),
    }


def moved_by(old: CategoryPhases, new: CategoryPhases) -> tuple[Fraction, Fraction, Fraction]:
    """Price, multiplier and rest inside one category; a phase without takes borrows its base."""
    price = multiplier = Fraction(0)
    for phase in sorted(set(old.takes) | set(new.takes)):
        takes_old, takes_new = old.takes.get(phase, 0), new.takes.get(phase, 0)
        base_old = ratio(old.generation.get(phase, Fraction(0)), takes_old)
        base_new = ratio(new.generation.get(phase, Fraction(0)), takes_new)
        base_old = base_new if base_old is None else base_old
        base_new = base_old if base_new is None else base_new
        assert base_old is not None
        assert base_new is not None
        per_old = Fraction(takes_old, old.accepted)
        per_new = Fraction(takes_new, new.accepted)
        price += (base_new - base_old) * per_old
        multiplier += base_new * (per_new - per_old)
    return price, multiplier, new.rest / new.accepted - old.rest / old.accepted
