"""From a provider's abilities and its kit's declarations: the cases that its contract tests run.

A test that is marked with one of these functions runs once for each case of each kit, and `docs/providers.md`
shows the very same cases: a cell of that matrix is there because a test of it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from generation.providers import registry
from generation.providers.profile import Abilities, Profile, Webhooks
from generation.providers.protocol import CancelOutcome, Job, JobState
from tests.generation.providers.declared import Cancelling, Declared, Failure, Made, Refusal


@dataclass(frozen=True)
class Subject:
    """A provider as its cases are worked out from it."""

    name: str
    declared: Declared

    @property
    def abilities(self) -> Abilities:
        return registry.get(self.name).abilities

    @property
    def profile(self) -> Profile:
        return registry.get(self.name).profile

    def job(self, made: Made) -> Job:
        return registry.get(self.name).translate(model=made.model, request=made.request)

    @property
    def blocking(self) -> bool:
        """Whether the first of what it makes comes with the submit's answer."""
        return self.job(next(iter(self.declared.makes.values()))).blocking


@dataclass(frozen=True)
class Case:
    """One cell's part of the matrix, and what its test is given."""

    row: str
    says: str
    given: Any = None

    @property
    def name(self) -> str:
        return f"{self.row}, {self.says}" if self.says != "yes" else self.row


Cases = Callable[[Subject], Sequence[Case]]
Test = TypeVar("Test", bound=Callable[..., None])
KNOBS = (
    *("seed", "guidance", "motion", "references", "first frame", "last frame", "mask", "negative prompt"),
)


def of(cases: Cases) -> Callable[[Test], Test]:
    """Marks a test: it runs for each of these cases, and gets `kit` and `case`."""

    def mark(test: Test) -> Test:
        test.cases = cases  # type: ignore[attr-defined]
        return test

    return mark


def always(row: str, says: str = "yes") -> Cases:
    return lambda subject: [Case(row, says)]


def when(holds: Callable[[Subject], bool], row: str, says: str = "yes") -> Cases:
    """One case, for providers of which this holds."""
    return lambda subject: [Case(row, says)] if holds(subject) else []


def queued(row: str, says: str = "yes") -> Cases:
    return when(lambda subject: not subject.blocking, row, says)


def blocking(row: str, says: str = "yes") -> Cases:
    return when(lambda subject: subject.blocking, row, says)


# -- jobs -----------------------------------------------------------------------------------------


def states(subject: Subject) -> Sequence[Case]:
    if subject.blocking:
        return []
    told = [subject.declared.first_state, subject.declared.middle_state]
    words = " → ".join(dict.fromkeys(state.value for state in told))
    return [Case("states", f"{words} → succeeded")]


def makes(subject: Subject) -> Sequence[Case]:
    return [Case(name, _told(made), made) for name, made in subject.declared.makes.items()]


def _told(made: Made) -> str:
    parts = [made.media_type or "text"]
    if made.seed is not None:
        parts.append("its seed")
    if made.units is not None:
        parts.append(f"{made.units} units")
    if made.charge is not None:
        parts.append(f"{made.charge} {made.currency}")
    return ", ".join(parts)


# -- errors ---------------------------------------------------------------------------------------


def refusals(subject: Subject) -> Sequence[Case]:
    return [Case(f"a submit: {one.error_class.value}", _doubt(one), one) for one in subject.declared.refusals]


def _doubt(one: Refusal) -> str:
    return f"{one.fail.partition('*')[0]} (in doubt)" if one.ambiguous else one.fail.partition("*")[0]


def crash(subject: Subject) -> Sequence[Case]:
    one = subject.declared.crash
    return [Case("answered with an error after accepting", "in doubt", one)] if one else []


def failures(subject: Subject) -> Sequence[Case]:
    return [Case(f"a job: {one.error_class.value}", _charged(one), one) for one in subject.declared.failures]


def moderation(subject: Subject) -> Sequence[Case]:
    return [Case("moderation", _charged(one), one) for one in subject.declared.moderation]


def _charged(one: Failure) -> str:
    known = {True: "charged", False: "free", None: "charge not told"}[one.charged]
    return f"{one.result.split()[0]}: {known}"


def polls(subject: Subject) -> Sequence[Case]:
    return [Case("a poll that fails", _doubt(one), one) for one in subject.declared.polls]


def fetches(subject: Subject) -> Sequence[Case]:
    return [Case("a result that cannot be fetched", _doubt(one), one) for one in subject.declared.fetches]


# -- cancel ---------------------------------------------------------------------------------------

CAME = {
    CancelOutcome.CANCELLED: "stopped",
    CancelOutcome.REQUESTED: "asked to stop",
    CancelOutcome.TOO_LATE: "too late",
    CancelOutcome.UNSUPPORTED: "not possible",
}


