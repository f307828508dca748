"""Takes with runs and holds, made plainly, as the engine finds them; and a way to drive its lanes."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.utils import timezone

from billing import ledger
from billing.models import ExchangeRate, Hold, PriceRow
from generation import collect, dispatch, keyring, lanes, poll, render
from generation.models import Call, ProviderAccount, Recipe, Run
from generation.models.runs import Lane, RunState
from generation.wire import Wire
from projects.models import Deliverable, Person, Take, Workspace
from projects.models.takes import TakeState
from routing.models import CatalogueModel
from tests import factories

SKETCH = "builtin/sketch-draft"
FLUX = "fal/fal-ai/flux/dev"
KLING = "fal/fal-ai/kling-video/v2.5-turbo/pro/image-to-video"
KEY = "test-key:test-secret"


def model(
    workspace: Workspace,
    key: str = SKETCH,
    *,
    kinds: Sequence[str] = ("image",),
    amount: str = "0.01",
    unit: str = "image",
    **capabilities: Any,
) -> CatalogueModel:
    """A catalogue row with a price of the workspace's own currency, and the partitions it is booked in."""
    ledger.ensure_partitions(timezone.now() - datetime.timedelta(days=40), timezone.now())
    provider, _, endpoint = key.partition("/")
    row, _ = CatalogueModel.objects.get_or_create(
        workspace=None,
        key=key,
        defaults={
            "name": endpoint,
            "provider": provider,
            "endpoint": endpoint,
            "kinds": list(kinds),
            "capabilities": {"seed": True, **capabilities},
            "tier": "budget",
            "unit": unit,
        },
    )
    PriceRow.objects.get_or_create(
        workspace=workspace,
        model_key=key,
        defaults={
            "unit": unit,
            "amount": Decimal(amount),
            "currency": workspace.currency,
            "starts_at": timezone.now() - datetime.timedelta(days=30),
        },
    )
    return row


def account(
    workspace: Workspace, url: str, *, name: str = "main", provider: str = "fal", **fields: Any
) -> ProviderAccount:
    """An account, of fal unless another is named, that points to an emulator."""
    return ProviderAccount.objects.create(
        workspace=workspace,
        provider=provider,
        name=name,
        encrypted_key=keyring.encrypt(KEY),
        key_hint="cret",
        base_url=url,
        webhook_token=f"account-{workspace.pk}-{name}",
        **fields,
    )


def step(
    key: str = "image",
    *,
    kind: str = "image",
    stage: str = "generation",
    models: Iterable[str] = (SKETCH,),
    needs: Sequence[str] = (),
    amount: str = "0.01",
    prompt: str = "A lighthouse at dusk",
    **fields: Any,
) -> dict[str, Any]:
    """A run's request; what the step needs goes in as its source."""
    return {
        "key": key,
        "kind": kind,
        "stage": stage,
        "needs": list(needs),
        "prompt": prompt,
        "seed": 7,
        "width": 320,
        "height": 192,
        "duration_seconds": None,
        "guidance": None,
        "motion": None,
        "inputs": [{"role": "source", "step": name} for name in needs],
        "parameters": {},
        "choices": [
            {
                "model": name,
                "tier": "budget",
                "parameters": {},
                "expected": amount,
                "at_most": amount,
                "price_row": "",
            }
            for name in models
        ],
        "on_error": {},
        "retries": 1,
        **fields,
    }


def take(
    deliverable: Deliverable,
    *steps: dict[str, Any],
    person: Person | None = None,
    now: datetime.datetime | None = None,
    due_at: datetime.datetime | None = None,
    **fields: Any,
) -> Take:
    """A queued take with its runs and a hold for each; the steps that need nothing wait for their submit."""
    now = now or timezone.now()
    steps = steps or (step(),)
    row = factories.take(
        deliverable,
        state=TakeState.QUEUED,
        requested_at=now,
        requested_by=person,
        requested_by_email=person.email if person else "",
        **fields,
    )
    Recipe.objects.create(take=row, request={}, request_hash="0" * 64, pipeline="test@1")
    for position, asked in enumerate(steps):
        waits = bool(asked["needs"])
        run = Run.objects.create(
            workspace_id=row.workspace_id,
            take=row,
            position=position,
            step=asked["key"],
            kind=asked["kind"],
            stage=asked["stage"],
            state=RunState.PLANNED if waits else RunState.QUEUED,
            needs=asked["needs"],
            request=asked,
            lane=Lane.NONE if waits else Lane.SUBMIT,
            due_at=None if waits else due_at or now,
        )
        if asked["choices"]:
            dearest = max(asked["choices"], key=lambda choice: Decimal(choice["at_most"]))
            ledger.reserve(
                take=row,
                holds=[
                    ledger.PlannedHold(
                        run=run.pk,
                        model_key=dearest["model"],
                        provider=dearest["model"].partition("/")[0],
                        amount=Decimal(dearest["at_most"]),
                    )
                ],
                now=now,
            )
    return row


def rate(workspace: Workspace, currency: str, value: str) -> ExchangeRate:
    return ExchangeRate.objects.create(
        workspace=workspace,
        currency=currency,
        day=timezone.now().date() - datetime.timedelta(days=10),
        rate=Decimal(value),
    )


class Engine:
    """The lanes, driven by hand in this process at instants that a test chooses."""

    def __init__(self) -> None:
        self.wires = Wire()
        self.ahead = datetime.timedelta()

    def __enter__(self) -> Engine:
        self.wires.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.wires.__exit__(*error)

    @property
    def now(self) -> datetime.datetime:
        return timezone.now() + self.ahead

    def later(self, seconds: float) -> None:
        """Lets time pass for the engine, without waiting."""
        self.ahead += datetime.timedelta(seconds=seconds)

    def submit(self) -> int:
        return dispatch.submit_due(self.wires, now=self.now)

    def draw(self) -> int:
        """Draws what is due in this process, one after the other; answers how many."""
        jobs = render.lease(limit=50, now=self.now)
        for job, (function, *arguments) in render.works_of(jobs):
            answer = function(*arguments)
            if "made" in answer:
                render.keep({job.pk: answer}, now=self.now)
            else:
                render.finish(job, answer, now=self.now)
        return len(jobs)

    def poll(self) -> int:
        return poll.poll_due(self.wires, now=self.now)

    def collect(self) -> int:
        return collect.collect_due(self.wires, now=self.now)

    def turn(self) -> int:
        """Each lane once."""
        return self.submit() + self.draw() + self.poll() + self.collect()

    def until_quiet(self, *, seconds: float = 2.0, turns: int = 60) -> None:
        """Turns, and lets time pass while something waits in a lane, until no lane has anything."""
        for _ in range(turns):
            if self.turn():
                continue
            if not any(lanes.next_due(lane, now=self.now) for lane in ("submit", "poll", "collect")):
                return
            self.later(seconds)
        raise AssertionError("The lanes did not become quiet.")


def open_holds(take: Take) -> int:
    return Hold.objects.filter(take=take, outcome__isnull=True).count()


def calls_of(take: Take) -> list[Call]:
    return list(Call.objects.filter(run__take=take).order_by("run__position", "number"))


def only_call(take: Take) -> Call:
    (call,) = calls_of(take)
    return call


def states_of(take: Take) -> list[str]:
    return list(Run.objects.filter(take=take).order_by("position").values_list("state", flat=True))
