"""What a person says of a lost answer: with its consequences, taken back in time, carried out once."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from billing.models import Entry
from generation import unknown, verdicts
from generation.models import Call, Verdict
from generation.models.runs import CallState, RunState
from projects.access import MissingRight
from projects.models import Take
from projects.problems import Invalid, Refused
from tests.cast import Cast
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
