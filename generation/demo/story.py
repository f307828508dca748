"""One deliverable's life, from its brief to its sign-off or its end, as far as the year goes."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import random
from decimal import Decimal
from typing import Any

from generation.demo import asking, cast, clients, rows
from generation.demo.calendar import DAY, Year, at_work
from generation.demo.chunk import Chunk, Decided, Values
from generation.demo.making import SECOND, Made, Maker
from generation.demo.market import PIPELINES
from generation.demo.studio import Body, Studio
from projects import board, identifiers
from projects.models import Deliverable
from routing.default_table import CATEGORIES

HOUR = datetime.timedelta(hours=1)
#: Category → share of what is asked for, and how many drafts a finished one took (chosen evenly).
SHARES: dict[str, tuple[int, tuple[int, ...]]] = {
    "social-cut": (30, (2, 2, 3, 4)),
    "product-still": (28, (2, 2, 3, 3)),
    "concept-sketch": (16, (3, 3, 3, 4)),
    "explainer": (10, (3, 3, 4, 5)),
    "character-scene": (9, (5, 5, 5, 5)),
    "brand-film": (7, (4, 4, 5, 6)),
}
REASONS = (
    "off_brief", "motion", "identity_drift", "artefact", "anatomy", "technical", "text_or_logo",
)  # fmt: skip
DROPPED, AS_IS, REVERSED, BY_HAND, LATE, MORE_ASKED = 0.06, 0.025, 0.015, 0.02, 0.015, 0.05
DECLINED, HERO_REJECTED, LEFT_UNDECIDED, REFUNDED = 0.04, 0.12, 0.05, 0.6


class Over(Exception):
    """The story ends here: its deliverable is dropped, or the year ends before what comes next."""


@dataclasses.dataclass
class Story:
    """Tells one deliverable into a chunk; nothing in it lies after the year's end."""

    studio: Studio
    chunk: Chunk
    dice: random.Random
    body: Body
    category: str
    number: int
    began: datetime.datetime

    def __post_init__(self) -> None:
        self.subject = self.dice.choice(self.body.client.subjects)
        self.light, self.mood = self.dice.choice(clients.LIGHTS), self.dice.choice(clients.MOODS)
        self.producer = self.studio.person(cast.ANA if hash_of(self.body) % 2 else cast.BEN)
        self.now = at_work(self.began, self.dice)
        pk = identifiers.of(int(self.now.timestamp() * 1000), self.dice.getrandbits(74))
        self.deliverable = Deliverable(id=pk)
        self.maker = Maker(self.studio, self.chunk, self.dice, self.body, self.deliverable, self.category)
        self.state = "open"
        self.accepted_at: datetime.datetime | None = None
        self.extra_drafts = 0
        self.hero_lives = self.studio.categories[self.category].delivered_in == "hero"

    @property
    def year(self) -> Year:
        return self.studio.year

    @property
    def prompt(self) -> str:
        return f"{self.subject.capitalize()}, {self.light}, {self.mood} mood; for {self.body.client.name}."

    def tell(self) -> int:
        """Writes the whole story; answers how many takes it has."""
        self.maker.event("deliverable.created", self.now, self.producer, name=self.name)
        with contextlib.suppress(Over):
            self._drafts()
            self._finish()
            self._afterwards()
        self.chunk.takes += [made.values for made in self.maker.takes]
        self.chunk.deliverables.append(self._row())
        return len(self.maker.takes)

    # --- the parts of a story ---------------------------------------------------------------------

    def _drafts(self) -> None:
        """Rounds of drafts until enough are usable; the last of these is the chosen one."""
        wanted = self.dice.choice(SHARES[self.category][1])
        dropped = self.dice.random() < DROPPED
        if dropped:
            wanted = max(1, wanted - 2)
        self._more_takes(wanted)
        while sum(made.usable for made in self.maker.takes) < wanted:
            left = wanted - sum(made.usable for made in self.maker.takes)
            self._round(min(left, self.dice.choice((1, 2, 2, 3, 4))))
        if dropped:
            self._on(2 * DAY)
            self._decide("write_off", None, cast.DARIO, note="The client dropped it.")
            raise Over

    def _round(self, count: int) -> None:
        at = self._on(HOUR * self.dice.uniform(0.4, 9))
        self._within(at + HOUR * 2)
        round_ = self.maker.round(self.producer, at)
        made = [
            self.maker.take(
                phase="draft", by=self.producer, at=at + SECOND * index, round_=round_, prompt=self.prompt,
                seed=self.dice.getrandbits(32),
            )
            for index in range(count)
        ]  # fmt: skip
        self.now = max(one.ready_at for one in made)
        self._refunds()

    def _finish(self) -> None:
        """Chooses a draft; signs it off where drafts are delivered, else asks for its hero render."""
        chosen = [made for made in self.maker.takes if made.usable][-1]
        self._reject_others(chosen)
        if not self.hero_lives:
            self._accept(chosen, self.dice.choice((cast.CHLOE, cast.DARIO)))
        elif self.dice.random() < AS_IS:
            note = "Good enough as it is; the hero render would add nothing."
            saved = Decimal(self.dice.randrange(80, 160)) / 100
            self._accept(chosen, cast.DARIO, as_is=True, note=note, money_saved=saved)
        else:
            self._look_and("select", chosen, self.producer_role())
            self._hero(chosen)

    def _reject_others(self, chosen: Made) -> None:
        for made in self.maker.takes:
            if made is chosen or not made.usable or self.dice.random() < LEFT_UNDECIDED:
                continue
            by = self.dice.choice((cast.CHLOE, self.producer_role()))
            reasons = self.dice.sample(REASONS, self.dice.choice((1, 1, 2)))
            self._look_and("reject", made, by, reasons=reasons)

    def _hero(self, draft: Made) -> None:
        """Asked for, perhaps declined once, approved, made, looked at; a rejected one is made again."""
        tries = 0
        while True:
            tries += 1
            asked = self._on(HOUR * self.dice.uniform(0.5, 5))
            decided = at_work(asked + HOUR * self.dice.uniform(0.3, 18), self.dice)
            self._within(decided + 3 * DAY)
            if tries == 1 and self.dice.random() < DECLINED:
                self._request(draft, asked, decided, None)
                self.now = decided
                continue
            hero = self._render(draft, asked, decided)
            if not hero.usable:
                continue
            if tries < 3 and self.dice.random() < HERO_REJECTED:
                self._look_and("reject", hero, cast.EMI, reasons=[self.dice.choice(REASONS)])
                continue
            if self.dice.random() < BY_HAND:
                by = self.producer
                hero = self.maker.upload(phase="hero", by=by, at=self._on(3 * HOUR), source=hero)
            self._accept(hero, self.dice.choice((cast.DARIO, cast.DARIO, cast.EMI)))
            return

    def _render(self, draft: Made, asked: datetime.datetime, decided: datetime.datetime) -> Made:
        round_ = self.maker.round(self.producer, decided)
        hero = self.maker.take(
            phase="hero", by=self.producer, at=decided, round_=round_, prompt=self.prompt,
            seed=draft.values["seed"],
        )  # fmt: skip
        self._request(draft, asked, decided, hero)
        self.now = hero.ready_at
        self._refunds()
        return hero

    def _afterwards(self) -> None:
        """A bill that came late; a sign-off that was withdrawn, mostly in a later month."""
        signed = self.now
        if self.dice.random() < LATE:
            self._late(signed + self.dice.uniform(1, 9) * DAY)
        if self.dice.random() >= REVERSED:
            return
        self.now = signed + self.dice.uniform(6, 38) * DAY
        self._on(HOUR)
        self._within(self.now + 6 * DAY)
        accepted = next(made for made in self.maker.takes if made.values["mark"] == "accepted")
        note = "The legal line has changed."
        taken_back = self._last("accept")
        self._decide("reverse", accepted, cast.DARIO, note=note, reverses=taken_back)
        if self.hero_lives and accepted.values["phase"] == "hero":
            drafts = [m for m in self.maker.takes if m.usable and m.values["phase"] == "draft"]
            self._hero(drafts[-1])
        else:
            self._accept(accepted, cast.DARIO, as_is=accepted.values["phase"] == "draft" and self.hero_lives)

    def _late(self, at: datetime.datetime) -> None:
        if at >= self.year.end:
            return
        pipeline = PIPELINES[self.category][0][1]
        price = self.studio.market.price(pipeline[0].models[0], pipeline[0], at)
        work = pipeline[0]._replace(stage="refinement")
        provider = pipeline[0].models[0].partition("/")[0]
        entry = self.maker.entry(None, work, price, pipeline[0].models[0], provider, at)
        entry.note = "billed after the sign-off"

    def _more_takes(self, wanted: int) -> None:
        """Where more drafts are wanted than the route allows, or now and then: a cap request, granted."""
        if wanted < CATEGORIES[self.category][2] and self.dice.random() >= MORE_ASKED:
            return
        asked = self._on(HOUR)
        granted = at_work(asked + 2 * HOUR, self.dice)
        self._within(granted + HOUR)
        request = self.maker.id(asked)
        self.extra_drafts = self.dice.choice((2, 3, 4))
        asking.cap_request(
            self.maker, request, self.extra_drafts, asked=asked, by=self.producer, granted=granted,
            manager=self.studio.person(cast.DARIO),
        )  # fmt: skip

    # --- decisions --------------------------------------------------------------------------------

    def producer_role(self) -> cast.Character:
        return next(one for one in (cast.ANA, cast.BEN) if one.email == self.producer.email)

    def _look_and(self, decision: str, made: Made, by: cast.Character, **said: Any) -> None:
        """Opens a take, and some minutes later decides on it."""
        looked = self._on(SECOND * self.dice.randrange(60, 5400))
        self._within(looked + HOUR)
        self.chunk.views.append(
            {
                "workspace_id": self.studio.workspace.pk,
                "take_id": made.id,
                "person_id": self.studio.person(by).pk,
                "at": looked,
            }
        )
        self.maker.event("take.opened", looked, self.studio.person(by), made)
        self.now = looked + SECOND * self.dice.randrange(25, 560)
        self._decide(decision, made, by, **said)

    def _accept(self, made: Made, by: cast.Character, **said: Any) -> None:
        self._on(HOUR * self.dice.uniform(0.5, 20))
        self._look_and("accept", made, by, **said)
        self.accepted_at = self.now

    def _decide(
        self,
        decision: str,
        made: Made | None,
        by: cast.Character,
        *,
        reasons: list[str] | None = None,
        note: str = "",
        as_is: bool = False,
        money_saved: Decimal | None = None,
        reverses: Decided | None = None,
    ) -> None:
        self._within(self.now)
        person = self.studio.person(by)
        values: Values = {
            "id": self.maker.id(self.now),
            "workspace_id": self.studio.workspace.pk,
            "campaign_id": self.body.campaign.pk,
            "deliverable_id": self.deliverable.pk,
            "take_id": made.id if made else None,
            "decision": decision,
            "reasons": reasons or [],
            "note": note,
            "as_is": as_is,
            "money_saved": money_saved,
            "at": self.now,
            "by_id": person.pk,
            "by_email": person.email,
            "imported": False,
            "recorded_at": self.now,
        }
        self.chunk.decisions.append(Decided(values, reverses))
        kind, mark, state = FOLLOWS[decision]
        if made:
            made.values["mark"] = mark
        if state:
            self.state, self.accepted_at = state, None
        self.maker.event(kind, self.now, person, made, reasons=reasons or [], note=note)

    def _last(self, decision: str) -> Decided:
        own = self.deliverable.pk
        return next(
            one
            for one in reversed(self.chunk.decisions)
            if one.values["deliverable_id"] == own and one.values["decision"] == decision
        )

    def _request(
        self, draft: Made, asked: datetime.datetime, decided: datetime.datetime, hero: Made | None
    ) -> None:
        """The hero request with the manager's word on it; without a hero take it was declined."""
        request = self.maker.id(asked)
        manager = self.studio.person(self.dice.choice((cast.DARIO, cast.EMI)))
        asking.hero_request(
            self.maker, request, draft, hero, asked=asked, by=self.producer, decided=decided, manager=manager
        )

    def _refunds(self) -> None:
        """Charges for what could not be used are given back for the most part, some weeks later."""
        for entry in self.maker.unusable:
            at = entry.effective_at + self.dice.uniform(2, 25) * DAY
            if self.dice.random() < REFUNDED and at < self.year.end:
                self.chunk.entries.append(rows.given_back(entry, self.maker.id(at), at))
        self.maker.unusable.clear()

    # --- time -------------------------------------------------------------------------------------

    def _on(self, wait: datetime.timedelta) -> datetime.datetime:
        self.now = at_work(self.now + wait, self.dice)
        return self.now

    def _within(self, at: datetime.datetime) -> None:
        if at >= self.year.end:
            raise Over

    # --- the row ----------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        return f"{self.subject.capitalize()} {self.number}"

    def _row(self) -> Values:
        takes = [made.values for made in self.maker.takes]
        counted = [row for row in takes if row["counted_at"] is not None or row["failed_charged"]]
        column = board.column(
            state=self.state,
            in_flight=False,
            asked=False,
            hero_ready=any(_waits(row, "hero", [""]) for row in takes),
            draft_ready=any(_waits(row, "draft", ["", "selected"]) for row in takes),
            take_count=len(takes),
        )
        due = self.began + self.dice.randrange(6, 24) * DAY
        return {
            "id": self.deliverable.pk,
            "workspace_id": self.studio.workspace.pk,
            "campaign_id": self.body.campaign.pk,
            "category_id": self.studio.categories[self.category].pk,
            "format_id": self.studio.formats[self.dice.choice(("16x9", "9x16", "1x1", "4x5"))].pk,
            "key": f"{self.category}-{self.number:05d}",
            "name": self.name,
            "brief": self.prompt,
            "prompt_template": "",
            "variables": "{}",
            "extra_drafts": self.extra_drafts,
            "extra_heroes": 0,
            "due_on": due.date(),
            "imported": False,
            "created_by_id": self.producer.pk,
            "created_at": self.began,
            "state": self.state,
            "board_column": column,
            "take_count": len(takes),
            "drafts_used": sum(row["phase"] == "draft" for row in counted),
            "heroes_used": sum(row["phase"] == "hero" for row in counted),
            "accepted_at": self.accepted_at if self.state == "accepted" else None,
            "updated_at": self.now if self.now < self.year.end else self.year.end,
        }


#: Decision → event, the take's mark, the deliverable's state where it changes.
FOLLOWS: dict[str, tuple[str, str, str]] = {
    "select": ("take.selected", "selected", ""),
    "reject": ("take.rejected", "rejected", ""),
    "accept": ("take.accepted", "accepted", "accepted"),
    "reverse": ("take.reversed", "", "open"),
    "write_off": ("deliverable.written_off", "", "written_off"),
}


def hash_of(body: Body) -> int:
    """Which of two producers looks after the campaign: the same each time."""
    return sum(body.client.key.encode())


def _waits(row: Values, phase: str, marks: list[str]) -> bool:
    return row["phase"] == phase and row["state"] == "ready" and row["mark"] in marks
