"""The whole job through the API alone: from a brief to an approved hero render and its true cost.

    CIRCLETAKE_URL             http://localhost:8000 unless said otherwise
    CIRCLETAKE_PRODUCER_TOKEN  tokens of three members of one workspace, as `manage.py token EMAIL WORKSPACE`
    CIRCLETAKE_MANAGER_TOKEN   prints them
    CIRCLETAKE_FINANCE_TOKEN
    CIRCLETAKE_OUT             where the film is put, hero.mp4 unless said otherwise

It needs httpx and nothing else, and may be run again: what is there is taken up.
"""

from __future__ import annotations

import datetime
import os
import sys
import time
import uuid
import zoneinfo
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

BRIEF = Path(__file__).parent / "brief"
CAMPAIGN = "lumen/winter-light"
PATIENCE_SECONDS = 900
ENDED = ("ready", "failed", "cancelled", "stopped_by_budget")


class Refused(Exception):
    """The API's problem document, in words."""


class Member:
    """One person's side of the API."""

    def __init__(self, token_name: str) -> None:
        token = os.environ.get(token_name)
        if not token:
            sys.exit(f"Set {token_name} to a token, as `manage.py token EMAIL WORKSPACE` prints it.")
        self.http = httpx.Client(
            base_url=os.environ.get("CIRCLETAKE_URL", "http://localhost:8000").rstrip("/") + "/api/v1",
            headers={"Authorization": f"Token {token}"},
            timeout=60,
        )
        self.me = self.get("/me/")

    def get(self, path: str, **query: Any) -> Any:
        return answered(self.http.get(path, params=query)).json()

    def post(self, path: str, body: Any = None, **parts: Any) -> Any:
        """A POST that may be repeated after a lost connection: its key makes it happen once."""
        key = {"Idempotency-Key": uuid.uuid4().hex}
        for patience in (1, 2, 4):
            try:
                return answered(self.http.post(path, json=body, headers=key, **parts)).json()
            except httpx.TransportError as error:
                say(f"  {error}; once more in {patience} s")
                time.sleep(patience)
        sys.exit("The server does not answer.")

    def all(self, path: str, **query: Any) -> list[Any]:
        """Every row of a list, page by page."""
        page = self.get(path, **query)
        rows = list(page["results"])
        while page["next"]:
            page = answered(self.http.get(page["next"])).json()
            rows += page["results"]
        return rows


def answered(response: httpx.Response) -> httpx.Response:
    if response.is_error:
        problem = response.json()
        raise Refused(f"{problem['title']}: {problem['detail']} {problem.get('remedy', '')}".strip())
    return response


def say(words: str) -> None:
    print(words, flush=True)


def open_campaign(producer: Member) -> None:
    """Project, campaign and its reference pictures, made where they are missing."""
    project, _, campaign = CAMPAIGN.partition("/")
    if not any(row["key"] == project for row in producer.all("/projects/")):
        producer.post("/projects/", {"key": project, "name": "Lumen Coffee"})
    if not any(row["path"] == CAMPAIGN for row in producer.all("/campaigns/")):
        identity = {"seed_policy": "campaign", "seed": 20261204, "palette": ["#1f2a37", "#e6b673"]}
        names = {"project": project, "key": campaign, "name": "Winter Light"}
        producer.post("/campaigns/", {**names, **identity})
        picture = BRIEF / "product-pouch.webp"
        parts = {"file": (picture.name, picture.read_bytes(), "image/webp")}
        producer.post(f"/campaigns/{CAMPAIGN}/references/", files=parts, data={"label": "The pouch"})


def import_brief(producer: Member) -> None:
    file = ("deliverables.csv", (BRIEF / "deliverables.csv").read_bytes(), "text/csv")
    done = producer.post("/deliverables/import/", files={"file": file})
    say(f"Brief: {done['created']} new, {done['updated']} changed, {done['unchanged']} as they were.")


def choose_deliverable(producer: Member) -> dict[str, Any]:
    """The first film of the brief that is still open."""
    films = producer.all("/deliverables/", campaign=CAMPAIGN, category="brand-film", state="open")
    if not films:
        sys.exit("Every film of this brief is signed off or dropped already.")
    film: dict[str, Any] = films[0]
    say(f"Deliverable: {film['name']} ({film['path']})")
    return film


def make_drafts(producer: Member, film: dict[str, Any], count: int = 2) -> list[Any]:
    quote = producer.post("/quotes/", {"deliverable": film["path"], "phase": "draft", "count": count})
    used = f"{quote['takes_used']} of {quote['cap']} takes used"
    say(f"{count} drafts cost {quote['amount']}, at most {quote['at_most']} {quote['currency']}; {used}.")
    made = producer.post(f"/deliverables/{film['path']}/takes/", {"phase": "draft", "count": count})
    return [wait_for(producer, take["id"]) for take in made["takes"]]


