"""Who takes in a drill: two workspaces on an emulated provider, with work that never ends.

*Asks* lets webhooks answer and sends nothing twice. *Doubts* has no webhooks and sends a doubtful call below
its limit once more, saying so.
"""

from __future__ import annotations

import contextlib
import dataclasses
import random
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import httpx
from django.db import Error, connection
from django.utils import timezone

from generation import cancel, keyring, pipelines, takes, workspaces
from generation.models import ProviderAccount
from projects import tokens, work
from projects.identifiers import new_id
from projects.models import Deliverable, Membership, Take
from projects.models.takes import TAKES_IN_FLIGHT
from projects.problems import Refused
from routing import default_table, tables

KEY = "drill-id:drill-secret"
DELIVERABLES = 6
CAP = 1000
FILL_SECONDS = 20.0
CANCELLED_SHARE = 0.25
ROUND = 2
"""Takes that are asked for at a time, unless another number is named."""

THREE_STEPS: dict[str, Any] = {
    "steps": [
        {"key": "image", "kind": "image", "stage": "generation", "scale": "0.4"},
        {"key": "edit", "kind": "edit", "stage": "control", "needs": ["image"], "scale": "0.4"},
        {"key": "upscale", "kind": "upscale", "stage": "refinement", "needs": ["edit"], "scale": "0.5"},
    ]
}
ONE_STEP: dict[str, Any] = {"steps": THREE_STEPS["steps"][:1]}
MODELS = {
    "image": ("fal/fal-ai/flux/dev", "fal/fal-ai/flux/schnell"),
    "edit": ("fal/fal-ai/flux-pro/kontext",),
}
TRY_AGAIN = (httpx.codes.CONFLICT, httpx.codes.TOO_MANY_REQUESTS)
TROUBLE = {
    "": 70,
    "[[result:policy]]": 10,
    "[[result:500]]": 4,
    "[[fail:429*1]]": 4,
    "[[fail:500*1]]": 3,
    "[[fail:lost*1]]": 3,
    "[[fail:422]]": 6,
    "[[stall:2]]": 8,
    "[[latency:9]]": 8,
    "[[output:truncated_mp4]]": 2,
    "[[fetch:500*2]]": 4,
    "[[output_bytes:4000000]]": 10,
}
"""What the provider does with a prompt, and how often."""


class Studio:
    """One workspace with its member, who may do everything, and deliverables to make takes of."""

    def __init__(self, slug: str, url: str, *, webhooks: bool, doubtful: str) -> None:
        self.workspace, self.member = workspaces.create_workspace(
            slug=slug, currency="USD", time_zone="Europe/Berlin", owner_email=f"{slug}@example.com"
        )
        self.workspace.doubtful_charge_limit = Decimal(doubtful)
        self.workspace.save(update_fields=["doubtful_charge_limit"])
        ProviderAccount.objects.create(
            workspace=self.workspace,
            provider="fal",
            name="main",
            encrypted_key=keyring.encrypt(KEY),
            key_hint="cret",
            base_url=url,
            concurrency=40,
            webhooks=webhooks,
            webhook_token=f"drill-{slug}",
        )
        _publish(self.member)
        self.deliverables = _deliverables(self.member)
        self.token = tokens.issue(membership=self.member, label="drill")


def _publish(member: Membership) -> None:
    for slug, document in (("drill-one", ONE_STEP), ("drill-three", THREE_STEPS)):
        pipelines.publish(slug=slug, name=slug, document=document, by=member)
    known = workspaces.published(member.workspace)
    proposed = tables.propose(
        content=table(), reason="Drafts are made at the emulated provider.", by=member, pipelines=known
    )
    tables.publish(table=proposed, by=member, pipelines=known)


def table() -> dict[str, Any]:
    """The starting table, with drafts of stills and films at the provider, and no cap in the way."""
    content = default_table.build()
    named = {"product-still": "drill-one@1", "brand-film": "drill-three@1"}
    for route in content["routes"]:
        if route.get("phase") == "draft" and route.get("category") in named:
            route.update(pipeline=named[route["category"]], cap=CAP)
            route.pop("criteria", None)
    steps = [
        {
            "key": f"drill-{category}-{step}",
            "category": category,
            "phase": "draft",
            "step": step,
            "tier": "speed",
            "choices": [{"model": first}],
            "fallbacks": [{"model": model} for model in others],
            "retries": 2,
            "on_error": {"unavailable": "retry"},
        }
        for category in named
        for step, (first, *others) in MODELS.items()
    ]
    return {**content, "name": "Drill", "routes": [*content["routes"], *steps]}


def _deliverables(member: Membership) -> list[Deliverable]:
    project = work.create_project(key="drill", name="Drill", by=member)
    campaign = work.create_campaign(project=project, key="kills", name="Kills", by=member)
    categories = {row.key: row for row in member.workspace.categories.all()}
    square = member.workspace.formats.get(key="1x1")
    return [
        work.create_deliverable(
            campaign=campaign,
            key=f"thing-{number}",
            name=f"Thing {number}",
            category=categories["brand-film" if number % 2 else "product-still"],
            format=square,
            brief="A lighthouse",
            by=member,
        )
        for number in range(DELIVERABLES)
    ]


