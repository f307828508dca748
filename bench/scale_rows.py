"""The history that every workspace of the scale measurement is made of: plausible rows, the same each time.

A deliverable has ten cash rows over some days: a control pass, drafts, a hero render with its refinement, and
a refund, a failure that was charged or one draft more. Of twenty, two stay open, one is dropped, one is taken
back later, one is dropped and taken up again, one gets a bill after it was signed off, and the rest are
signed off as usual.
"""

from __future__ import annotations

import datetime
import zoneinfo
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from generation.demo import cast
from tests.billing.naive_lines import CHARGE_COLUMNS, DECISION_COLUMNS
from tests.billing.written import charge, decision, file_of, refund

ROWS = 10
"""Cash rows of a deliverable."""
MONTHS = 24
FIRST_MONTH = 0.053
"""What of all work falls into the first month; the others share the rest."""
PROJECTS, CAMPAIGNS = 10, 6
CATEGORIES = ("brand-film", "social-cut", "product-still", "character-scene", "explainer")
MODELS = (
    ("fal", "fal-ai/flux-2", "speed", "0.05"),
    ("fal", "fal-ai/nano-banana", "speed", "0.039"),
    ("bfl", "flux-2-pro", "speed", "0.03"),
    ("runway", "gen4_image_turbo", "budget", "0.02"),
    ("stability", "generate/core", "budget", "0.03"),
    ("openai", "gpt-image-1-mini", "speed", "0.011"),
)
HEROES = (
    ("fal", "fal-ai/veo3.1", "cinematic", "3.20"),
    ("runway", "gen4.5", "cinematic", "1.25"),
    ("kling", "kling-3.0", "cinematic", "1.12"),
    ("luma", "ray-3.2", "cinematic", "1.80"),
)
PEOPLE = (cast.ANA, cast.BEN, cast.CHLOE, cast.DARIO)
ZONE = zoneinfo.ZoneInfo("Europe/Berlin")
HOUR, DAY = datetime.timedelta(hours=1), datetime.timedelta(days=1)
Row = dict[str, str]


class Files(NamedTuple):
    charges: bytes
    decisions: bytes


def files(*, entries: int, until: datetime.datetime) -> Files:
    """Both files of a history with so many cash rows, or a few less: nothing is dated after `until`."""
    starts = month_starts(until)
    charges: list[Row] = []
    decisions: list[Row] = []
    for number, start in enumerate(_begun(entries // ROWS, starts, until)):
        for at, row in _charged(number, start):
            if at < until:
                charges.append(row)
        for at, row in _decided(number, start):
            if at < until:
                decisions.append(row)
    charges += [_subscription(index, at) for index, at in enumerate(starts)]
    options = (*CHARGE_COLUMNS, "rate", "round", "person")
    return Files(file_of(options, charges).encode(), file_of(DECISION_COLUMNS, decisions).encode())


def month_starts(until: datetime.datetime) -> list[datetime.datetime]:
    """The first instants of the last months, in the workspaces' zone; the running one is the last."""
    local = until.astimezone(ZONE)
    last = local.year * 12 + local.month - 1
    return [
        datetime.datetime(month // 12, month % 12 + 1, 1, tzinfo=ZONE)
        for month in range(last - MONTHS + 1, last + 1)
    ]


def _begun(
    count: int, starts: Sequence[datetime.datetime], until: datetime.datetime
) -> Iterator[datetime.datetime]:
    """When each deliverable begins: most of the work of a month lies in its first eighteen days."""
    first = round(count * FIRST_MONTH)
    for number in range(count):
        month = 0 if number < first else 1 + (number - first) * (MONTHS - 1) // (count - first)
        days = 18.0 if month < MONTHS - 1 else max(1.0, (until - starts[-1]) / DAY - 6)
        share = number * 0.618_034 % 1
        yield starts[month] + DAY * (share * days) + 8 * HOUR


def _charged(number: int, start: datetime.datetime) -> Iterator[tuple[datetime.datetime, Row]]:
    drafts = [_draft(number, take, start) for take in range(1, 7)]
    yield from drafts
    yield _row(number, 8, start - HOUR, "1", MODELS[5], stage="control", phase="draft", round="1")
    hero = HEROES[number % len(HEROES)]
    at = start + 2 * DAY
    yield _row(number, 0, at, "7", hero, phase="hero", round="3")
    refined = start + (8 * DAY if number % 20 == 5 else 2 * DAY + HOUR)
    yield _row(number, 7, refined, "7", ("fal", "fal-ai/topaz/upscale/video", "refine", "0.30"), phase="hero",
               stage="refinement", round="3")  # fmt: skip
    if number % 4 == 0:
        given_back = start + 6 * DAY
        yield given_back, refund(number * ROWS + 9, given_back.isoformat(), drafts[1][1])
    elif number % 4 == 1:
        yield _row(
            number, 9, start + 9 * HOUR, "8", MODELS[0], phase="draft", charge="failed_charged", round="2"
        )
    else:
        yield _draft(number, 9, start, take="8")


def _draft(
    number: int, place: int, start: datetime.datetime, take: str = ""
) -> tuple[datetime.datetime, Row]:
    at = start + place * HOUR
    words = {"phase": "draft", "round": "1" if place < 4 else "2"}
    return _row(number, place, at, take or str(place), MODELS[(number + place) % len(MODELS)], **words)


def _row(
    number: int,
    place: int,
    at: datetime.datetime,
    take: str,
    model: tuple[str, str, str, str],
    **words: str,
) -> tuple[datetime.datetime, Row]:
    provider, endpoint, tier, amount = model
    foreign = {"currency": "USD", "rate": f"0.{910 + number % 30}"} if provider in ("fal", "runway") else {}
    cells = {
        "provider": provider,
        "model": endpoint,
        "tier": tier,
        "category": CATEGORIES[number % len(CATEGORIES)],
        "person": PEOPLE[number % len(PEOPLE)].email,
        **_place(number),
        **foreign,
        **words,
    }
    return at, charge(number * ROWS + place, at.isoformat(), f"d{number:06}", take, amount, **cells)


def _place(number: int) -> Row:
    campaign = number % (PROJECTS * CAMPAIGNS)
    return {"project": f"client-{campaign % PROJECTS + 1}", "campaign": f"work-{campaign // PROJECTS + 1}"}


def _decided(number: int, start: datetime.datetime) -> Iterator[tuple[datetime.datetime, Row]]:
    signed = start + 3 * DAY
    said = [(start + 10 * HOUR, "1", "reject")]
    kind = number % 20
    if kind == 2:
        said.append((signed, "", "write_off"))
    elif kind == 4:
        said += [(signed, "", "write_off"), (signed + DAY, "", "reverse"), (signed + 2 * DAY, "7", "accept")]
    elif kind > 1:
        said += [(start + DAY, "3", "select"), (signed, "7", "accept")]
        if kind == 3:
            said.append((signed + 20 * DAY, "7", "reverse"))
    for at, take, word in said:
        yield at, {**decision(at.isoformat(), f"d{number:06}", take, word), **_place(number),
                   "by": PEOPLE[(number + 1) % len(PEOPLE)].email}  # fmt: skip


def _subscription(index: int, month: datetime.datetime) -> Row:
    """A cost of the month itself."""
    at = month + 9 * HOUR
    row = charge(10**9 + index, at.isoformat(), "", "", "20.00", provider="runway", model="", tier="")
    return {**row, "project": "", "campaign": "", "stage": ""}
