"""Whether each final state is explained in the take's own history, and a failure by the provider's log.

A take's history is its events, its steps and their calls. A failed take names the class and words of the step
that failed; that step has the call which met it; and the log shows for this very call a fault that fits.
"""

from __future__ import annotations

import collections
import json
import urllib.request
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Q

from drills.truth import Job
from generation import tokens
from generation.models import Call, Run
from generation.models.runs import CallState, RunState
from generation.providers.protocol import ErrorClass
from projects.models import Event, Take
from projects.models.takes import TakeState

SUBMITS: dict[str, frozenset[str]] = {
    "429": frozenset({ErrorClass.RATE_LIMITED}),
    "401": frozenset({ErrorClass.AUTH}),
    "402": frozenset({ErrorClass.INSUFFICIENT_CREDIT}),
    "credit": frozenset({ErrorClass.INSUFFICIENT_CREDIT}),
    "422": frozenset({ErrorClass.BAD_REQUEST}),
    "500": frozenset({ErrorClass.UNAVAILABLE}),
    "502": frozenset({ErrorClass.UNAVAILABLE}),
    "503": frozenset({ErrorClass.UNAVAILABLE}),
    "retired": frozenset({ErrorClass.RETIRED}),
}
"""Which class a submit's refusal has; what is in doubt ends no take by itself."""

RESULTS: dict[str, frozenset[str]] = {
    "policy": frozenset({ErrorClass.MODERATED}),
    "black": frozenset({ErrorClass.MODERATED}),
    "500": frozenset({ErrorClass.UNAVAILABLE}),
    "504": frozenset({ErrorClass.TIMEOUT}),
    "no_output": frozenset({ErrorClass.MALFORMED_OUTPUT}),
    "garbage": frozenset({ErrorClass.MALFORMED_OUTPUT}),
    "empty": frozenset({ErrorClass.MALFORMED_OUTPUT}),
}
SPOILT = frozenset({"truncated_mp4", "html", "missing"})
NO_MODEL = "No model can make this"
ENDED_BY_A_PERSON = ("take.call_happened", "take.call_did_not_happen")


def refusals(url: str) -> list[dict[str, Any]]:
    """Submits that the provider did not accept, each with its token, endpoint and what it met."""
    with urllib.request.urlopen(f"{url}/_control/log?after=1000000000", timeout=60) as answer:
        found: list[dict[str, Any]] = json.load(answer)["refusals"]
    return found


def violations(jobs: Sequence[Job], refused: Sequence[Mapping[str, Any]]) -> list[str]:
    """Ended takes whose state their history, or the provider's log, does not explain; in words."""
    return _History(jobs, refused).violations()


class _History:
    def __init__(self, jobs: Sequence[Job], refused: Sequence[Mapping[str, Any]]) -> None:
        self.met: dict[str, set[str]] = collections.defaultdict(set)
        for job in jobs:
            self.met[job["token"]] |= _fits(job["faults"])
        for one in refused:
            self.met[one["token"]] |= SUBMITS.get(one["name"], frozenset())
        self.retired = {f"fal/{one['endpoint']}" for one in refused if one["name"] == "retired"}
        self.runs: dict[uuid.UUID, list[Run]] = collections.defaultdict(list)
        for run in Run.objects.defer("request").order_by("take", "position"):
            self.runs[run.take_id].append(run)
        self.calls: dict[uuid.UUID, list[Call]] = collections.defaultdict(list)
        for call in Call.objects.order_by("run", "number"):
            self.calls[call.run_id].append(call)
        self.events: dict[uuid.UUID, list[Event]] = collections.defaultdict(list)
        for event in Event.objects.filter(~Q(take=None)).order_by("pk"):
            self.events[event.take_id].append(event)

    def violations(self) -> list[str]:
        wrong = []
        for take in Take.objects.order_by("pk"):
            says = {
                TakeState.READY: self._ready,
                TakeState.FAILED: self._failed,
                TakeState.CANCELLED: self._cancelled,
            }.get(TakeState(take.state), self._nothing_explains)
            wrong += [
                f"Take {take.pk} is {take.state} and {line}" for line in (*says(take), *self._calls(take))
            ]
        return wrong

    def _nothing_explains(self, take: Take) -> Iterable[str]:
        yield "no fault of this drill leads to that."

    def _event(self, take: Take, kind: str) -> Event | None:
        return next((event for event in reversed(self.events[take.pk]) if event.kind == kind), None)

    def _ready(self, take: Take) -> Iterable[str]:
        if self._event(take, "take.ready") is None:
            yield "no event says so."
        for run in self.runs[take.pk]:
            last = self.calls[run.pk][-1:]
            if run.state != RunState.SUCCEEDED or not last or last[0].state != CallState.SUCCEEDED:
                yield f"its step {run.step} did not succeed by a call."

    def _cancelled(self, take: Take) -> Iterable[str]:
        event = self._event(take, "take.cancelled")
        if event is None or event.person_id is None:
            yield "no event says who did that."

    def _failed(self, take: Take) -> Iterable[str]:
        event = self._event(take, "take.failed")
        if event is None or event.data.get("failure_class") != take.failure_class:
            yield f"no event says that it failed by {take.failure_class}."
        bad = [run for run in self.runs[take.pk] if run.state in (RunState.FAILED, RunState.BLOCKED)]
        named = [r for r in bad if r.error_class == take.failure_class and r.error[:80] in take.failure]
        if not named:
            yield f"no step of it failed by {take.failure_class}: {take.failure}"
        elif not any(self._is_borne_out(run) for run in named):
            yield f"the log has no such fault: {take.failure_class}, {take.failure}"

    def _is_borne_out(self, run: Run) -> bool:
        """By the log, for one of the step's calls that ended in the step's class."""
        if run.error.startswith(NO_MODEL):
            return any(model in run.error for model in self.retired)
        return any(
            run.error_class in self.met[tokens.token_of(call.pk, call.token_hash)]
            for call in self.calls[run.pk]
            if call.error_class == run.error_class
        )

    def _calls(self, take: Take) -> Iterable[str]:
        """Every call of it has ended, was counted in turn, and says what it met unless it brought media."""
        settled = {e.data.get("step") for e in self.events[take.pk] if e.kind in ENDED_BY_A_PERSON}
        for run in self.runs[take.pk]:
            calls = self.calls[run.pk]
            if [call.number for call in calls] != list(range(1, len(calls) + 1)):
                yield f"the calls of its step {run.step} are not all there."
            for call in calls:
                met = call.error_class or call.cancel_requested_at or run.step in settled
                if call.state != CallState.SUCCEEDED and not met:
                    yield f"call {call.number} of its step {run.step} is {call.state} for no reason."


def _fits(faults: Mapping[str, str]) -> frozenset[str]:
    """The classes that what a job met leads to."""
    found = RESULTS.get(faults.get("result", ""), frozenset())
    return found | {ErrorClass.MALFORMED_OUTPUT} if faults.get("output") in SPOILT else found
