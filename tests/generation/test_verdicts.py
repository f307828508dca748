"""What a person says of a lost answer: with its consequences, taken back in time, carried out once."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from billing.models import Entry
from generation import job_check, unknown, verdicts
from generation.models import Call, ProviderAccount, Verdict
from generation.models.runs import CallState, RunState
from projects.access import MissingRight
from projects.models import Notice, Take
from projects.problems import Invalid, Refused
from tests.cast import Cast
from tests.circletake.running import free_port
from tests.generation import engine_rows
from tests.generation.conftest import Fal
from tests.generation.engine_rows import Engine
from tests.generation.pages import everybody, only, queries, signed_in, statuses, text
from tests.generation.test_unknown import lost

PAGE = "/w/studio/queue/unknown/"
MINUTE = datetime.timedelta(seconds=60)


@pytest.fixture
def waiting(cast: Cast, engine: Engine, fal: Fal, settings: Any) -> tuple[Take, Call]:
    """A lost call, where what is said of it can be taken back for a minute."""
    settings.HERO_UNDO_SECONDS = 60
    return lost(cast, engine)


def state(call: Call) -> str:
    call.refresh_from_db()
    return call.state


def words(call: Call, *, last: bool = True) -> dict[str, str]:
    return verdicts.consequences(call, last=last, currency="EUR")


def test_everybody_reads_the_page_with_its_evidence_and_managers_have_buttons(
    cast: Cast, waiting: tuple[Take, Call]
) -> None:
    _, call = waiting
    assert statuses(cast, PAGE) == everybody(cast)
    page = text(signed_in(cast.manager), PAGE)
    for shown in (call.payload_hash, call.token_hash, call.model, "fal, account main", "€0.05"):
        assert shown in page
    assert page.count("data-confirm-title") == 2
    assert "data-confirm-title" not in text(signed_in(cast.producer), PAGE)


def test_without_any_the_page_teaches(cast: Cast) -> None:
    assert "No answer is lost" in text(signed_in(cast.viewer), PAGE)


def test_what_each_answer_does_to_the_money_is_said_beforehand(waiting: tuple[Take, Call]) -> None:
    _, call = waiting
    assert words(call) == {
        "happened": "€0.05 is booked as charged; the result is lost and the take fails.",
        "with_id": "the job is followed to its end and its result collected; €0.05 stays held until the "
        "provider’s charge is booked.",
        "did_not": f"The step is sent again to {call.model}, on the €0.05 that is held. If the job did run "
        "after all, the provider charges twice.",
    }
    settled = "€0.05 is booked as charged; the job’s result is not used."
    assert words(call, last=False)["with_id"] == settled
    assert words(call, last=False)["did_not"] == "The €0.05 held is released; nothing is sent."


def test_nothing_moves_until_the_time_to_take_it_back_is_over(cast: Cast, waiting: tuple[Take, Call]) -> None:
    take, call = waiting
    now = timezone.now()
    said = verdicts.say(call=call, happened=True, by=cast.manager, now=now)
    assert (said.state, state(call), Entry.objects.filter(take=take).count()) == ("said", "unknown", 0)
    assert verdicts.carry_out_due(now=now + MINUTE / 2) == 0
    assert verdicts.carry_out_due(now=now + MINUTE) == 1
    assert Entry.objects.get(take=take).amount == Decimal("0.05")
    assert verdicts.carry_out_due(now=now + MINUTE) == 0
    assert Verdict.objects.get().state == "done"


def test_what_was_taken_back_is_never_carried_out(cast: Cast, waiting: tuple[Take, Call]) -> None:
    take, call = waiting
    said = verdicts.say(call=call, happened=False, by=cast.manager)
    verdicts.take_back(verdict=said, by=cast.second_manager)
    assert verdicts.carry_out_due(now=timezone.now() + 2 * MINUTE) == 0
    assert (state(call), engine_rows.states_of(take)) == (CallState.UNKNOWN, [RunState.UNKNOWN])
    with pytest.raises(Refused, match="carried out already"):
        verdicts.take_back(verdict=said, by=cast.manager)
    again = verdicts.say(call=call, happened=False, by=cast.manager)
    verdicts.carry_out_due(now=timezone.now() + 2 * MINUTE)
    assert state(call) == CallState.REFUSED
    with pytest.raises(Refused, match="carried out already"):
        verdicts.take_back(verdict=again, by=cast.manager)


def test_one_answer_waits_at_a_time(cast: Cast, waiting: tuple[Take, Call]) -> None:
    _, call = waiting
    verdicts.say(call=call, happened=True, by=cast.manager)
    with pytest.raises(Refused, match="Somebody has said already"):
        verdicts.say(call=call, happened=False, by=cast.second_manager)
    assert Verdict.objects.get().happened


def test_an_answer_that_comes_meanwhile_overtakes_the_verdict(
    cast: Cast, engine: Engine, fal: Fal, waiting: tuple[Take, Call]
) -> None:
    _, call = waiting
    verdicts.say(call=call, happened=False, by=cast.manager)
    unknown.it_happened(call=call, by=cast.manager, job_id=fal.jobs[0]["request_id"])
    verdicts.carry_out_due(now=timezone.now() + 2 * MINUTE)
    kept = Verdict.objects.get()
    assert (kept.state, kept.words) == ("void", "What became of this call is known by now.")
    assert state(call) == CallState.ACCEPTED


@pytest.mark.parametrize("change", ["left", "demoted"])
def test_who_may_not_any_more_settles_nothing(cast: Cast, waiting: tuple[Take, Call], change: str) -> None:
    _, call = waiting
    verdicts.say(call=call, happened=True, by=cast.manager)
    if change == "left":
        cast.manager.ended_at = timezone.now()
    else:
        cast.manager.roles = ["viewer"]
    cast.manager.save()
    verdicts.carry_out_due(now=timezone.now() + 2 * MINUTE)
    assert (state(call), Verdict.objects.get().state) == (CallState.UNKNOWN, "void")
    assert Entry.objects.count() == 0


def test_only_managers_of_the_workspace_say_it(cast: Cast, waiting: tuple[Take, Call]) -> None:
    _, call = waiting
    with pytest.raises(MissingRight):
        verdicts.say(call=call, happened=True, by=cast.producer)
    with pytest.raises(Refused):
        verdicts.say(call=call, happened=True, by=cast.stranger)
    with pytest.raises(Invalid):
        verdicts.say(call=call, happened=True, job_id="x" * 201, by=cast.manager)
    assert Verdict.objects.count() == 0


def test_the_buttons_of_the_page(cast: Cast, engine: Engine, fal: Fal, waiting: tuple[Take, Call]) -> None:
    take, call = waiting
    address = f"/w/studio/queue/calls/{call.pk}/"
    asked = statuses(cast, address, method="post", happened="0")
    assert asked == only(cast, "manager", status=302)
    said = Verdict.objects.get()
    assert not said.happened
    page = text(signed_in(cast.manager), PAGE)
    assert "it did not happen" in page
    assert "data-confirm-title" not in page
    back = f"{PAGE}{said.pk}/back/"
    assert statuses(cast, back, method="post") == only(cast, "manager", status=302)
    assert signed_in(cast.manager).post(back).status_code == 409
    assert signed_in(cast.stranger).post(f"/w/elsewhere/queue/unknown/{said.pk}/back/").status_code == 404
    assert signed_in(cast.stranger).post(f"/w/elsewhere/queue/calls/{call.pk}/").status_code == 404
    body = {"happened": "1", "job_id": fal.jobs[0]["request_id"]}
    assert signed_in(cast.manager).post(address, body).status_code == 302
    verdicts.carry_out_due(now=timezone.now() + 2 * MINUTE)
    assert (state(call), call.provider_job_id) == (CallState.ACCEPTED, fal.jobs[0]["request_id"])
    assert engine_rows.open_holds(take) == 1


def test_where_nothing_can_be_taken_back_it_is_carried_out_at_once(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    take, call = lost(cast, engine)
    signed_in(cast.manager).post(f"/w/studio/queue/calls/{call.pk}/", {"happened": "1"})
    assert (state(call), Verdict.objects.get().state) == (CallState.FAILED, "done")
    assert Entry.objects.get(take=take).failed_charged


def test_twice_the_lost_calls_cost_the_same_number_of_queries(cast: Cast, engine: Engine, fal: Fal) -> None:
    counts = []
    for _ in range(2):
        lost(cast, engine)
        counts.append(queries(signed_in(cast.manager), PAGE))
    assert counts[0] == counts[1]


# -- the job's id ---------------------------------------------------------------------------------


def say(call: Call, by: Any, job_id: str) -> Verdict:
    return verdicts.say(call=call, happened=True, job_id=job_id, by=by)


def test_an_id_that_the_provider_does_not_know_books_nothing(
    cast: Cast, fal: Fal, waiting: tuple[Take, Call]
) -> None:
    take, call = waiting
    nobody = "00000000-0000-4000-8000-000000000000"
    with pytest.raises(Invalid) as refused:
        say(call, cast.manager, nobody)
    assert refused.value.extra["errors"]["job_id"] == [f"fal knows no job {nobody} under this account."]
    assert "happened without an id" in refused.value.remedy
    assert (Verdict.objects.count(), state(call)) == (0, CallState.UNKNOWN)
    assert (Entry.objects.filter(take=take).count(), engine_rows.open_holds(take)) == (0, 1)
    address = f"/w/studio/queue/calls/{call.pk}/"
    answer = signed_in(cast.manager).post(address, {"happened": "1", "job_id": nobody})
    assert answer.status_code == 422
    assert f"fal knows no job {nobody}" in answer.content.decode()


def test_an_id_that_the_provider_knows_is_said_to_be_known(
    cast: Cast, engine: Engine, fal: Fal, waiting: tuple[Take, Call]
) -> None:
    _, call = waiting
    fal.finish_all(engine)
    said = say(call, cast.manager, fal.jobs[0]["request_id"])
    assert said.words == "fal knows this job: it succeeded."
    assert "fal knows this job: it succeeded." in text(signed_in(cast.producer), PAGE)


def test_a_provider_that_cannot_be_asked_now_is_said_so(
    cast: Cast, fal: Fal, waiting: tuple[Take, Call]
) -> None:
    _, call = waiting
    job_id = fal.jobs[0]["request_id"]
    ProviderAccount.objects.filter(pk=fal.account.pk).update(base_url=f"http://127.0.0.1:{free_port()}")
    call.refresh_from_db()
    said = say(call, cast.manager, job_id)
    assert said.words.startswith("The job’s id could not be checked at fal: ")
    assert "could not be checked at fal" in text(signed_in(cast.manager), PAGE)


def test_a_provider_without_jobs_to_ask_for_is_said_so(cast: Cast, waiting: tuple[Take, Call]) -> None:
    _, call = waiting
    call.provider = "openai"
    looked = job_check.look(call=call, job_id="job-1")
    assert looked.known is None
    assert looked.words == "The job’s id could not be checked: OpenAI cannot be asked for a job."


def test_one_job_is_of_one_call_alone(
    cast: Cast, engine: Engine, fal: Fal, waiting: tuple[Take, Call]
) -> None:
    _, call = waiting
    _, other = lost(cast, engine)
    job_id = fal.jobs[0]["request_id"]
    taken = "This job is known already"
    first = say(call, cast.manager, job_id)
    with pytest.raises(Invalid, match=taken):
        say(other, cast.manager, job_id)
    verdicts.take_back(verdict=first, by=cast.manager)
    Call.objects.filter(pk=call.pk).update(evidence={"job_id": job_id})
    with pytest.raises(Invalid, match=taken):
        say(other, cast.manager, job_id)
    Call.objects.filter(pk=call.pk).update(evidence={}, provider_job_id=job_id)
    with pytest.raises(Invalid, match=taken):
        say(other, cast.manager, job_id)
    assert Verdict.objects.filter(call=other).count() == 0
    assert say(call, cast.manager, job_id).job_id == job_id


# -- who asked for the take -----------------------------------------------------------------------


def told(cast: Cast) -> list[tuple[str, str]]:
    rows = Notice.objects.filter(membership=cast.producer, kind="take_waits").order_by("created_at", "pk")
    return [(row.title, row.body) for row in rows]


def test_who_asked_for_the_take_sees_and_is_told_that_the_answer_is_lost(
    cast: Cast, waiting: tuple[Take, Call], studio: Cast
) -> None:
    take, _ = waiting
    client = signed_in(cast.producer)
    desk = text(client, f"/w/studio/deliverables/{take.deliverable_id}/")
    assert "Take 1: its answer is lost" in desk
    assert "It waits for a person to say whether the provider has this job." in desk
    assert desk.count("Answer lost") == 3  # over the strip, in it, and beside the step
    assert "Rendering" not in desk
    queue = text(client, "/w/studio/queue/", whose="mine")
    assert "Answer lost" in queue
    assert f'<a href="{PAGE}">a person to say whether the provider has this job</a>' in queue
    ((title, body),) = told(cast)
    assert title == "Opening, take 1: the answer of fal is lost"
    assert "A manager looks the job up" in body


@pytest.mark.parametrize(
    ("happened", "with_id", "follows"),
    [
        (True, True, "fal has the job: it is followed to its end like any other."),
        (True, False, "fal made it: it is charged, and its result is lost."),
        (False, False, "fal did not make or charge it: the step is sent again."),
    ],
)
def test_who_asked_for_the_take_is_told_of_the_verdict(
    cast: Cast, fal: Fal, waiting: tuple[Take, Call], happened: bool, with_id: bool, follows: str
) -> None:
    _, call = waiting
    job_id = fal.jobs[0]["request_id"] if with_id else ""
    verdicts.say(call=call, happened=happened, job_id=job_id, by=cast.manager)
    assert len(told(cast)) == 1
    verdicts.carry_out_due(now=timezone.now() + 2 * MINUTE)
    assert told(cast)[1] == ("Opening, take 1: Manager looked up what became of it", follows)
    assert Notice.objects.filter(membership=cast.manager, dedupe__startswith="verdict:").count() == 0
