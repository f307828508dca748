"""The month of a large workspace and whatever its pages lead to, with ten readers; needs Django set up.

Links are followed from the pages of the month, of the outlook and of what is passed on, to pages of the same
kinds. Of links that differ in ids and values alone one is measured, the first; charts and files are left to
browsers and to the exports.
"""

from __future__ import annotations

import contextlib
import html
import re
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from typing import Any

import httpx

from bench import cast as pages_cast
from bench import readers, scale_data, stage
from bench.readers import Page, Writes
from generation.demo import cast
from projects.models import Campaign, Take, Workspace

READERS = 10
READS = 8
"""Of each reader, after two that do not count."""
ALONE = 4
SLOW = 3.0
"""Seconds after which a page is read less often."""
LIMIT = 300
"""Milliseconds at the 95th percentile."""
STARRED = 64
LINK = re.compile(r'(?:href|hx-get)="([^"]+)"')
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|client-\d+/work-\d+")
FOLLOWED = re.compile(
    r"(month|year|compare|outlook|chargeback|journal|shared|deliverables|projects|invoices)/"
)
LEFT_OUT = re.compile(r"\.(svg|csv)|/exports/|/static/|/media/|format=csv|/accounts/|/api/")
Row = dict[str, Any]


def entrances(slug: str, month: str) -> list[tuple[str, str]]:
    """Where following begins: address and what it is."""
    w = f"/w/{slug}/"
    return [
        (f"{w}month/{month}/", "month"),
        *((f"{w}month/{month}/?by={by}", f"month by {by}") for by in ("provider", "model", "person", "tier")),
        *(
            (f"{w}month/{month}/{name}/", name)
            for name in ("variance", "bridge", "lead-time", "roll-forward")
        ),
        *((f"{w}month/{month}/{name}/", name) for name in ("earlier-months", "exceptions", "entries")),
        *((f"{w}month/{month}/{name}/", name) for name in ("deliverables", "prices", "close")),
        (f"{w}year/{month[:4]}/", "year"),
        (f"{w}compare/", "compare"),
        *((f"{w}outlook/{name}/", name) for name in ("exposure", "what-if", "outages", "forecast")),
        *((f"{w}outlook/{name}/", name) for name in ("stability", "evidence")),
        *((f"{w}{name}/", name) for name in ("chargeback", "journal", "time/all", "shared", "budgets")),
        *((f"{w}{name}/", name) for name in ("health", "history", "credits", "agreements", "prices")),
        (w, "home"),
    ]


def found(base: str, slug: str, month: str) -> list[Page]:
    """The entrances, and one page for each kind of link on them."""
    session = pages_cast.session(cast.FARAH.email)
    seen: dict[str, Page] = {}
    for address, name in entrances(slug, month):
        seen.setdefault(kind(address), Page(name, address, session))
    with httpx.Client(base_url=base, cookies={"session": session}, timeout=300) as client:
        for page in list(seen.values()):
            for address in links(client, page.address, f"/w/{slug}/", month):
                seen.setdefault(kind(address), Page(kind(address), address, session))
    return list(seen.values())


def links(client: httpx.Client, address: str, within: str, month: str) -> Iterator[str]:
    """Addresses of the workspace on a page, of that month where they are of one."""
    answer = client.get(address)
    for link in LINK.findall(answer.text):
        whole = urllib.parse.urljoin(str(answer.url), html.unescape(link)).partition("#")[0]
        path = whole.partition("/w/")[2]
        kept = f"/w/{path}".startswith(within) and FOLLOWED.match(path.partition("/")[2])
        if kept and not LEFT_OUT.search(path) and ("/month/" not in path or f"/{month}/" in path):
            yield f"/w/{path}"


def kind(address: str) -> str:
    """The address without ids, and of its query the names alone."""
    path, _, query = address.partition("?")
    parts = ID.sub("<id>", path).split("/")[3:]
    names = sorted(
        f"{name}={value}" if name in ("by", "outcome") else name
        for name, value in urllib.parse.parse_qsl(query)
    )
    return "/".join(parts) + ("?" + "&".join(names) if names else "")


def writes(workspace: Workspace) -> Writes:
    campaign = Campaign.objects.filter(workspace=workspace).order_by("pk")[0]
    takes = Take.objects.filter(deliverable__campaign=campaign).order_by("pk")[:STARRED]
    session = pages_cast.session(cast.ANA.email)
    return Writes([f"/w/{workspace.slug}/takes/{take.pk}/star/" for take in takes], session)


def measured(base: str, program: int, month: str, only: Sequence[str] = ()) -> Iterator[Row]:
    """Each page, or those with one of these words: what it costs alone, and with ten readers."""
    workspace = Workspace.objects.get(slug=scale_data.slug(1))
    starring = writes(workspace)
    for page in found(base, workspace.slug, month):
        if not only or any(word in page.name for word in only):
            yield row(base, program, page, starring)


def row(base: str, program: int, page: Page, starring: Writes) -> Row:
    """Milliseconds of one page: processor time of web and database, by the clock, and with ten readers.

    A page of some seconds is read by one person alone.
    """
    told: Row = {"page": page.name, "address": page.address}
    try:
        told |= alone(base, program, page)
        if told["alone"] < SLOW * 1000:
            together = readers.measure(base, page, starring, readers=READERS, pages=READS)
            told |= {"p50": together.share(50), "p95": together.share(95)}
        told["queries"] = pages_cast.queries(page)
    except (RuntimeError, httpx.HTTPError) as error:
        told["error"] = f"{type(error).__name__}: {error}"
    return told


def alone(base: str, program: int, page: Page) -> Row:
    """One person's readings after the first; of a slow page, that first one."""
    with httpx.Client(base_url=base, cookies={"session": page.session}, timeout=300) as client:
        for times in (1, ALONE):
            before, begun = processor(program), time.perf_counter()
            for _ in range(times):
                answer = client.get(page.address)
                if answer.status_code != 200:
                    raise RuntimeError(f"{page.address} answered {answer.status_code}.")
            took = (time.perf_counter() - begun) / times
            used = {part: seconds - before[part] for part, seconds in processor(program).items()}
            if took > SLOW:
                break
    return {
        "alone": round(took * 1000),
        **{part: round(seconds / times * 1000) for part, seconds in used.items()},
    }


def processor(program: int) -> dict[str, float]:
    """Seconds of processor time that web and database have taken so far."""
    found = {"web": 0.0, "database": 0.0}
    for pid in stage.tree(program):
        with contextlib.suppress(OSError, ValueError, IndexError):
            part = stage.part_of(pid)
            if part in found:
                found[part] += stage.cpu_seconds(pid)
    return found
