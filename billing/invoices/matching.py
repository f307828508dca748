"""Which line bills which charge: by job id, then by model, time and amount. Pure, and always the same.

Lines and charges are sorted once; every later step is a look-up or one sweep over time, so 200,000 of each
take seconds.
"""

from __future__ import annotations

import bisect
import collections
import dataclasses
import datetime
import itertools
import uuid
from collections.abc import Iterable, Sequence
from decimal import Decimal

from billing.invoices.lines import Line
from billing.models import InvoiceTolerance
from billing.models.invoices import LineKind
from billing.models.reconciliation import MatchBy

DAY_ONLY = datetime.timedelta(hours=14)
"""A line that gives a day was at its noon UTC: any time of that day, in any zone of the world but a few."""


@dataclasses.dataclass(slots=True)
class Item:
    """A charge of ours less what was given back of it, or a refund by itself (negative)."""

    id: uuid.UUID
    at: datetime.datetime
    amount: Decimal
    native: Decimal | None
    currency: str
    rate: Decimal | None
    model: str
    job_id: str
    call: uuid.UUID | None
    take: uuid.UUID | None
    price_row: uuid.UUID | None
    about: uuid.UUID | None = None  # the charge that a refund gives back, or a correction is about
    units: Decimal | None = None  # of the price row
    netted: list[uuid.UUID] = dataclasses.field(default_factory=list)  # refunds that `amount` contains


Placed = tuple[Decimal, datetime.datetime, uuid.UUID, Item]  # sorts by amount, then time


@dataclasses.dataclass(slots=True)
class Pair:
    """Lines that bill one item, in the order of the file, and why."""

    lines: list[Line]
    item: Item
    by: str
    why: str


@dataclasses.dataclass
class Matched:
    pairs: list[Pair]
    duplicates: list[tuple[Line, str]]
    lines: list[Line]  # found nowhere
    items: list[Item]  # billed nowhere


def match(
    lines: Iterable[Line], items: Iterable[Item], tolerance: InvoiceTolerance, provider: str
) -> Matched:
    """Pairs what fits. Credits meet refunds and usage meets charges; taxes and fees meet nothing."""
    lines = sorted(lines, key=lambda line: (line.service_at, line.number, line.digest))
    items = sorted(items, key=lambda item: (item.at, item.id))
    found = Matched([], [], [], [])
    for kind, sign in ((LineKind.CREDIT, -1), (LineKind.USAGE, 1)):
        own = [line for line in lines if line.kind == kind]
        side = [item for item in items if (item.amount < 0) == (sign < 0)]
        own, side = _by_job(own, side, found)
        own, side = _by_details(own, side, tolerance, found, provider)
        found.lines += own
        found.items += side
    found.lines += [line for line in lines if line.kind not in (LineKind.CREDIT, LineKind.USAGE)]
    return found


def _by_job(lines: Sequence[Line], items: Sequence[Item], found: Matched) -> tuple[list[Line], list[Item]]:
    known: dict[str, Item] = {}
    for item in items:
        if item.job_id:
            known.setdefault(item.job_id, item)
    groups: dict[str, list[Line]] = collections.defaultdict(list)
    rest: list[Line] = []
    for line in lines:
        (groups[line.job_id] if line.job_id else rest).append(line)
    taken: set[uuid.UUID] = set()
    for job_id, group in groups.items():
        parts = _parts(group, found)
        own = known.get(job_id)
        if own is None:
            rest += parts
            continue
        taken.add(own.id)
        many = f" in {len(parts)} lines" if len(parts) > 1 else ""
        found.pairs.append(Pair(parts, own, MatchBy.JOB, f"job {job_id}{many}"))
    rest.sort(key=lambda line: (line.service_at, line.number, line.digest))
    return rest, [item for item in items if item.id not in taken]


def _parts(group: Sequence[Line], found: Matched) -> list[Line]:
    """The lines of one job, without those that repeat another of them: these are duplicates."""
    first: dict[tuple[object, ...], Line] = {}
    for line in group:
        same = (line.model, line.unit, line.description, line.quantity, line.native_amount)
        if same in first:
            said = f"job {line.job_id} is billed in line {first[same].number} already"
            found.duplicates.append((line, said))
        else:
            first[same] = line
    return list(first.values())


def _by_details(
    lines: list[Line], items: list[Item], tolerance: InvoiceTolerance, found: Matched, provider: str
) -> tuple[list[Line], list[Item]]:
    """By model, time and amount: the same amount first, then the nearest within the tolerance.

    A line with a job id never meets a charge with another one. Lines without a model come last.
    """
    with_job = [line for line in lines if line.job_id]
    without = [line for line in lines if not line.job_id]
    nameless = [item for item in items if not item.job_id]
    details = _Details(tolerance, found, provider)
    for own, among in ((with_job, nameless), (without, items)):
        for modelled, day_only in itertools.product((True, False), (False, True)):
            chosen = [line for line in own if (bool(line.model), line.day_only) == (modelled, day_only)]
            details.same_amount(chosen, among, modelled)
            details.near_amount(chosen, among, modelled)
    return (
        [line for line in lines if line.digest not in details.lines],
        [item for item in items if item.id not in details.items],
    )


