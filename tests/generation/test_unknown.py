"""A call whose answer was lost is found out, sent once more below a limit, or listed for a person."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing import exceptions, months
from billing.models import Entry, HoldOutcome
from generation import aftermath, sweep, unknown
from generation.models import Call, Run, SketchJob
from generation.models.runs import CallState, Lane, RunState
from generation.providers.protocol import ErrorClass, JobState, ProviderError, Status, Submitted
from projects.access import MissingRight
from projects.models import Event, Notice, Take
from projects.models.takes import TakeState
from projects.problems import Refused
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.conftest import Fal
from tests.generation.engine_rows import FLUX, SKETCH, Engine


def ask(cast: Cast, directive: str = "[[fail:lost*1]]", model: str = FLUX) -> Take:
    return engine_rows.take(
        cast.deliverable,
        engine_rows.step(models=[model], amount="0.05", prompt=f"A lighthouse {directive}"),
        person=cast.producer.person,
    )


def lost(cast: Cast, engine: Engine) -> tuple[Take, Call]:
    """A take whose only call was accepted by the provider, with the answer lost; listed for a person."""
    take = ask(cast)
    engine.submit()
    engine.later(30)
    engine.poll()
    (call,) = engine_rows.calls_of(take)
    return take, call


def state(take: Take) -> str:
    take.refresh_from_db()
    return take.state


def test_what_cannot_be_asked_is_listed_for_a_person(cast: Cast, engine: Engine, fal: Fal) -> None:
    take, call = lost(cast, engine)
    run = Run.objects.get(take=take)
    assert (run.state, run.lane) == (RunState.UNKNOWN, Lane.NONE)
    assert "a person" in run.waiting_for
    assert list(unknown.waiting(membership=cast.manager)) == [call]
    assert list(unknown.waiting(membership=cast.stranger)) == []
    assert engine_rows.open_holds(take) == 1
    assert Notice.objects.filter(membership=cast.manager, kind="take_waits").count() == 1
    engine.later(10_000)
    assert engine.turn() == 0
    assert len(fal.jobs) == 1


def test_below_the_limit_it_is_sent_once_more_and_said(cast: Cast, engine: Engine, fal: Fal) -> None:
    cast.workspace.doubtful_charge_limit = Decimal("0.05")
    cast.workspace.save()
    take, first = lost(cast, engine)
    engine.submit()
    fal.finish_all(engine)
    engine.until_quiet()
    assert state(take) == TakeState.READY
    first, second = engine_rows.calls_of(take)
    assert (first.state, second.state) == (CallState.UNKNOWN, CallState.SUCCEEDED)
    assert "sent_once_more_at" in first.evidence
    assert Event.objects.get(kind="take.sent_once_more").data["doubtful_amount"] == "0.05000000"
    assert len(fal.jobs) == 2
    assert engine_rows.open_holds(take) == 1
    job_id = fal.jobs[0]["request_id"]
    unknown.it_happened(call=first, by=cast.manager, job_id=job_id, now=engine.now)
    amounts = Entry.objects.filter(take=take).order_by("booked_at").values_list("amount", "failed_charged")
    assert list(amounts) == [(Decimal("0.05"), False), (Decimal("0.05"), True)]
    assert engine_rows.open_holds(take) == 0


def test_a_job_that_turns_up_after_its_step_was_sent_once_more_stays_listed_with_its_id(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    """Nobody would poll two jobs of one step; the second one is followed, a person settles the first."""
    cast.workspace.doubtful_charge_limit = Decimal("0.05")
    cast.workspace.save()
    take, first = lost(cast, engine)
    answer = Submitted(fal.jobs[0]["request_id"], {"endpoint": "fal-ai/flux/dev"})
    assert not unknown.follow(call=first, answer=answer, now=engine.now)
    engine.submit()
    assert not unknown.follow(call=first, answer=answer, now=engine.now)
    fal.finish_all(engine)
    engine.until_quiet()
    first, second = engine_rows.calls_of(take)
    assert (first.state, second.state) == (CallState.UNKNOWN, CallState.SUCCEEDED)
    assert first.evidence["job_id"] == fal.jobs[0]["request_id"]
    assert list(unknown.waiting(membership=cast.manager)) == [first]
    assert (state(take), engine_rows.open_holds(take)) == (TakeState.READY, 1)


def test_it_is_sent_once_more_and_not_again_and_again(cast: Cast, engine: Engine, fal: Fal) -> None:
    cast.workspace.doubtful_charge_limit = Decimal(1)
    cast.workspace.save()
    take = ask(cast, "[[fail:lost]]")
    for _ in range(5):
        engine.submit()
        engine.later(30)
        engine.poll()
    assert len(fal.jobs) == 2
    assert engine_rows.states_of(take) == [RunState.UNKNOWN]
    assert engine_rows.open_holds(take) == 2


def both_lost(cast: Cast, engine: Engine) -> tuple[Take, Call, Call]:
    """A take of which both submits were accepted, and both answers lost."""
    cast.workspace.doubtful_charge_limit = Decimal(1)
    cast.workspace.save()
    take = ask(cast, "[[fail:lost]]")
    for _ in range(2):
        engine.submit()
        engine.later(30)
        engine.poll()
    first, second = engine_rows.calls_of(take)
    return take, first, second


def test_a_person_may_say_of_two_lost_answers_the_older_first(cast: Cast, engine: Engine, fal: Fal) -> None:
    """Only the last call of a step is polled: the older job is charged, the run waits for the last one."""
    take, first, second = both_lost(cast, engine)
    jobs = [job["request_id"] for job in fal.jobs]
    unknown.it_happened(call=first, by=cast.manager, job_id=jobs[0], now=engine.now)
    assert engine_rows.states_of(take) == [RunState.UNKNOWN]
    unknown.it_happened(call=second, by=cast.manager, job_id=jobs[1], now=engine.now)
    fal.finish_all(engine)
    engine.until_quiet()
    assert (state(take), len(fal.jobs), engine_rows.open_holds(take)) == (TakeState.READY, 2, 0)
    assert Entry.objects.filter(take=take).count() == 2


def test_an_older_call_that_did_not_happen_sends_nothing_while_the_last_one_is_in_doubt(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    take, first, second = both_lost(cast, engine)
    unknown.it_did_not(call=first, by=cast.manager, now=engine.now)
    engine.until_quiet()
    assert engine_rows.states_of(take) == [RunState.UNKNOWN]
    assert (len(fal.jobs), engine_rows.open_holds(take)) == (2, 1)
    unknown.it_happened(call=second, by=cast.manager, job_id=fal.jobs[1]["request_id"], now=engine.now)
    fal.finish_all(engine)
    engine.until_quiet()
    assert (state(take), engine_rows.open_holds(take)) == (TakeState.READY, 0)


def test_a_job_that_a_person_found_is_followed_to_its_end(cast: Cast, engine: Engine, fal: Fal) -> None:
    take, call = lost(cast, engine)
    unknown.it_happened(call=call, by=cast.manager, job_id=fal.jobs[0]["request_id"])
    fal.finish_all(engine)
    engine.until_quiet()
    assert state(take) == TakeState.READY
    assert HoldOutcome.objects.get(hold__take=take).outcome == "posted"
    assert Event.objects.get(kind="take.call_happened").person == cast.manager.person
    assert len(fal.jobs) == 1


@pytest.mark.parametrize(
    ("happened", "words"),
    [(True, "said to be made and charged"), (False, "said to be unknown to the provider")],
)
def test_what_is_said_of_a_lost_answer_is_a_disputed_charge_of_its_month(
    cast: Cast, engine: Engine, fal: Fal, happened: bool, words: str
) -> None:
    take, call = lost(cast, engine)
    assert call.hold is not None
    month = months.month_of(cast.workspace, engine.now)
    wanted = {"workspace": cast.workspace, "month": month, "filters": exceptions.Filters(kind="disputed")}
    assert exceptions.listed(**wanted) == []  # type: ignore[arg-type]
    settled = unknown.it_happened if happened else unknown.it_did_not
    settled(call=call, by=cast.manager, now=(at := engine.now))
    (row,) = exceptions.listed(**wanted)  # type: ignore[arg-type]
    assert row.note == f"lost answer of {call.model}: {words}"
    assert (row.take_id, row.at, row.by) == (take.pk, at, str(cast.manager.person))
    assert (row.amount, row.place) == (call.hold.amount, call.provider)


def test_a_job_without_an_id_is_charged_and_its_take_fails(cast: Cast, engine: Engine, fal: Fal) -> None:
    take, call = lost(cast, engine)
    unknown.it_happened(call=call, by=cast.manager)
    assert (state(take), take.failed_charged) == (TakeState.FAILED, True)
    entry = Entry.objects.get(take=take)
    assert (entry.amount, entry.failed_charged) == (Decimal("0.05"), True)
    assert engine_rows.open_holds(take) == 0


def test_what_did_not_happen_is_sent_again_with_the_same_hold(cast: Cast, engine: Engine, fal: Fal) -> None:
    take = ask(cast, "[[fail:drop*1]]")
    engine.submit()
    engine.later(30)
    engine.poll()
    (call,) = engine_rows.calls_of(take)
    unknown.it_did_not(call=call, by=cast.manager)
    call.refresh_from_db()
    assert (call.state, call.hold) == (CallState.REFUSED, None)
    engine.submit()
    fal.finish_all(engine)
    engine.until_quiet()
    assert state(take) == TakeState.READY
    assert HoldOutcome.objects.filter(hold__take=take).count() == 1
    assert len(fal.jobs) == 1


def test_only_a_manager_settles_it_and_only_once(cast: Cast, engine: Engine, fal: Fal) -> None:
    take, call = lost(cast, engine)
    with pytest.raises(MissingRight):
        unknown.it_did_not(call=call, by=cast.producer)
    with pytest.raises(Refused):
        unknown.it_did_not(call=call, by=cast.stranger)
    assert Call.objects.get().state == CallState.UNKNOWN
    unknown.it_happened(call=call, by=cast.manager)
    with pytest.raises(Refused):
        unknown.it_did_not(call=call, by=cast.manager)
    assert Entry.objects.filter(take=take).count() == 1


def test_the_built_in_renderer_is_asked_whether_it_has_the_job(cast: Cast, engine: Engine) -> None:
    """The worker died after the job was written and before its id was: the token finds it."""
    engine_rows.model(cast.workspace)
    take = ask(cast, "", SKETCH)
    engine.submit()
    interrupt(take)
    sweep.interrupted(now=engine.now)
    assert engine_rows.states_of(take) == [RunState.UNKNOWN]
    engine.later(15)
    engine.until_quiet()
    assert state(take) == TakeState.READY
    assert SketchJob.objects.exclude(kind="renditions").count() == 1
    assert Entry.objects.filter(take=take).count() == 1


def test_a_job_that_the_built_in_renderer_does_not_have_is_sent_again(cast: Cast, engine: Engine) -> None:
    """The worker died after the intent and before the job was written."""
    engine_rows.model(cast.workspace)
    take = ask(cast, "", SKETCH)
    engine.submit()
    interrupt(take)
    SketchJob.objects.all().delete()
    sweep.interrupted(now=engine.now)
    engine.later(15)
    engine.until_quiet()
    assert state(take) == TakeState.READY
    assert [call.state for call in engine_rows.calls_of(take)] == [
        CallState.REFUSED,
        CallState.SUCCEEDED,
    ]
    assert Entry.objects.filter(take=take).count() == 1
    assert engine_rows.open_holds(take) == 0


def interrupt(take: Take) -> None:
    """The rows as a worker leaves them that died between the intent and the answer."""
    Call.objects.filter(run__take=take).update(state=CallState.INTENDED, provider_job_id="", accepted_at=None)
    Run.objects.filter(take=take).update(
        state=RunState.SUBMITTING,
        lane=Lane.SUBMIT,
        lease=take.pk,
        leased_until=take.requested_at,
    )


def test_an_answer_that_comes_while_the_sweep_is_at_it_is_not_lost_again(
    cast: Cast, engine: Engine, fal: Fal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease ran out, the sweep has listed the call, and only then the slow worker writes the job's id."""
    take = ask(cast, "")
    engine.submit()
    (call,) = engine_rows.calls_of(take)
    accepted = {name: getattr(call, name) for name in ("state", "provider_job_id", "handle", "accepted_at")}
    interrupt(take)
    plain = unknown.mark

    def answered_meanwhile(**options: Any) -> bool:
        Call.objects.filter(pk=call.pk).update(**accepted)
        Run.objects.filter(take=take).update(state=RunState.RENDERING, lane=Lane.POLL, due_at=engine.now)
        return plain(**options)

    monkeypatch.setattr(unknown, "mark", answered_meanwhile)
    assert sweep.interrupted(now=engine.now) == 0
    call.refresh_from_db()
    assert (call.state, engine_rows.states_of(take)) == (CallState.ACCEPTED, [RunState.RENDERING])
    fal.finish_all(engine)
    engine.until_quiet()
    assert (state(take), len(fal.jobs)) == (TakeState.READY, 1)


