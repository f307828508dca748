"""The grammar of decisions, in code and in the database."""

import threading

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from projects import decisions
from projects.models import Decision, Deliverable, Event
from projects.models.takes import TakeMark, TakeState
from tests import factories
from tests.cast import Cast


def decide(cast: Cast, decision: str, take=None):
    return decisions.record(
        deliverable=cast.deliverable, take=take, decision=decision, by=cast.manager.person
    )


@pytest.fixture
def take(cast):
    return factories.take(cast.deliverable, state=TakeState.READY)


def test_accepting_marks_the_take_and_closes_the_deliverable(cast, take):
    row = decide(cast, "accept", take)
    cast.deliverable.refresh_from_db()
    take.refresh_from_db()
    assert (cast.deliverable.state, take.mark) == ("accepted", TakeMark.ACCEPTED)
    assert cast.deliverable.accepted_at == row.at
    assert Event.objects.get(kind="take.accepted").take_id == take.pk


def test_a_second_acceptance_is_refused_and_changes_nothing(cast, take):
    decide(cast, "accept", take)
    other = factories.take(cast.deliverable, state=TakeState.READY)
    with pytest.raises(decisions.AgainstGrammar, match="signed off already"):
        decide(cast, "accept", other)
    other.refresh_from_db()
    assert other.mark == TakeMark.NONE
    assert Decision.objects.count() == 1


def test_a_reversal_opens_the_deliverable_and_names_what_it_takes_back(cast, take):
    accepted = decide(cast, "accept", take)
    reversed_ = decide(cast, "reverse", take)
    cast.deliverable.refresh_from_db()
    assert cast.deliverable.state == "open"
    assert cast.deliverable.accepted_at is None
    assert reversed_.reverses == accepted
    assert decisions.in_force(cast.deliverable) is None


@pytest.mark.parametrize(("decision", "on_take"), [("reverse", True), ("reopen", False)])
def test_only_what_is_in_force_is_taken_back(cast, take, decision, on_take):
    with pytest.raises(decisions.AgainstGrammar):
        decide(cast, decision, take if on_take else None)
    assert Decision.objects.count() == 0


def test_a_dropped_deliverable_is_not_signed_off_before_it_is_reopened(cast, take):
    decide(cast, "write_off")
    with pytest.raises(decisions.AgainstGrammar, match=r"Reopen|dropped already"):
        decide(cast, "accept", take)
    decide(cast, "reopen")
    decide(cast, "accept", take)
    assert Decision.objects.count() == 3


def test_a_signed_off_take_is_not_rejected_before_its_sign_off_is_withdrawn(cast, take):
    decide(cast, "accept", take)
    with pytest.raises(decisions.AgainstGrammar, match="Take 1 is signed off"):
        decide(cast, "reject", take)
    decide(cast, "reverse", take)
    decide(cast, "reject", take)
    take.refresh_from_db()
    assert take.mark == TakeMark.REJECTED


def test_a_signed_off_take_that_was_selected_since_can_still_be_withdrawn_and_not_rejected(cast, take):
    accepted = decide(cast, "accept", take)
    decide(cast, "select", take)
    with pytest.raises(decisions.AgainstGrammar, match="is signed off"):
        decide(cast, "reject", take)
    assert decide(cast, "reverse", take).reverses == accepted
    cast.deliverable.refresh_from_db()
    take.refresh_from_db()
    assert (cast.deliverable.state, take.mark) == ("open", TakeMark.NONE)


def test_only_the_take_that_carries_the_sign_off_is_withdrawn(cast, take):
    other = factories.take(cast.deliverable, state=TakeState.READY)
    decide(cast, "accept", take)
    with pytest.raises(decisions.AgainstGrammar, match="nothing to withdraw"):
        decide(cast, "reverse", other)
    assert Decision.objects.count() == 1


def test_the_database_itself_refuses_a_second_acceptance(cast, take):
    decide(cast, "accept", take)
    with pytest.raises(IntegrityError, match="grammar of decisions"), transaction.atomic():
        Decision.objects.create(
            workspace=cast.workspace,
            campaign=cast.campaign,
            deliverable=cast.deliverable,
            take=take,
            decision="accept",
            at=timezone.now(),
        )
    assert Decision.objects.count() == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE projects_decision SET note = 'changed'",
        "DELETE FROM projects_decision",
        "TRUNCATE projects_decision CASCADE",
    ],
)
def test_the_database_itself_keeps_decisions(cast, take, statement):
    decide(cast, "accept", take)
    with pytest.raises(Exception, match=r"Cannot|cannot"), transaction.atomic():
        connection.cursor().execute(statement)
    assert Decision.objects.filter(note="").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_managers_who_sign_off_at_once_make_one_acceptance():
    from tests.cast import make_cast

    cast = make_cast()
    takes = [factories.take(cast.deliverable, state=TakeState.READY) for _ in range(2)]
    barrier, outcomes = threading.Barrier(2), []

    def sign_off(take):
        barrier.wait()
        try:
            with transaction.atomic():
                decisions.record(
                    deliverable=Deliverable.objects.get(pk=cast.deliverable.pk),
                    take=take,
                    decision="accept",
                    by=cast.manager.person,
                )
            outcomes.append("accepted")
        except decisions.AgainstGrammar:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=sign_off, args=(take,)) for take in takes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["accepted", "refused"]
    assert Decision.objects.count() == 1
