"""Queue, batches, editing, templates: what the pages show, what they change, and for whom."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from generation import batches, heroes, prompts, queues, reviews, takes
from generation.matrices import Asked
from generation.models import PromptTemplate, Run
from generation.models.runs import RunState
from projects.models import Batch, Deliverable, Event, Role, Take
from projects.models.takes import TakeState
from tests import factories
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.conftest import Fal
from tests.generation.engine_rows import Engine
from tests.generation.pages import everybody, only, queries, signed_in, statuses, text
from tests.generation.test_unknown import lost
from tests.studio import finished

QUEUE = "/w/studio/queue/"


def queued(cast: Cast, role: str = Role.PRODUCER, prompt: str = "A lighthouse at dusk") -> Take:
    person = cast.by_role[role].person
    return engine_rows.take(cast.deliverable, person=person, prompt=prompt)


def chosen(cast: Cast, number: int = 2) -> list[Deliverable]:
    return [
        factories.deliverable(
            cast.campaign, f"sketch-{n}", category=cast.concept_sketch, format=cast.format, brief="Fog"
        )
        for n in range(number)
    ]


def test_everybody_reads_the_queue_and_an_empty_one_teaches(cast: Cast) -> None:
    assert statuses(cast, QUEUE) == everybody(cast)
    assert "Nothing is being made" in text(signed_in(cast.producer), QUEUE)


def test_the_queue_tells_of_others_who_and_tier_but_not_the_prompt(cast: Cast) -> None:
    queued(cast)
    queued(cast, Role.REVIEWER, prompt="A secret bicycle")
    client = signed_in(cast.producer)
    mine, all_ = text(client, QUEUE), text(client, QUEUE, whose="all")
    assert "A lighthouse at dusk" in mine
    assert "Reviewer" not in mine
    assert "Reviewer" in all_
    assert "A secret bicycle" not in all_
    assert all_.count("Economy") >= 2
    assert "hx-trigger" in mine


def test_one_cancels_ones_own_and_a_manager_anybodys(cast: Cast) -> None:
    take = queued(cast)
    address = f"{QUEUE}{take.pk}/cancel/"
    for member, status in ((cast.reviewer, 403), (cast.viewer, 403), (cast.stranger, 404)):
        assert signed_in(member).post(address).status_code == status
        take.refresh_from_db()
        assert take.state == TakeState.QUEUED
    assert signed_in(cast.producer).post(address).status_code == 302
    take.refresh_from_db()
    assert take.state == TakeState.CANCELLED
    other = queued(cast)
    answer = signed_in(cast.manager).post(f"{QUEUE}{other.pk}/cancel/", {"whose": "all"})
    assert answer["Location"] == f"{QUEUE}?whose=all"
    other.refresh_from_db()
    assert other.state == TakeState.CANCELLED


def test_cancelling_my_waiting_ones_touches_exactly_these(cast: Cast) -> None:
    waiting, begun, others = queued(cast), queued(cast), queued(cast, Role.REVIEWER)
    Run.objects.filter(take=begun).update(state=RunState.RENDERING)
    assert signed_in(cast.producer).post(f"{QUEUE}cancel-mine/").status_code == 302
    states = {row.pk: row.state for row in Take.objects.all()}
    assert states == {
        waiting.pk: TakeState.CANCELLED,
        begun.pk: TakeState.QUEUED,
        others.pk: TakeState.QUEUED,
    }
    assert engine_rows.open_holds(waiting) == 0
    assert engine_rows.open_holds(begun) == 1


def test_run_next_puts_ones_own_take_first(cast: Cast) -> None:
    first, second = queued(cast), queued(cast)
    Take.objects.filter(pk=second.pk).update(position=10)
    assert signed_in(cast.producer).post(f"{QUEUE}{second.pk}/next/").status_code == 302
    second.refresh_from_db()
    assert second.position == first.position - 1
    assert signed_in(cast.reviewer).post(f"{QUEUE}{first.pk}/next/").status_code == 409
    rows = queues.rows(cast.producer, mine=True, places={}, now=timezone.now())
    assert [row.take.pk for row in rows] == [second.pk, first.pk]


def test_the_queue_names_lost_answers_and_leads_to_them(cast: Cast, engine: Engine, fal: Fal) -> None:
    lost(cast, engine)
    page = text(signed_in(cast.producer), QUEUE)
    assert "Answers or charges that nobody knows" in page
    assert f'href="{QUEUE}unknown/"' in page


def test_twice_the_takes_cost_the_same_number_of_queries(cast: Cast) -> None:
    counts = []
    for _ in range(2):
        for role in (Role.PRODUCER, Role.REVIEWER, Role.MANAGER):
            queued(cast, role)
        batch = Batch.objects.create(
            workspace=cast.workspace,
            phase="draft",
            count=1,
            at_most=Decimal(1),
            requested_by=cast.producer.person,
            requested_at=timezone.now(),
        )
        factories.take(cast.deliverable, round=factories.round_(cast.deliverable, batch=batch))
        counts.append(
            (
                queries(signed_in(cast.producer), f"{QUEUE}?whose=all"),
                queries(signed_in(cast.producer), f"/w/studio/batches/{batch.pk}/"),
            )
        )
    assert counts[0] == counts[1]


def test_a_batch_is_chosen_priced_and_made_once(studio: Cast) -> None:
    rows = chosen(studio)
    client = signed_in(studio.producer)
    table = text(client, "/w/studio/projects/acme/autumn/", view="table")
    assert f'value="{rows[0].pk}"' in table
    asked = {"deliverables": [row.pk for row in rows], "count": 2}
    page = client.get("/w/studio/batches/new/", asked)
    total = batches.quote(asked=Asked(rows, 2)).total
    assert page.context["total"] == total
    assert "Make 4 takes" in page.content.decode()
    assert (total.takes, Take.objects.count()) == (4, 0)
    form = page.context["form"]
    body = {**asked, "models": [""], "as_briefed": "on", "batch_id": form["batch_id"].value()}
    body |= {"confirmed": total.at_most}
    answers = [client.post("/w/studio/batches/new/", body) for _ in range(2)]
    made = Batch.objects.get()
    assert {answer["Location"] for answer in answers} == {f"/w/studio/batches/{made.pk}/"}
    assert (Take.objects.count(), made.at_most) == (4, total.at_most)
    assert "0 of 4 ready" in text(client, f"/w/studio/batches/{made.pk}/")


def test_a_batch_that_cannot_be_made_says_why_and_makes_nothing(studio: Cast) -> None:
    rows = chosen(studio)
    Deliverable.objects.filter(pk=rows[1].pk).update(state="written_off")
    client = signed_in(studio.producer)
    asked: dict[str, Any] = {"deliverables": [row.pk for row in rows], "count": 1}
    assert f"{rows[1].name} is dropped" in text(client, "/w/studio/batches/new/", **asked)
    body = {**asked, "models": [""], "as_briefed": "on", "batch_id": uuid.uuid4()}
    assert client.post("/w/studio/batches/new/", body).status_code == 409
    elsewhere = factories.deliverable(factories.campaign(factories.project(studio.stranger.workspace)))
    theirs = {"deliverables": [elsewhere.pk], "count": 1, "batch_id": uuid.uuid4()}
    assert client.post("/w/studio/batches/new/", theirs).status_code == 422
    assert (Batch.objects.count(), Take.objects.count()) == (0, 0)


def test_a_batch_is_cancelled_by_whoever_asked_or_a_manager(studio: Cast) -> None:
    made = batches.make(deliverables=chosen(studio), count=1, by=studio.producer)
    address = f"/w/studio/batches/{made.pk}/"
    assert statuses(studio, address) == everybody(studio)
    cancel = f"{address}cancel/"
    for member, status in ((studio.reviewer, 403), (studio.viewer, 403), (studio.stranger, 404)):
        assert signed_in(member).post(cancel).status_code == status
    assert batches.progress(made).in_flight == 2
    assert signed_in(studio.manager).post(cancel).status_code == 302
    assert batches.progress(made).cancelled == 2
    assert signed_in(studio.stranger).get(f"/w/elsewhere/batches/{made.pk}/").status_code == 404


def edit_body(**changes: Any) -> dict[str, Any]:
    usual = {
        "name": "Opening shot",
        "brief": "A harbour",
        "prompt_template": "",
        "variables": "",
        "due_on": "2026-12-01",
    }
    return {**usual, **changes}


def test_a_producer_edits_a_brief_but_not_the_cap(cast: Cast) -> None:
    address = f"/w/studio/deliverables/{cast.deliverable.pk}/edit/"
    Deliverable.objects.filter(pk=cast.deliverable.pk).update(cap=3)
    assert statuses(cast, address) == only(cast, "producer", "reviewer", "manager")
    body = edit_body(cap="9", format=cast.format.pk, variables="light=dusk; mood=calm")
    assert signed_in(cast.producer).post(address, body).status_code == 302
    row = Deliverable.objects.get(pk=cast.deliverable.pk)
    assert (row.name, row.brief, row.cap) == ("Opening shot", "A harbour", 3)
    assert row.variables == {"light": "dusk", "mood": "calm"}
    event = Event.objects.get(kind="deliverable.changed")
    assert event.data["after"]["due_on"] == "2026-12-01"
    assert signed_in(cast.manager).post(address, {**body, "cap": "9"}).status_code == 302
    row.refresh_from_db()
    assert row.cap == 9


@pytest.mark.parametrize(
    "wrong", [{"name": " "}, {"cap": "10001"}, {"variables": "no sign"}, {"due_on": "soon"}]
)
def test_an_edit_that_does_not_fit_changes_nothing(cast: Cast, wrong: dict[str, Any]) -> None:
    before = Deliverable.objects.filter(pk=cast.deliverable.pk).values().get()
    address = f"/w/studio/deliverables/{cast.deliverable.pk}/edit/"
    assert signed_in(cast.manager).post(address, edit_body(**wrong)).status_code == 422
    assert Deliverable.objects.filter(pk=cast.deliverable.pk).values().get() == before
    assert (
        signed_in(cast.stranger).post(f"/w/elsewhere/deliverables/{cast.deliverable.pk}/edit/").status_code
        == 404
    )


def test_an_edit_voids_the_hero_request_that_it_changes(studio: Cast) -> None:
    take = finished(takes.make(deliverable=studio.deliverable, by=studio.producer).takes.get())
    reviews.review(take=take, decision="select", by=studio.producer)
    take.refresh_from_db()
    asked = heroes.request(take=take, by=studio.producer)
    address = f"/w/studio/deliverables/{studio.deliverable.pk}/edit/"
    unchanged = edit_body(name=studio.deliverable.name, brief="", format=studio.format.pk)
    assert signed_in(studio.producer).post(address, unchanged).status_code == 302
    asked.refresh_from_db()
    assert asked.state == "waiting"
    other = factories.format_(studio.workspace, "1x1", width=1024, height=1024)
    assert signed_in(studio.producer).post(address, {**unchanged, "format": other.pk}).status_code == 302
    asked.refresh_from_db()
    assert asked.state == "void"


def test_a_new_version_of_a_template_is_published(studio: Cast) -> None:
    address = "/w/studio/settings/templates/publish/"
    assert statuses(studio, address) == only(studio, "producer", "reviewer", "manager")
    client = signed_in(studio.producer)
    assert "{brief} Light: {light}" in text(client, address, **{"from": "scene"})
    body = {
        "slug": "scene",
        "name": "Scene",
        "body": "{brief} at {hour}",
        "variables": "hour = dawn",
        "reason": "shorter",
    }
    assert client.post(address, body).status_code == 302
    row = prompts.find(studio.workspace, "scene")
    assert row is not None
    assert (str(row), row.variables[0]["default"]) == ("scene@2", "dawn")
    assert PromptTemplate.objects.filter(slug="scene").count() == 2
    assert client.post(address, {**body, "variables": "hour"}).status_code == 422
    page = text(client, "/w/studio/settings/templates/")
    assert "scene@2" in page
    assert "1 earlier version" in page