def test_a_job_of_which_a_webhook_told_is_known_though_its_own_answer_is_lost(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    take = ask(cast, "")
    engine.submit()
    (call,) = engine_rows.calls_of(take)
    error = ProviderError(ErrorClass.UNKNOWN, "The job was sent and no answer came.", ambiguous=True)
    aftermath.not_accepted(call=call, error=error, now=engine.now)
    call.refresh_from_db()
    assert call.state == CallState.ACCEPTED
    fal.finish_all(engine)
    engine.until_quiet()
    assert (state(take), len(fal.jobs)) == (TakeState.READY, 1)


def test_a_blocked_job_ends_its_take_though_its_answer_was_lost_meanwhile(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    """A poll had asked about the job, and what it was told comes after the call became unknown."""
    take = ask(cast, "[[result:policy]]")
    engine.submit()
    (call,) = engine_rows.calls_of(take)
    lost_again = ProviderError(ErrorClass.UNKNOWN, "the provider does not know the job any more")
    assert unknown.mark(call=call.pk, error=lost_again, was=[CallState.ACCEPTED], now=engine.now)
    told = ProviderError(ErrorClass.MODERATED, "It was flagged.", charged=False)
    aftermath.ended_badly(call=call, status=Status(JobState.BLOCKED, error=told), now=engine.now)
    assert (state(take), engine_rows.states_of(take)) == (TakeState.FAILED, [RunState.BLOCKED])
    assert engine_rows.open_holds(take) == 0
