"""Makes the demo workspace: all of it, or nothing where a small one is interrupted."""

from __future__ import annotations

import contextlib
import datetime
import random
from collections.abc import Callable

from django.db import connection, transaction

from billing import ledger, month_sums, pot_days, spend_days
from generation.demo import cast, history, limits, recent, studio
from generation.demo.calendar import DAY
from generation.demo.easel import easel
from generation.demo.sizes import SIZES
from projects import identifiers
from projects.models import Workspace
from projects.problems import Refused
from routing import catalogue
from routing.models import CatalogueModel

Say = Callable[[str], object]
SEED = 20_240_229
IN_ONE_PIECE = 5_000  # takes that one transaction may write


class DemoExists(Refused):
    """There is such a workspace already; nothing was changed."""

    title = "The demo is there already"


def build(
    *, size: str, today: datetime.date, say: Say, slug: str = cast.SLUG, processes: int = 2
) -> Workspace:
    """The workspace `slug` with a year of work up to yesterday; raises DemoExists.

    Recent takes are drawn in so many processes; with 0, in this one.
    """
    if Workspace.objects.filter(slug=slug).exists():
        raise DemoExists(f"There is a workspace {slug}.", remedy="Take another name with --workspace.")
    wanted = SIZES[size]
    end = datetime.datetime.combine(today, datetime.time.min, datetime.UTC)
    ledger.ensure_partitions(end - 430 * DAY, end)
    if not CatalogueModel.objects.filter(workspace=None).exists():
        catalogue.load(today=today)
    dice = random.Random(f"{SEED}:{slug}:{size}")  # noqa: S311 - nothing secret
    milliseconds = int(end.timestamp() * 1000)
    whole = transaction.atomic() if wanted.takes <= IN_ONE_PIECE else contextlib.nullcontext()
    with whole, identifiers.repeatable(seed=dice.getrandbits(64), milliseconds=milliseconds):
        say(f"{studio.NAME}: people, clients, prices")
        made = studio.furnish(slug=slug, size=wanted, today=today, dice=dice)
        say("A year of work")
        count = history.write(made, wanted, dice=dice, say=say)
        say("The last two weeks, drawn by the built-in renderer")
        with transaction.atomic(), easel(made.workspace, processes=processes) as drawing:
            count += recent.make(made, drawing, scenes=wanted.scenes)
            limits.set_all(made)
    say("The months added up")
    while month_sums.fold_step(made.workspace):
        pass
    if wanted.takes > IN_ONE_PIECE:
        pot_days.compact(now=end)
        spend_days.compact(now=end)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")
    say(f"The demo workspace is ready: {count:,} takes.")
    return made.workspace
