"""Who takes in a drill: two workspaces on an emulated provider, with work that never ends.

*Asks* lets webhooks answer and sends nothing twice. *Doubts* has no webhooks and sends a doubtful call below
its limit once more, saying so.
"""

from __future__ import annotations

import random
import uuid
from decimal import Decimal
from typing import Any

from django.db import Error, connection
from django.utils import timezone

from generation import accounts, cancel, pipelines, takes, workspaces
from generation.models import ProviderAccount
from projects import work
from projects.identifiers import new_id
from projects.models import Deliverable, Membership, Take
from projects.models.takes import TAKES_IN_FLIGHT
from projects.problems import Refused
from routing import default_table, tables

KEY = "drill-id:drill-secret"
DELIVERABLES = 6
CAP = 1000
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
TROUBLE = {
    "": 70,
    "[[result:policy]]": 5,
    "[[result:500]]": 4,
    "[[fail:429*1]]": 4,
    "[[fail:500*1]]": 3,
    "[[fail:lost*1]]": 3,
    "[[fail:422]]": 3,
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
            encrypted_key=accounts.encrypt(KEY),
            key_hint="cret",
            base_url=url,
            concurrency=40,
            webhooks=webhooks,
            webhook_token=f"drill-{slug}",
        )
        _publish(self.member)
        self.deliverables = _deliverables(self.member)


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
    """Keeps so many takes under way, whatever is killed; each request is repeated until it is known done."""

    def __init__(self, studios: list[Studio], *, many: int, dice: random.Random) -> None:
        self.studios = studios
        self.many = many
        self.dice = dice
        self.asked = 0
        self.cancelled = 0
        self.waiting: tuple[Studio, Deliverable, uuid.UUID, str] | None = None

    def fill(self) -> None:
        """Asks for takes until enough are under way. A database that is away is met again the next time."""
        try:
            while Take.objects.filter(state__in=TAKES_IN_FLIGHT).count() < self.many:
                self._ask()
            if self.dice.random() < 0.25:
                self._cancel()
        except Error:
            connection.close()

    def _ask(self) -> None:
        if self.waiting is None:
            studio = self.dice.choice(self.studios)
            trouble = self.dice.choices(list(TROUBLE), list(TROUBLE.values()))[0]
            words = f"Lighthouse {self.asked} {trouble}".strip()
            self.waiting = (studio, self.dice.choice(studio.deliverables), new_id(), words)
        studio, deliverable, round_id, words = self.waiting
        takes.make(deliverable=deliverable, by=studio.member, prompt=words, count=2, round_id=round_id)
        self.waiting = None
        self.asked += 1

    def _cancel(self) -> None:
        studio = self.dice.choice(self.studios)
        rows = Take.objects.filter(workspace=studio.workspace, state__in=TAKES_IN_FLIGHT)
        take = rows.select_related("deliverable").order_by("?").first()
        if take is None:
            return
        try:
            self.cancelled += cancel.cancel(take=take, by=studio.member, now=timezone.now())
        except Refused:
            return
