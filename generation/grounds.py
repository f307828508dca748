"""What requests stand on, each thing read once: table, pipelines, templates, profiles, references, facts.

One request needs them as much as two thousand do. For many deliverables `gather` reads what belongs to each
of them in a fixed number of queries; everything else is read when it is first asked for, and kept.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import functools
import uuid
from collections.abc import Iterable

from django.db.models import Count, Q

from generation import facts, pipelines, prompts
from generation.models import ControlProfile, Pipeline, PromptTemplate
from generation.pipelines import PipelineStep
from projects.models import Deliverable, ReferenceAnchor, Take, Workspace
from projects.models.takes import TAKES_IN_FLIGHT
from projects.problems import Invalid
from routing import catalogue, document, tables
from routing import facts as routing_facts
from routing.brief import Facts
from routing.facts import named_models
from routing.models import CatalogueModel

FLYING = Count("pk", filter=Q(state__in=TAKES_IN_FLIGHT))


class Grounds:
    """What the requests of one workspace stand on at an instant, for the person who asks."""

    def __init__(
        self, workspace: Workspace, *, now: datetime.datetime, person_id: uuid.UUID | None = None
    ) -> None:
        self.workspace, self.now, self.person_id = workspace, now, person_id
        self._profiles: dict[str, ControlProfile] = {}
        self._pipelines: dict[str, Pipeline | None] = {}
        self._parsed: dict[uuid.UUID, tuple[PipelineStep, ...]] = {}
        self._templates: dict[str, PromptTemplate | None] = {}
        self._anchors: dict[uuid.UUID, tuple[str, ...]] = {}
        self._models: dict[str, CatalogueModel | None] = {}
        self._facts: dict[tuple[uuid.UUID, str], Facts] = {}
        self._gathered: frozenset[str] = frozenset()
        self._made: dict[tuple[uuid.UUID, str], tuple[int, int]] = {}

    @functools.cached_property
    def table(self) -> document.Table:
        """The table in force; raises NoTable."""
        return tables.current(self.workspace)

    def gather(self, deliverables: Iterable[Deliverable], phase: str, models: Iterable[str]) -> None:
        """Reads the facts about all these deliverables and models, and their campaigns' references."""
        rows = list(deliverables)
        named = {*named_models(self.table), *models}
        known = facts.collect(workspace=self.workspace, models=named, now=self.now)
        histories = routing_facts.histories(rows, phase)
        left = facts.budgets_of_many(rows, phase, named, self.now, self.person_id) if rows else {}
        for row in rows:
            self._facts[row.pk, phase] = dataclasses.replace(
                known, budgets=left[row.pk], history=histories[row.pk]
            )
        self._gathered = frozenset(named)
        made = Take.objects.filter(deliverable__in=rows, phase=phase).values_list("deliverable")
        rows_made = made.annotate(made=Count("pk"), flying=FLYING).order_by()
        counted = {pk: (all_, flying) for pk, all_, flying in rows_made}
        self._made |= {(row.pk, phase): counted.get(row.pk, (0, 0)) for row in rows}
        self._models |= catalogue.models_by_key(self.workspace, named)
        self._read_anchors({row.campaign_id for row in rows})

    def facts(self, deliverable: Deliverable, phase: str, models: Iterable[str]) -> Facts:
        """The facts about a deliverable and these models: those that were gathered, else read now."""
        wanted = set(models)
        known = self._facts.get((deliverable.pk, phase))
        if known is not None and wanted <= self._gathered:
            return known
        return facts.collect(
            workspace=self.workspace,
            models=wanted,
            now=self.now,
            deliverable=deliverable,
            phase=phase,
            person_id=self.person_id,
        )

    def takes_made(self, deliverable: Deliverable, phase: str) -> int:
        """How many takes of a phase a deliverable has, in whatever state."""
        known = self._made.get((deliverable.pk, phase))
        rows = Take.objects.filter(deliverable=deliverable, phase=phase)
        return rows.count() if known is None else known[0]

    def in_flight(self, deliverable: Deliverable, phase: str) -> int:
        """How many takes of a phase are in flight, of a deliverable that was gathered."""
        return self._made[deliverable.pk, phase][1]

    def pipeline(self, name: str) -> Pipeline | None:
        """The pipeline `slug@version`."""
        if name not in self._pipelines:
            self._pipelines[name] = pipelines.find(self.workspace, name)
        return self._pipelines[name]

    def steps(self, row: Pipeline) -> tuple[PipelineStep, ...]:
        """The steps of a pipeline."""
        if row.pk not in self._parsed:
            self._parsed[row.pk] = pipelines.parse(row.document)
        return self._parsed[row.pk]

    def template(self, workspace: Workspace, name: str) -> PromptTemplate | None:
        """The template `slug@version`, or the newest version of a slug."""
        if name not in self._templates:
            self._templates[name] = prompts.find(workspace, name)
        return self._templates[name]

    def profile(self, name: str | None) -> ControlProfile | None:
        """The profile `slug@version`, or the newest version of a slug; raises Invalid for an unknown one."""
        if not name:
            return None
        if name not in self._profiles:
            self._profiles[name] = self._find_profile(name)
        return self._profiles[name]

    def _find_profile(self, name: str) -> ControlProfile:
        found = ControlProfile.objects.named(self.workspace, name)
        if found is None:
            raise Invalid({"control_profile": [f"There is no control profile {name}."]})
        return found

    def anchors(self, campaign_id: uuid.UUID) -> tuple[str, ...]:
        """SHA-256 of the campaign's reference pictures, in their order."""
        if campaign_id not in self._anchors:
            self._read_anchors({campaign_id})
        return self._anchors[campaign_id]

    def _read_anchors(self, campaigns: set[uuid.UUID]) -> None:
        found: dict[uuid.UUID, list[str]] = collections.defaultdict(list)
        rows = ReferenceAnchor.objects.filter(campaign__in=campaigns, removed_at__isnull=True)
        for campaign, sha256 in rows.order_by("position", "pk").values_list("campaign_id", "asset__sha256"):
            found[campaign].append(sha256)
        self._anchors |= {campaign: tuple(found[campaign]) for campaign in campaigns}

    def model(self, key: str) -> CatalogueModel:
        """The catalogue's row that the workspace sees; raises Invalid for an unknown key."""
        if key not in self._models:
            self._models[key] = catalogue.models_by_key(self.workspace, [key]).get(key)
        found = self._models[key]
        if found is None:
            raise Invalid({"model": [f"{key} is not in the catalogue."]})
        return found