class _Details:
    def __init__(self, tolerance: InvoiceTolerance, found: Matched, provider: str) -> None:
        self.tolerance, self.found, self.provider = tolerance, found, provider
        self.lines: set[str] = set()
        self.items: set[uuid.UUID] = set()
        self.reach = datetime.timedelta(minutes=tolerance.minutes)

    def same_amount(self, lines: Sequence[Line], items: Sequence[Item], modelled: bool) -> None:
        """Within each model and amount both sides are in the order of time: the earliest that fits."""
        free: dict[tuple[str, str, Decimal], collections.deque[Item]] = collections.defaultdict(
            collections.deque
        )
        for item in items:
            if item.id not in self.items:
                free[_of_item(item, modelled), *_comparable(item)].append(item)
        for line in lines:
            reach = self._reach(line)
            key = _of_line(line, modelled, self.provider)
            for queue in (
                free.get((key, line.currency, line.native_amount)),
                free.get((key, "", line.amount)),
            ):
                while queue and queue[0].at < line.service_at - reach:
                    queue.popleft()
                if queue and queue[0].at <= line.service_at + reach:
                    self._pair(line, queue.popleft())
                    break

    def near_amount(self, lines: Sequence[Line], items: Sequence[Item], modelled: bool) -> None:
        """One sweep over time; the charges within reach lie sorted by amount."""
        groups: dict[str, list[Item]] = collections.defaultdict(list)
        for item in items:
            if item.id not in self.items:
                groups[_of_item(item, modelled)].append(item)
        own: dict[str, list[Line]] = collections.defaultdict(list)
        for line in lines:
            if line.digest not in self.lines:
                own[_of_line(line, modelled, self.provider)].append(line)
        for key, waiting in own.items():
            self._sweep(waiting, groups.get(key, ()))

    def _sweep(self, lines: Sequence[Line], items: Sequence[Item]) -> None:
        within: list[Placed] = []
        leaving: collections.deque[Placed] = collections.deque()
        coming = collections.deque(items)
        for line in lines:
            reach = self._reach(line)
            while coming and coming[0].at <= line.service_at + reach:
                item = coming.popleft()
                entry = (item.amount, item.at, item.id, item)
                bisect.insort(within, entry)
                leaving.append(entry)
            while leaving and leaving[0][1] < line.service_at - reach:
                _remove(within, leaving.popleft())
            nearest = self._nearest(line, within)
            if nearest:
                _remove(within, nearest)
                self._pair(line, nearest[3])

    def _nearest(self, line: Line, within: list[Placed]) -> Placed | None:
        place = bisect.bisect_left(within, (line.amount,))
        around = within[max(place - 1, 0) : place + 1]
        fitting = [entry for entry in around if is_within(line.amount - entry[0], entry[0], self.tolerance)]
        return min(fitting, key=lambda entry: (abs(line.amount - entry[0]), entry[:3]), default=None)

    def _reach(self, line: Line) -> datetime.timedelta:
        return max(self.reach, DAY_ONLY) if line.day_only else self.reach

    def _pair(self, line: Line, item: Item) -> None:
        self.lines.add(line.digest)
        self.items.add(item.id)
        minutes = round(abs((line.service_at - item.at).total_seconds()) / 60)
        apart = "the same day" if line.day_only else f"{minutes} min apart"
        part = line.amount - item.amount
        amount = "the same amount" if not part else f"{part.normalize():+f} off"
        model = f"model {line.model}" if line.model else "no model named"
        self.found.pairs.append(Pair([line], item, MatchBy.DETAILS, f"{model}, {apart}, {amount}"))


def is_within(part: Decimal, ours: Decimal, tolerance: InvoiceTolerance) -> bool:
    """Whether a difference is no more than the tolerance's money, or no more than its share of ours."""
    return abs(part) <= max(tolerance.money, tolerance.share * abs(ours))


def _of_item(item: Item, modelled: bool) -> str:
    """The model without its provider, as bills name it; empty where lines name none."""
    return item.model.partition("/")[2].lower() if modelled else ""


def _of_line(line: Line, modelled: bool, provider: str) -> str:
    return line.model.lower().strip("/").removeprefix(f"{provider.lower()}/") if modelled else ""


def _comparable(item: Item) -> tuple[str, Decimal]:
    """The amount by which a line is sought: the native one, else that in our currency under `""`."""
    return (item.currency, item.native) if item.native is not None else ("", item.amount)


def _remove(within: list[Placed], entry: Placed) -> None:
    place = bisect.bisect_left(within, entry)
    if place < len(within) and within[place] is entry:
        del within[place]
