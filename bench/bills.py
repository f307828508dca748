"""A provider's bill against its month: `python -m bench.bills [--lines 200000]`.

An embedded database of its own holds as many charges as the bill has lines; half of the lines name a job, the
others are found by model, time and amount, and one line in a thousand differs. Nothing else is measured than
what the import itself does: reading and checking the file, writing its lines, comparing the month.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import os
import resource
import time
from decimal import Decimal
from typing import Any

from bench import stage

START = datetime.datetime(2026, 10, 1, 0, 10, tzinfo=datetime.UTC)
MONTH = datetime.timedelta(days=30, hours=20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, nargs="+", default=[200_000])
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(stage.data_dir())
        from circletake import postgres

        server = postgres.Server(folder)
        server.start()
        stack.callback(server.stop)
        os.environ.update(stage.environment(folder, stage.free_port()))
        os.environ["DATABASE_URL"] = postgres.url(folder)
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        for number, lines in enumerate(options.lines):
            print(measure(f"bench-{number}", lines), flush=True)


def measure(slug: str, count: int) -> str:
    from billing.invoices import imports, statement, withdrawing
    from billing.models import Invoice

    member, content = planted(slug, count)
    said: dict[str, Any] = {"provider": "fal", "month": "2026-10", "source": "invoice"}
    bill = imports.Bill(content=content, file_name="fal.csv", **said)
    took = {}
    with timed(took, "look"):
        assert imports.preview(bill, by=member).line_count == count
    with timed(took, "import"):
        done = imports.bring_in(bill, by=member)
    with timed(took, "again"):
        assert imports.bring_in(bill, by=member).lines == 0
    with timed(took, "page"):
        found = statement.statement(member.workspace, "fal", "2026-10")
    with timed(took, "withdraw"):
        withdrawing.withdraw(invoice=Invoice.objects.get(pk=done.invoice.pk), reason="Measured", by=member)
    assert (done.lines, done.differences, found.not_compared) == (count, count // 1000, 0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    words = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in took.items())
    return f"{count:,} lines of {len(content) / 2**20:.1f} MiB: {words}; peak memory {peak:.0f} MiB"


@contextlib.contextmanager
def timed(took: dict[str, float], name: str) -> Any:
    began = time.monotonic()
    yield
    took[name] = time.monotonic() - began


def planted(slug: str, count: int) -> tuple[Any, bytes]:
    """A workspace with so many charges in the month; its finance, and the bill."""
    from tests import factories
    from tests.billing import invoicing

    workspace = factories.workspace(slug)
    member = factories.membership(workspace, "finance")
    take = factories.take(factories.deliverable(factories.campaign(factories.project(workspace))))
    row, step = invoicing.price_row(member), MONTH / count
    places = [(f"{slug}-{place}", START + place * step) for place in range(count)]
    invoicing.book(take, (invoicing.entry(take, job, at, "0.05", row) for job, at in places))
    lines = [
        invoicing.line(job if place % 2 == 0 else "", at, "0.06" if place % 1000 == 0 else "0.05")
        for place, (job, at) in enumerate(places)
    ]
    assert Decimal(lines[0]["Cost"]) == Decimal("0.06")
    return member, invoicing.file(lines)


if __name__ == "__main__":
    main()
