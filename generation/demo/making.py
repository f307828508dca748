"""How a take of the history was made: its runs and calls, what failed, and what it cost."""

from __future__ import annotations

import dataclasses
import datetime
import json
import random
import uuid
from decimal import Decimal

from billing.models import Entry
from generation import canonical
from generation.demo import rows
from generation.demo.chunk import Chunk, Values
from generation.demo.market import FAL, PIPELINES, Price, Work
from generation.demo.studio import Body, Studio
from projects import identifiers
from projects.models import Deliverable, Person

SECOND = datetime.timedelta(seconds=1)
ZERO = Decimal(0)
#: Errors of ordinary days, with what each means for people.
TROUBLE = (
    ("rate_limited", "429 too many requests"),
    ("timeout", "no result after 600 s"),
    ("moderated", "blocked by the provider's moderation"),
    ("malformed_output", "the file cannot be decoded"),
)
OUTAGE = ("unavailable", "503 service unavailable")
TROUBLE_SHARE, OUTAGE_SHARE, SECOND_TROUBLE = 0.028, 0.92, 0.12
CHARGED_SHARE = 0.35  # of deliveries that could not be used


@dataclasses.dataclass
class Made:
    """A take of the history as its story goes on with it; `values` is its row."""

    values: Values
    ready_at: datetime.datetime
    usable: bool
    cost: Decimal = ZERO

    @property
    def id(self) -> uuid.UUID:
        found: uuid.UUID = self.values["id"]
        return found