def wait_for(member: Member, take_id: str) -> Any:
    """The take once it has ended well, its progress printed as it comes."""
    begun, shown = time.monotonic(), ""
    while time.monotonic() - begun < PATIENCE_SECONDS:
        take = member.get(f"/takes/{take_id}/")
        steps = ", ".join(f"{run['step']} {run['state']}" for run in take["runs"])
        if steps != shown:
            say(f"  take {take['number']} ({take['phase']}): {steps}")
            shown = steps
        if take["state"] in ENDED:
            break
        time.sleep(1)
    if take["state"] != "ready":
        sys.exit(f"Take {take['number']} is {take['state']}: {take['failure']}")
    return take


def choose(producer: Member, drafts: list[Any]) -> Any:
    """Rejects all but the last draft with a reason, and selects that one."""
    *others, best = drafts
    for take in others:
        body = {"decision": "reject", "reasons": ["off_brief"], "note": "Too bright for dawn."}
        producer.post(f"/takes/{take['id']}/reviews/", body)
    producer.post(f"/takes/{best['id']}/reviews/", {"decision": "select"})
    say(f"Take {best['number']} is selected for the hero render; {len(others)} rejected.")
    return best


def ask_for_hero(producer: Member, draft: Any) -> Any:
    asked = producer.post(f"/takes/{draft['id']}/hero-requests/", {"note": "For the opening."})
    say(f"Hero request: at most {asked['at_most']} {asked['quote']['currency']}.")
    return asked


def approve(manager: Member, asked: Any) -> Any:
    """The manager finds the request in the inbox and approves the spending."""
    inbox = manager.all("/hero-requests/", state="waiting")
    found = next(row for row in inbox if row["id"] == asked["id"])
    done = manager.post(f"/hero-requests/{found['id']}/decisions/", {"decision": "approve", "note": "Go."})
    say(f"Approved by {manager.me['email']}; submitted at {done['submit_at']}, until then it can be undone.")
    return wait_for(manager, done["take"])


def accept(manager: Member, hero: Any) -> None:
    decided = manager.post(f"/takes/{hero['id']}/reviews/", {"decision": "accept", "note": "Lovely."})
    say(f"Take {hero['number']} is signed off: the deliverable is {decided['state']}.")


def download(manager: Member, hero: Any) -> Path:
    film = next(a for a in hero["assets"] if a["role"] == "output" and a["media_type"] == "video/mp4")
    target = Path(os.environ.get("CIRCLETAKE_OUT", "hero.mp4"))
    with manager.http.stream("GET", film["url"]) as response, target.open("wb") as file:
        response.raise_for_status()
        for chunk in response.iter_bytes():
            file.write(chunk)
    size = f"{film['width']} × {film['height']}, {film['duration_seconds']} s"
    say(f"Film: {target} ({target.stat().st_size:,} bytes, {size})")
    return target


def read_audit(finance: Member, film: dict[str, Any]) -> None:
    """The month's figures, and the film's own cash as the ledger has it."""
    zone = zoneinfo.ZoneInfo(finance.me["workspace"]["time_zone"])
    month = f"{datetime.datetime.now(zone):%Y-%m}"
    audit = finance.get(f"/audits/{month}/", by="campaign")
    totals, currency = audit["totals"], audit["currency"]
    booked = finance.all("/ledger/", month=month, deliverable=film["id"])
    cash = sum((Decimal(row["amount"]) for row in booked if row["kind"] != "transfer"), Decimal(0))
    say(f"Month {month}: {totals['accepted']} signed off with {totals['takes']} takes.")
    say(f"  cash per acceptable deliverable  {totals['cash_per_acceptable']} {currency}")
    say(f"  true cost with time              {totals['cost_per_acceptable']} {currency}")
    say(f"  this film's cash in the ledger   {cash:.8f} {currency}")
    for row in audit["rows"]:
        say(f"  {row['key']}: {row['cash']} {currency} for {row['accepted']} signed off")


def main() -> None:
    producer = Member("CIRCLETAKE_PRODUCER_TOKEN")
    manager = Member("CIRCLETAKE_MANAGER_TOKEN")
    finance = Member("CIRCLETAKE_FINANCE_TOKEN")
    say(f"Workspace {producer.me['workspace']['name']}")
    open_campaign(producer)
    import_brief(producer)
    film = choose_deliverable(producer)
    draft = choose(producer, make_drafts(producer, film))
    hero = approve(manager, ask_for_hero(producer, draft))
    accept(manager, hero)
    download(manager, hero)
    read_audit(finance, film)
    say("Done.")


if __name__ == "__main__":
    try:
        main()
    except Refused as refused:
        sys.exit(f"Refused. {refused}")