def cancels(subject: Subject) -> Sequence[Case]:
    return [
        Case(state, f"{CAME[one.outcome]}, {one.state.value}, {'charged' if one.charged else 'free'}", one)
        for state, one in subject.declared.cancels.items()
    ]


def garbled(subject: Subject) -> Sequence[Case]:
    """Where a job is stopped by its id: 200 with something that nobody can read, and the job goes on."""
    named = "queued" in subject.declared.cancels and subject.name != "comfyui"
    return [Case("queued, answered with garbage", "asked to stop, succeeded, charged")] if named else []


def hang_ups(subject: Subject) -> Sequence[Case]:
    if not subject.blocking:
        return []
    words = {True: "charged", False: "free", None: "a person is asked whether it was charged"}
    return [Case("open call", f"hung up, {words[subject.abilities.hang_up_charged]}")]


# -- cancelled takes ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stop:
    """A take that is cancelled in one state, and what must come of it."""

    made: str  # of what the provider makes
    reached: str  # queued, running, finished: the provider's word; "" before anything was sent
    kept: bool  # it is made all the same, and the take is ready
    charged: bool | None  # None: nobody knows, the hold stays open and a person is asked
    directive: str = ""

    @property
    def words(self) -> str:
        if self.kept:
            return "made all the same; kept, charged"
        words = {True: "stopped; charged", False: "stopped; free"}
        return words.get(self.charged, "hung up; its hold stays, a person is asked")


REACHED = {"queued": "waits at the provider", "running": "is being made", "finished": "is made, not fetched"}
MADE_ALL_THE_SAME = Cancelling(CancelOutcome.UNSUPPORTED, JobState.SUCCEEDED, charged=True)


def stops(subject: Subject) -> Sequence[Case]:
    """One for each state that a take of this provider can be in, by call that waits and by open call."""
    ways = {subject.job(made).blocking: name for name, made in reversed(subject.declared.makes.items())}
    first = next(iter(subject.declared.makes))
    found = [_stop("waits with us", Stop(first, "", kept=False, charged=False))]
    if name := ways.get(False):
        for reached, row in REACHED.items():
            one = subject.declared.cancels.get(reached, MADE_ALL_THE_SAME)
            kept = one.state is JobState.SUCCEEDED
            found.append(_stop(row, Stop(name, reached, kept, one.charged, one.directive)))
    if name := ways.get(True):
        charged = subject.abilities.hang_up_charged
        found.append(_stop("is being made on an open call", Stop(name, "", kept=False, charged=charged)))
    return found


def _stop(row: str, stop: Stop) -> Case:
    return Case(row, stop.words, stop)


# -- webhooks -------------------------------------------------------------------------------------


def with_webhooks(row: str, says: str = "yes") -> Cases:
    return when(lambda subject: bool(subject.abilities.webhooks), row, says)


def telling(row: str, says: str = "yes") -> Cases:
    return when(lambda subject: subject.declared.webhook_tells, row, says)


def signed(subject: Subject) -> bool:
    return subject.abilities.webhooks in (Webhooks.KEY_SET, Webhooks.SECRET)


def sealed(subject: Subject) -> bool:
    return signed(subject) and subject.declared.webhook_covers_body


def forgeries(subject: Subject) -> Sequence[Case]:
    kinds = ("forged", "stale", "unsigned") if signed(subject) else ()
    return [Case(kind, "rejected", kind) for kind in kinds]


def vouched(subject: Subject) -> Sequence[Case]:
    trust = {Webhooks.KEY_SET: "signed, by key set", Webhooks.SECRET: "signed, by secret"}
    if not subject.abilities.webhooks:
        return []
    return [Case("vouched for", trust.get(subject.abilities.webhooks, "by the address alone"))]


def unsigned(subject: Subject) -> bool:
    return subject.abilities.webhooks is Webhooks.UNSIGNED


def webhook_failures(subject: Subject) -> Sequence[Case]:
    return [
        Case("of a failed job", f"{one.result}: {one.error_class.value}", one)
        for one in subject.declared.webhook_failures
    ]


# -- outputs and knobs ----------------------------------------------------------------------------


def spoilt(subject: Subject) -> Sequence[Case]:
    return [
        Case("spoilt", f"{output} (left to the collector)", (output, claimed))
        for output, claimed in subject.declared.spoilt.items()
    ]


def guarded(subject: Subject) -> Sequence[Case]:
    return [Case("guarded", "fetched with the key")] if subject.declared.guarded else []


def knobs(subject: Subject) -> Sequence[Case]:
    return [Case(name, "yes", (name, model)) for name, model in subject.declared.knobs.items()]


def lacking(subject: Subject) -> Sequence[Case]:
    """Knobs that no declared model has: the first model must say that it drops them."""
    return [
        Case(name, "dropped, and said", name)
        for name in ("seed", "guidance", "motion")
        if name not in subject.declared.knobs
    ]
