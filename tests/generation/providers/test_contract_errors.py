"""Every way to fail, classed: refused submits, lost answers, failed jobs, moderation, polls that fail."""

from __future__ import annotations

import dataclasses
import socket

import pytest

from generation.providers.protocol import ErrorClass, Job, JobState, ProviderError, Status
from tests.generation.providers import cases
from tests.generation.providers.cases import Case
from tests.generation.providers.declared import Failure, Refusal
from tests.generation.providers.kit import Kit


def failing(kit: Kit, directive: str, *, read_seconds: float = 10) -> ProviderError:
    """The error of a submit with this directive."""
    with pytest.raises(ProviderError) as caught:
        kit.submit(kit.job(directive), read_seconds=read_seconds)
    return caught.value


def directive(result: str) -> str:
    """`policy charge_refused:1` as directives of a prompt."""
    first, *others = result.split()
    return "".join([f"[[result:{first}]]", *(f"[[{one}]]" for one in others)])


# -- refusals of a submit -------------------------------------------------------------------------


@cases.of(cases.refusals)
def test_a_refused_submit_is_classed_and_says_whether_it_may_have_been_accepted(kit: Kit, case: Case) -> None:
    refusal: Refusal = case.given
    error = failing(kit, f"[[fail:{refusal.fail}]]")
    assert (error.error_class, error.ambiguous) == (refusal.error_class, refusal.ambiguous)
    assert error.charged is (None if refusal.ambiguous else False)
    assert kit.log() == []


@cases.of(cases.when(lambda subject: subject.declared.retry_after, "rate limit", "says how long to wait"))
def test_a_rate_limit_says_how_long_to_wait(kit: Kit, case: Case) -> None:
    assert failing(kit, "[[fail:429]][[retry_after:7]]").retry_after_seconds == 7.0


@cases.of(cases.always("an answer that is lost", "in doubt"))
def test_an_answer_that_is_lost_after_accepting_is_ambiguous_and_the_job_exists(kit: Kit, case: Case) -> None:
    error = failing(kit, "[[fail:lost]]")
    assert (error.error_class, error.ambiguous, error.charged) == (ErrorClass.UNKNOWN, True, None)
    assert [entry["answered"] for entry in kit.log()] == [False]


@cases.of(cases.crash)
def test_an_error_after_accepting_is_ambiguous_and_the_job_exists(kit: Kit, case: Case) -> None:
    expected: Refusal = case.given
    error = failing(kit, "[[fail:crash]]")
    assert (error.error_class, error.ambiguous, error.charged) == (expected.error_class, True, None)
    assert len(kit.log()) == 1


@cases.of(cases.always("an answer that comes too late", "in doubt"))
def test_an_answer_that_comes_too_late_is_an_ambiguous_timeout_and_the_job_exists(
    kit: Kit, case: Case
) -> None:
    error = failing(kit, "[[stall:2]]", read_seconds=0.2)
    assert (error.error_class, error.ambiguous) == (ErrorClass.TIMEOUT, True)
    assert len(kit.log()) == 1


@cases.of(cases.always("no connection", "never sent, free"))
def test_a_refused_connection_is_not_ambiguous(kit: Kit, case: Case) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{unused.getsockname()[1]}"
        kit.account = dataclasses.replace(kit.account, base_url=nobody)
        error = failing(kit, "")
    assert (error.error_class, error.ambiguous, error.charged) == (ErrorClass.UNAVAILABLE, False, False)


# -- jobs that fail -------------------------------------------------------------------------------


def outcome(kit: Kit, job: Job) -> tuple[Status | None, ProviderError]:
    """The bad end of a job: its status with the error, or the error alone that refused its submit."""
    try:
        status = kit.finished(kit.submit(job))
    except ProviderError as refused:
        return None, refused
    assert status.error is not None
    return status, status.error


def check(kit: Kit, failure: Failure, state: JobState) -> None:
    """The job ends in this state and class, with its word on money; or its blocking submit is refused so."""
    job = kit.job(directive(failure.result))
    status, error = outcome(kit, job)
    if status is None:
        assert (job.blocking, error.ambiguous, failure.units) == (True, False, None)
    else:
        assert (status.state, status.outputs) == (state, ())
        assert failure.units is None or status.billed_units == failure.units
    assert (error.error_class, error.charged) == (failure.error_class, failure.charged)


@cases.of(cases.failures)
def test_a_job_that_failed_is_classed_and_says_whether_it_was_charged(kit: Kit, case: Case) -> None:
    check(kit, case.given, JobState.FAILED)


@cases.of(cases.moderation)
def test_moderation_is_blocked_in_each_of_its_forms_and_yields_no_output(kit: Kit, case: Case) -> None:
    assert case.given.error_class is ErrorClass.MODERATED
    check(kit, case.given, JobState.BLOCKED)


@cases.of(cases.polls)
def test_a_poll_that_failed_says_nothing_about_the_job_and_the_next_one_may_succeed(
    kit: Kit, case: Case
) -> None:
    refusal: Refusal = case.given
    submitted = kit.submit(kit.job(f"[[poll:{refusal.fail}*1]]"))
    with pytest.raises(ProviderError) as caught:
        kit.poll(submitted)
    assert (caught.value.error_class, caught.value.ambiguous) == (refusal.error_class, False)
    assert kit.finished(submitted).state is JobState.SUCCEEDED


@cases.of(cases.fetches)
def test_a_result_that_could_not_be_fetched_is_not_a_failure_of_the_job(kit: Kit, case: Case) -> None:
    refusal: Refusal = case.given
    submitted = kit.submit(kit.job(f"[[fetch:{refusal.fail}]]"))
    with pytest.raises(ProviderError) as caught:
        kit.finished(submitted)
    assert (caught.value.error_class, caught.value.ambiguous) == (refusal.error_class, False)
    assert kit.poll(submitted).state is JobState.SUCCEEDED