@dataclasses.dataclass
class Maker:
    """Makes the takes of one deliverable into a chunk."""

    studio: Studio
    chunk: Chunk
    dice: random.Random
    body: Body
    deliverable: Deliverable
    category: str
    takes: list[Made] = dataclasses.field(default_factory=list)
    unusable: list[Entry] = dataclasses.field(default_factory=list)  # charged, and of no use

    def id(self, at: datetime.datetime) -> uuid.UUID:
        return identifiers.of(int(at.timestamp() * 1000), self.dice.getrandbits(74))

    def take(
        self, *, phase: str, by: Person, at: datetime.datetime, round_: uuid.UUID, prompt: str, seed: int
    ) -> Made:
        """A generated take with its runs, calls, holds and charges."""
        pipeline, works = PIPELINES[self.category][phase == "hero"]
        values = self._row(phase, by, at, round_, prompt=prompt, seed=seed)
        made = Made(values, at, usable=True)
        self.takes.append(made)
        request = rows.take_request(values, pipeline, works, self.studio.market.tiers)
        values["request_hash"] = canonical.digest(request)
        self._recipe(values, request, pipeline)
        at += SECOND * self.dice.randrange(2, 40)
        values["started_at"] = at
        for position, work in enumerate(works):
            at = self._run(made, position, work, at)
            if not made.usable:
                break
        made.ready_at = values["ended_at"] = at
        values["state"] = "ready" if made.usable else "failed"
        values["progress"] = 1 if made.usable else ZERO
        self.event("take.requested", values["requested_at"], by, made, number=values["number"], phase=phase)
        self.event(f"take.{values['state']}", at, None, made, number=values["number"])
        return made

    def upload(self, *, phase: str, by: Person, at: datetime.datetime, source: Made | None) -> Made:
        """A take that was finished by hand, with what the hand cost."""
        values = self._row(phase, by, at, self.round(by, at))
        values |= {
            "kind": "uploaded",
            "state": "ready",
            "made_with": "Retouch by hand",
            "provider": "manual",
            "started_at": at,
            "ended_at": at,
            "counted_at": at,
            "progress": 1,
            "routing_version": None,
            "source_take_id": source.id if source else None,
        }
        made = Made(values, at, usable=True)
        self.takes.append(made)
        amount = Decimal(self.dice.randrange(6, 28))
        price = Price(amount, amount, "EUR", Decimal(1), uuid.UUID(int=0), "as entered with the upload")
        work = Work("upload", "human", "refinement" if source else "generation", ("manual/",))
        entry = self.entry(made, work, price, "", "manual", at)
        entry.price_row = None
        self.event("take.uploaded", at, by, made, number=values["number"], made_with=values["made_with"])
        return made

    def round(self, by: Person, at: datetime.datetime) -> uuid.UUID:
        """A new round of the deliverable."""
        number = len({made.values["round_id"] for made in self.takes}) + 1
        round_ = self.id(at)
        self.chunk.rounds.append(
            {
                "id": round_,
                "workspace_id": self.studio.workspace.pk,
                "deliverable_id": self.deliverable.pk,
                "number": number,
                "requested_by_id": by.pk,
                "requested_at": at,
            }
        )
        return round_

    def event(
        self, kind: str, at: datetime.datetime, by: Person | None, made: Made | None = None, **data: object
    ) -> None:
        self.chunk.events.append(
            {
                "workspace_id": self.studio.workspace.pk,
                "at": at,
                "kind": kind,
                "person_id": by.pk if by else None,
                "campaign_id": self.body.campaign.pk,
                "deliverable_id": self.deliverable.pk,
                "take_id": made.id if made else None,
                "data": json.dumps(data),
            }
        )

    def entry(
        self,
        made: Made | None,
        work: Work,
        price: Price,
        model: str,
        provider: str,
        at: datetime.datetime,
        *,
        failed: bool = False,
    ) -> Entry:
        """An unsaved charge of a call, or of the deliverable where there is no take."""
        values = made.values if made else {}
        entry = Entry(
            id=self.id(at),
            workspace_id=self.studio.workspace.pk,
            kind="charge",
            amount=price.amount,
            native_amount=price.native,
            native_currency=price.currency,
            rate=price.rate,
            service_at=at,
            booked_at=at,
            effective_at=at,
            stage=work.stage,
            failed_charged=failed,
            project_id=self.body.campaign.project_id,
            campaign_id=self.body.campaign.pk,
            deliverable_id=self.deliverable.pk,
            take_id=values.get("id"),
            category=self.category,
            phase=values.get("phase", ""),
            tier=self.studio.market.tiers.get(model, ""),
            provider=provider,
            model=model,
            routing_version="1" if values.get("routing_version") else "",
            pipeline=PIPELINES[self.category][values["phase"] == "hero"][0] if model and made else "",
            seed_policy=self.body.campaign.seed_policy if model and made else "",
            person_id=values.get("requested_by_id"),
            person_email=values.get("requested_by_email", ""),
            price_row=price.row,
            units=price.units,
            calculation=price.words,
        )
        self.chunk.entries.append(entry)
        if made:
            made.cost += price.amount
        return entry

    # --- the parts of a take ----------------------------------------------------------------------

    def _row(
        self,
        phase: str,
        by: Person,
        at: datetime.datetime,
        round_: uuid.UUID,
        *,
        prompt: str = "",
        seed: int | None = None,
    ) -> Values:
        return rows.take_row(
            pk=self.id(at),
            workspace_id=self.studio.workspace.pk,
            deliverable_id=self.deliverable.pk,
            number=len(self.takes) + 1,
            phase=phase,
            by=by,
            at=at,
            round_=round_,
            prompt=prompt,
            seed=seed,
        )

    def _run(self, made: Made, position: int, work: Work, at: datetime.datetime) -> datetime.datetime:
        """One step: its calls until one succeeds or none is left. Answers when it ended."""
        run = self.id(at)
        began, error = at, ("", "")
        for number, model in enumerate(work.models, 1):
            error = self._trouble(model, number, at)
            at += SECOND * max(1, int(work.takes_seconds * self.dice.uniform(0.6, 1.8)))
            self._call(made, run, number, model, work, at, error)
            if not error[0]:
                break
        failed = bool(error[0])
        self.chunk.runs.append(
            {
                "id": run,
                "workspace_id": self.studio.workspace.pk,
                "take_id": made.id,
                "position": position,
                "step": work.key,
                "kind": work.kind,
                "stage": work.stage,
                "state": "succeeded" if not failed else "blocked" if error[0] == "moderated" else "failed",
                "needs": "[]",
                "request": json.dumps({"choices": [{"model": model} for model in work.models]}),
                "result_text": "",
                "result": "{}",
                "choice": number - 1,
                "waiting_for": "",
                "lane": "",
                "attempts": number,
                "progress": 0 if failed else 1,
                "error_class": error[0],
                "error": error[1],
                "started_at": began,
                "ended_at": at,
            }
        )
        if failed:
            made.usable = False
            made.values |= {"failure": f"{work.key}: {error[1]}", "failure_class": error[0]}
        return at

    def _trouble(self, model: str, number: int, at: datetime.datetime) -> tuple[str, str]:
        provider = model.partition("/")[0]
        if provider == "builtin":
            return "", ""
        first, last = self.studio.year.outage
        if provider == FAL and first <= at < last and self.dice.random() < OUTAGE_SHARE:
            return OUTAGE
        share = TROUBLE_SHARE if number == 1 else SECOND_TROUBLE
        return self.dice.choice(TROUBLE) if self.dice.random() < share else ("", "")

    def _call(
        self,
        made: Made,
        run: uuid.UUID,
        number: int,
        model: str,
        work: Work,
        at: datetime.datetime,
        error: tuple[str, str],
    ) -> None:
        provider = model.partition("/")[0]
        price = self.studio.market.price(model, work, at)
        call = self.id(at)
        failed = bool(error[0])
        charged = not failed or (error[0] == "malformed_output" and self.dice.random() < CHARGED_SHARE)
        hold = None
        if charged:
            entry = self.entry(made, work, price, model, provider, at, failed=failed)
            hold = self.id(at)
            entry.run, entry.call, entry.hold = run, call, hold
            self._hold(hold, made, run, model, entry)
            self._count(made, entry)
        self.chunk.calls.append(
            {
                "id": call,
                "workspace_id": self.studio.workspace.pk,
                "run_id": run,
                "number": number,
                "model": model,
                "provider": provider,
                "state": "failed" if failed else "succeeded",
                "hold_id": hold,
                "price_row": price.row,
                "payload_hash": "",
                "token_hash": "",
                "provider_job_id": call.hex,
                "handle": "{}",
                "outputs": "[]",
                "evidence": "{}",
                "error_class": error[0],
                "error": error[1],
                "reported_currency": "",
                "posted": price.amount if charged else None,
                "intended_at": made.values["requested_at"],
                "accepted_at": made.values["started_at"],
                "ended_at": at,
            }
        )

    def _hold(self, hold: uuid.UUID, made: Made, run: uuid.UUID, model: str, entry: Entry) -> None:
        self.chunk.holds.append(
            {
                "id": hold,
                "workspace_id": self.studio.workspace.pk,
                "take_id": made.id,
                "run": run,
                "model_key": model,
                "amount": entry.amount,
                "price_row": entry.price_row,
                "made_at": made.values["requested_at"],
            }
        )
        self.chunk.outcomes.append(
            {
                "hold_id": hold,
                "outcome": "posted",
                "amount": entry.amount,
                "entry": entry.id,
                "at": entry.effective_at,
                "reason": "",
            }
        )

    def _count(self, made: Made, entry: Entry) -> None:
        """The take's summary, as settling a call keeps it."""
        values = made.values
        if entry.failed_charged:
            values["failed_charged"] = True
            self.unusable.append(entry)
        elif entry.stage != "control" and values["counted_at"] is None:
            values["counted_at"] = entry.effective_at
        if entry.stage == "generation" or not values["model"]:
            values |= {"tier": entry.tier, "provider": entry.provider, "model": entry.model}

    def _recipe(self, values: Values, request: Values, pipeline: str) -> None:
        self.chunk.recipes.append(
            {
                "take_id": values["id"],
                "request": json.dumps(request),
                "request_hash": values["request_hash"],
                "routing_version": 1,
                "pipeline": pipeline,
                "prompt_template": "",
                "control_profile": "",
                "seed_policy": self.body.campaign.seed_policy,
                "decision": "{}",
            }
        )
