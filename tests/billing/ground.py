"""What is there before a history is played: people, briefs, rates, and all that was asked for, in bulk."""

from __future__ import annotations

import datetime
import itertools
from decimal import Decimal
from typing import Any

from billing import ledger
from billing.models import Entry, ExchangeRate
from generation.models import Call, Recipe, Run
from projects.models import Campaign, Category, Deliverable, Project, Role, Round, Take, Workspace
from tests import factories
from tests.billing.making import PEOPLE, Row
from tests.billing.naive_kept import by_step
from tests.billing.naive_rows import VERSIONS, Kept, instant, rows_of

Place = tuple[str, str, str]


class Ground:
    """Takes, runs and holds, by the rows that name them; nothing of it is settled yet."""

    def __init__(self, workspace: Workspace, kept: Kept) -> None:
        self.workspace, self.kept = workspace, kept
        self.rows = by_step(kept.charges, "booked_at")
        self.finance = factories.membership(workspace, *Role.values)
        self.second = factories.membership(workspace, Role.FINANCE)
        self.entries: dict[str, Entry] = {}
        self.takes: dict[tuple[Place, str], Take] = {}
        self.calls: dict[str, Call] = {}
        self.last_days: set[datetime.date] = set()  # of packs that may have a rest

    def enter_rates(self) -> None:
        ExchangeRate.objects.bulk_create(
            ExchangeRate(
                workspace=self.workspace,
                currency=row["currency"],
                day=datetime.date.fromisoformat(row["day"]),
                rate=Decimal(row["rate"]),
                author=self.finance.person,
            )
            for row in rows_of(self.kept.rates)
        )

    def brief(self) -> None:
        """What the import did not bring; deliverables from the instant on at which they were heard of."""
        self.people = {"": None, **{email: factories.person(email) for email in PEOPLE[1:]}}
        self.projects = {row.key: row for row in self.own(Project)}
        self.categories = {row.key: row for row in self.own(Category)}
        self.campaigns = {(row.project.key, row.key): row for row in self.own(Campaign, "project")}
        known = self.own(Deliverable, "campaign__project")
        self.deliverables = {(row.campaign.project.key, row.campaign.key, row.key): row for row in known}
        for row in sorted(self.rows, key=heard_of):
            place = place_of(row)
            self.campaign(*place[:2])
            if place[2] and place not in self.deliverables:
                self.deliverables[place] = factories.deliverable(
                    self.campaigns[place[:2]],
                    place[2],
                    category=self.category(row["category"]),
                    created_at=heard_of(row),
                )

    def own(self, model: Any, *related: str) -> list[Any]:
        return list(model.objects.filter(workspace=self.workspace).select_related(*related))

    def category(self, key: str) -> Category:
        if key not in self.categories:
            self.categories[key] = factories.category(self.workspace, key)
        return self.categories[key]

    def campaign(self, project: str, key: str) -> None:
        if project and project not in self.projects:
            self.projects[project] = factories.project(self.workspace, project)
        if key and (project, key) not in self.campaigns:
            self.campaigns[project, key] = factories.campaign(self.projects[project], key)

    def ask(self) -> None:
        """Takes, their recipes, and for each call a run, its hold and the call itself."""
        for take in Take.objects.filter(workspace=self.workspace).select_related("round"):
            place = next(p for p, row in self.deliverables.items() if row.pk == take.deliverable_id)
            self.takes[place, str(take.number)] = take
        asked = sorted(
            (row for row in self.rows if row["asked_at"]), key=lambda row: instant(row["asked_at"])
        )
        rounds = self.rounds(asked)
        takes: dict[tuple[Place, str], Take] = {}
        for row in asked:
            where = place_of(row), row["take"]
            if where not in takes:
                takes[where] = self.new_take(row, rounds.get((where[0], row["round"])))
        self.takes.update(takes)
        Take.objects.bulk_create(takes.values())
        first = {where: row for row in reversed(asked) for where in [(place_of(row), row["take"])]}
        Recipe.objects.bulk_create(recipe(take, first[where]) for where, take in takes.items())
        positions = itertools.count()
        runs = [self.run(row, next(positions)) for row in asked]
        Run.objects.bulk_create(runs)
        plans = [(run.take, [planned(row, run)]) for row, run in zip(asked, runs, strict=True)]
        holds = ledger.reserve_all(plans=plans, now=instant(asked[0]["asked_at"])) if asked else []
        of_run = {hold.run: hold for hold in holds}
        self.calls = {
            row["id"]: Call(
                workspace=self.workspace,
                run=run,
                number=1,
                model=model_key(row),
                provider=row["provider"],
                state="accepted",
                hold=of_run[run.pk],
                intended_at=instant(row["asked_at"]),
            )
            for row, run in zip(asked, runs, strict=True)
        }
        Call.objects.bulk_create(self.calls.values())

    def rounds(self, asked: list[Row]) -> dict[tuple[Place, str], Round]:
        """By deliverable and label: those of imported takes, and new ones."""
        places = {row.pk: place for place, row in self.deliverables.items()}
        known = Round.objects.filter(workspace=self.workspace)
        found = {(places[row.deliverable_id], str(row.number)): row for row in known}
        for row in asked:
            where = place_of(row), row["round"]
            if row["round"] and where not in found:
                found[where] = factories.round_(
                    self.deliverables[where[0]],
                    number=int(row["round"]),
                    requested_at=instant(row["asked_at"]),
                )
        return found

    def new_take(self, row: Row, round_: Round | None) -> Take:
        place = place_of(row)
        source = self.takes.get((place, row["source_take"])) if row["source_take"] else None
        return Take(
            workspace=self.workspace,
            deliverable=self.deliverables[place],
            number=int(row["take"]),
            phase=row["phase"],
            kind=row["kind"],
            state="queued",
            source_take=source,
            round=round_,
            requested_by=self.people[row["person"]],
            requested_by_email=row["person"],
            requested_at=instant(row["asked_at"]),
            routing_version=int(row["routing_version"]),
        )

    def run(self, row: Row, position: int) -> Run:
        choice = {"model": model_key(row), "tier": row["tier"]}
        return Run(
            workspace=self.workspace,
            take=self.takes[place_of(row), row["take"]],
            position=position,
            step=row["id"],
            kind="image",
            stage=row["stage"],
            request={"choices": [choice]},
        )


def place_of(row: Row) -> Place:
    return row["project"], row["campaign"], row["deliverable"]


def heard_of(row: Row) -> datetime.datetime:
    return instant(row["asked_at"] or row["occurred_at"])


def model_key(row: Row) -> str:
    return f"{row['provider']}/{row['model']}" if row["model"] else ""


def recipe(take: Take, row: Row) -> Recipe:
    said = {name: row[name] for name in VERSIONS if name != "routing_version"}
    return Recipe(take=take, request={}, request_hash="0" * 64, routing_version=take.routing_version, **said)


def planned(row: Row, run: Run) -> ledger.PlannedHold:
    return ledger.PlannedHold(
        run=run.pk, model_key=model_key(row), provider=row["provider"], amount=Decimal(row["held"])
    )
