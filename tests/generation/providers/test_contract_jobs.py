"""What the engine relies on, asked of every adapter over real HTTP: states, results, and what goes along."""

from __future__ import annotations

import dataclasses

import httpx
import pytest

from generation.providers.protocol import ErrorClass, JobState, ProviderError, Submitted
from tests.generation.providers import cases
from tests.generation.providers.cases import Case
from tests.generation.providers.declared import Made
from tests.generation.providers.kit import NOWHERE, Kit


@cases.of(cases.states)
def test_a_job_goes_through_its_states(kit: Kit, case: Case) -> None:
    submitted = kit.submit(kit.job())
    assert kit.poll(submitted).state is kit.declared.first_state
    kit.emulator.advance(50)
    assert kit.poll(submitted).state is kit.declared.middle_state
    kit.emulator.advance(50)
    assert kit.poll(submitted).state is JobState.SUCCEEDED


@cases.of(cases.blocking("states", "answered with the result"))
def test_the_answer_to_a_blocking_submit_is_the_result(kit: Kit, case: Case) -> None:
    job = kit.job()
    submitted = kit.submit(job)
    assert (job.blocking, kit.provider.abilities.blocking) == (True, True)
    assert submitted.status is not None
    assert submitted.status.state is JobState.SUCCEEDED
    assert (bool(submitted.job_id), job.token not in submitted.job_id) == (True, True)


@cases.of(cases.when(lambda subject: subject.declared.position, "place in the queue"))
def test_the_queue_position_counts_down(kit: Kit, case: Case) -> None:
    submitted = kit.submit(kit.job())
    assert kit.poll(submitted).queue_position == 1
    kit.emulator.advance(15)
    assert kit.poll(submitted).queue_position == 0


@cases.of(cases.when(lambda subject: subject.abilities.progress, "progress"))
def test_progress_grows_while_a_job_is_made(kit: Kit, case: Case) -> None:
    submitted = kit.submit(kit.job())
    kit.emulator.advance(40)
    early = kit.poll(submitted).progress
    kit.emulator.advance(40)
    late = kit.poll(submitted).progress
    assert early is not None
    assert late is not None
    assert 0 <= early < late <= 1


@cases.of(cases.makes)
def test_a_success_has_its_output_its_type_its_seed_and_its_money(kit: Kit, case: Case) -> None:
    made: Made = case.given
    makes = next(name for name, one in kit.declared.makes.items() if one is made)
    status = kit.finished(kit.submit(kit.job(makes=makes)))
    (output,) = status.outputs
    assert (status.state, status.error) == (JobState.SUCCEEDED, None)
    assert (output.media_type, status.seed, status.billed_units) == (made.media_type, made.seed, made.units)
    assert (status.charge, status.charge_currency) == (made.charge, made.currency)
    if made.text:
        assert output.text == made.text
    else:
        assert len(content(kit, output)) > 400


def content(kit: Kit, output: object) -> bytes:
    """The bytes of an output, wherever they are."""
    data, url = getattr(output, "data", b""), getattr(output, "url", "")
    if data:
        return bytes(data)
    headers = dict(kit.provider.download_headers(kit.account)) if getattr(output, "authorized", False) else {}
    answer = httpx.get(url, headers=headers, trust_env=False)
    assert answer.status_code == 200
    return answer.content


@cases.of(cases.when(lambda subject: subject.declared.token_travels, "our token with the job"))
def test_our_token_travels_with_the_job(kit: Kit, case: Case) -> None:
    kit.submit(kit.job(webhook_url="http://127.0.0.1:9/hooks/run-1/"))
    (entry,) = kit.log()
    assert entry["token"] == "run-1"


@cases.of(cases.always("the key, and known parameters only"))
def test_the_key_travels_with_the_job_and_nothing_that_the_provider_does_not_know(
    kit: Kit, case: Case
) -> None:
    kit.submit(kit.job())
    (entry,) = kit.log()
    assert entry["unknown_parameters"] == []
    assert entry["key"] == (kit.sent_key or kit.account.key)


@cases.of(
    cases.when(
        lambda subject: subject.declared.unknown_job is not None and not subject.blocking,
        "an unknown job",
        "lost",
    )
)
def test_a_job_that_the_provider_does_not_know_is_lost(kit: Kit, case: Case) -> None:
    submitted = kit.submit(kit.job())
    unknown = Submitted(NOWHERE, {"endpoint": kit.picture.endpoint})
    assert kit.poll(unknown).state is kit.declared.unknown_job
    assert kit.poll(submitted).state is kit.declared.first_state


@cases.of(
    cases.when(lambda subject: subject.declared.found_by_id and not subject.blocking, "a job by its id alone")
)
def test_a_job_is_found_again_by_its_id_and_endpoint_alone(kit: Kit, case: Case) -> None:
    submitted = kit.submit(kit.job())
    bare = Submitted(submitted.job_id, {"endpoint": kit.picture.endpoint})
    assert kit.finished(bare).state is JobState.SUCCEEDED


@cases.of(cases.always("connection test"))
def test_the_connection_test_makes_nothing_and_names_the_provider(kit: Kit, case: Case) -> None:
    assert kit.provider.profile.title in kit.test()
    assert kit.log() == []


@cases.of(cases.when(lambda subject: bool(subject.profile.key), "a wrong key", "told"))
def test_the_connection_test_tells_a_wrong_key(kit: Kit, case: Case) -> None:
    kit.account = dataclasses.replace(kit.account, key="")
    with pytest.raises(ProviderError) as caught:
        kit.test()
    assert caught.value.error_class is ErrorClass.AUTH
