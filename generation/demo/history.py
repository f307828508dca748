"""The year's work in bulk: stories until there are enough takes, and the costs that belong to none."""

from __future__ import annotations

import collections
import datetime
import random
import time
from collections.abc import Callable, Iterator
from decimal import Decimal

from django.db import connection, transaction

from billing import ledger
from billing.models import Entry
from generation.demo.calendar import DAY
from generation.demo.chunk import Chunk
from generation.demo.sizes import Size
from generation.demo.story import SHARES, Story
from generation.demo.studio import Body, Studio
from projects import identifiers

Say = Callable[[str], object]
FINISHED_BEFORE_END = 12 * DAY
FIRST_CHUNKS = (100, 250, 1_000)  # stories; small ones, since the tables are empty
LOOKS = (100, 1_000, 5_000, 20_000, 100_000)
MONTHLY = (
    ("subscription", Decimal("6.00"), "studio seat, unused share"),
    ("bank", Decimal("0.40"), "exchange difference"),
)


def write(studio: Studio, size: Size, *, dice: random.Random, say: Say) -> int:
    """Writes stories chunk by chunk, each in a transaction; answers how many takes there are."""
    numbers: dict[Body, int] = collections.Counter()
    takes, began = 0, time.monotonic()
    chunk = Chunk()
    for told, (body, at) in enumerate(_places(studio, size, dice), 1):
        numbers[body] += 1
        category = dice.choices(list(SHARES), [share for share, _ in SHARES.values()])[0]
        takes += Story(studio, chunk, dice, body, category, numbers[body], at).tell()
        if told in FIRST_CHUNKS or told % size.stories_a_chunk == 0:
            chunk = _written(studio, chunk)
            _progress(say, takes, size, began)
        if told in LOOKS:
            _look_at_tables()
        if takes >= size.takes and told >= size.unfinished:
            break
    _written(studio, chunk)
    with transaction.atomic():
        ledger.book_many(workspace=studio.workspace, cash=_elsewhere(studio, dice))
    return takes


def _written(studio: Studio, chunk: Chunk) -> Chunk:
    with transaction.atomic():
        chunk.write(studio.workspace)
    return Chunk()


def _look_at_tables() -> None:
    """Lets the planner know that the tables have grown: triggers keep plans that were made for empty ones."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE projects_decision, projects_deliverable, projects_take, billing_entry")


def _places(studio: Studio, size: Size, dice: random.Random) -> Iterator[tuple[Body, datetime.datetime]]:
    """Campaign and first instant of each story: the unfinished ones first, then the year's others."""
    year = studio.year
    running = [body for body in studio.bodies if body.ends >= year.end]
    for _ in range(size.unfinished):
        yield dice.choice(running), year.end - dice.uniform(0.5, 11) * DAY
    in_catalogue = index = 0
    span = year.end - FINISHED_BEFORE_END - year.start
    while True:
        index += 1
        at = year.start + span * dice.random() ** 0.75  # the studio grows
        if index % size.catalogue_every == 0 and in_catalogue < size.catalogue:
            in_catalogue += 1
            yield studio.catalogue, at
            continue
        active = [body for body in studio.bodies if body.starts <= at < body.ends]
        yield dice.choice(active or studio.bodies), at


def _elsewhere(studio: Studio, dice: random.Random) -> Iterator[Entry]:
    """Each month's costs of no campaign, and what was paid for whole campaigns."""
    year = studio.year
    for month in year.months:
        at = datetime.datetime.fromisoformat(f"{month}-02T09:00:00+00:00")
        if at >= year.end:
            continue
        for provider, amount, note in MONTHLY:
            yield _cost(
                studio, dice, None, at, provider, amount + Decimal(dice.randrange(0, 300)) / 100, note
            )
    for body in studio.bodies:
        at = body.starts + DAY
        if at < year.end:
            amount = Decimal(dice.randrange(150, 900)) / 100
            yield _cost(studio, dice, body, at, "fal", amount, "reference plates for the campaign")


def _cost(
    studio: Studio,
    dice: random.Random,
    body: Body | None,
    at: datetime.datetime,
    provider: str,
    amount: Decimal,
    note: str,
) -> Entry:
    return Entry(
        id=identifiers.of(int(at.timestamp() * 1000), dice.getrandbits(74)),
        workspace_id=studio.workspace.pk,
        kind="charge",
        amount=amount,
        native_amount=amount,
        native_currency=studio.workspace.currency,
        rate=Decimal(1),
        service_at=at,
        booked_at=at,
        effective_at=at,
        stage="control" if body else "",
        project_id=body.campaign.project_id if body else None,
        campaign_id=body.campaign.pk if body else None,
        provider=provider,
        calculation=f"{amount} {studio.workspace.currency}, as billed",
        note=note,
    )


def _progress(say: Say, takes: int, size: Size, began: float) -> None:
    seconds = time.monotonic() - began
    share = min(1.0, takes / size.takes)
    say(f"  {takes:,} of {size.takes:,} takes, {seconds:.0f} s of about {seconds / share:.0f} s")