class Feed:
    """Keeps so many takes under way, whatever is killed; each request is repeated until it is known done.

    Every second one is asked over the API, of a web server that may be killed as well.
    """

    def __init__(
        self,
        studios: list[Studio],
        *,
        many: int,
        dice: random.Random,
        url: str,
        at_a_time: int = ROUND,
        cancelled_share: float = CANCELLED_SHARE,
        trouble: Mapping[str, int] = TROUBLE,
    ) -> None:
        self.studios = studios
        self.many = many
        self.dice = dice
        self.url = url
        self.at_a_time = at_a_time
        self.cancelled_share = cancelled_share
        self.trouble = trouble
        self.promised: dict[uuid.UUID, str] = {}
        self.cancelled = 0
        self.repeated = 0
        self.waiting: Wish | None = None
        self.failed: Exception | None = None

    def fill(self) -> None:
        """Asks for takes until enough are under way. A program that is away is asked again for a while."""
        until = time.monotonic() + FILL_SECONDS
        while time.monotonic() < until:
            try:
                if Take.objects.filter(state__in=TAKES_IN_FLIGHT).count() >= self.many:
                    break
                if self.ask():
                    continue
            except Error:
                connection.close()
            time.sleep(0.5)
        if self.dice.random() < self.cancelled_share:
            self._cancel()

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        """Says a wish while the block runs, so that a kill meets the request under way."""
        thread = threading.Thread(target=self._ask_beside)
        thread.start()
        try:
            yield
        finally:
            thread.join()
            if self.failed:
                raise self.failed

    def _ask_beside(self) -> None:
        try:
            self.ask()
        except Error:
            self.repeated += 1
        except Exception as error:
            self.failed = error
        finally:
            connection.close()

    def finish(self) -> bool:
        """Asks until the last wish is known to be granted; False where it still is not."""
        try:
            return self.waiting is None or self.ask()
        except Error:
            connection.close()
            return False

    def ask(self) -> bool:
        """Says the wish that is open, or a new one; True once the takes are promised."""
        wish = self.waiting = self.waiting or self._wish()
        takes = over_the_api(self.url, wish) if wish.over_the_api else _here(wish)
        if takes is None:
            self.repeated += 1
            return False
        self.waiting = None
        self.promised.update(dict.fromkeys(takes, wish.trouble))
        return True

    def _wish(self) -> Wish:
        studio = self.dice.choice(self.studios)
        return Wish(
            key=new_id(),
            studio=studio,
            deliverable=self.dice.choice(studio.deliverables),
            trouble=self.dice.choices(list(self.trouble), list(self.trouble.values()))[0],
            number=len(self.promised),
            count=self.at_a_time,
            over_the_api=self.dice.random() < 0.5,
        )

    def _cancel(self) -> None:
        studio = self.dice.choice(self.studios)
        rows = Take.objects.filter(workspace=studio.workspace, state__in=TAKES_IN_FLIGHT)
        try:
            take = rows.select_related("deliverable").order_by("?").first()
            if take is not None:
                self.cancelled += cancel.cancel(take=take, by=studio.member, now=timezone.now())
        except Refused:
            return
        except Error:
            connection.close()


@dataclasses.dataclass(frozen=True)
class Wish:
    """A request for a round of takes, known by its key."""

    key: uuid.UUID
    studio: Studio
    deliverable: Deliverable
    trouble: str
    number: int
    over_the_api: bool
    count: int = ROUND

    @property
    def prompt(self) -> str:
        return f"Lighthouse {self.number} {self.trouble}".strip()


def _here(wish: Wish) -> list[uuid.UUID]:
    """Asks in this process, over a database that may be killed meanwhile: then it raises Error."""
    made = takes.make(
        deliverable=wish.deliverable,
        by=wish.studio.member,
        prompt=wish.prompt,
        count=wish.count,
        round_id=wish.key,
    )
    return list(made.takes.values_list("pk", flat=True))


def over_the_api(url: str, wish: Wish) -> list[uuid.UUID] | None:
    """None where no answer came, or one that says to try again; any other refusal is a fault of the drill."""
    headers = {"Authorization": f"Token {wish.studio.token}", "Idempotency-Key": str(wish.key)}
    body = {"count": wish.count, "prompt": wish.prompt}
    address = f"{url}/api/v1/deliverables/{wish.deliverable.pk}/takes/"
    try:
        answer = httpx.post(address, json=body, headers=headers, timeout=10)
    except httpx.TransportError:
        return None
    if answer.status_code == httpx.codes.CREATED:
        return [uuid.UUID(take["id"]) for take in answer.json()["takes"]]
    if answer.status_code in TRY_AGAIN or answer.is_server_error:
        return None
    raise RuntimeError(f"The API refused takes with {answer.status_code}: {answer.text[:500]}")
