"""What a request meets: set by a script, or asked for by directives in the prompt.

Later beats earlier: the defaults of the program, the first rule of the script that matches, the
prompt's directives. `[[fail:429*2]]` fails the first two requests with this very body and then lets
the third through; without `*n` it always fails.
"""

from __future__ import annotations

import collections
import dataclasses
import fnmatch
import hashlib
import random
import re
from collections.abc import Mapping
from typing import Any

DIRECTIVE = re.compile(r"\[\[(\w+):([^\]]*)\]\]")


@dataclasses.dataclass(frozen=True, slots=True)
class Behaviour:
    """Everything that can be chosen. Durations are seconds; empty text means that all goes well.

    fail      the submit is refused: a status (401, 402, 403, 404, 422, 429, 500, 502, 503, 504), or
              credit, garbage, empty, drop (cut before accepting), lost (accepted, then cut), crash
              (accepted, then answered 500 under the request's own name)
    stall     seconds from accepting a submit until it is answered
    result    how an accepted job ends: a type of the provider's error tables, or policy, black,
              no_output, garbage, empty
    poll      a status request fails: a status, garbage, empty or drop
    fetch     the request for the result fails in the same ways, though the job did not
    answer    the answer to an accepted submit is garbage or empty (fal)
    file      the request for an output fails: a status, garbage, drop, or broken after its first half (fal)
    output    jpeg, png, mp4, truncated_mp4, html, huge, endless, drip, bomb, missing; by model if empty
    webhook   once, twice, before, late, forged, stale, unsigned, unserialised, gateway, none
    stop      a request to stop a job fails, and the job goes on: a status, garbage, empty or drop (where
              jobs are stopped by their id)
    stopped   the job stops as it would, and the answer fails in the same ways (fal)
    cancel    honour (a running job stops), ignore (it finishes all the same), gone (404)
    """

    fail: str = ""
    retry_after: float = 1.0
    stall: float = 0.0
    latency: str = "0.2"
    queue_share: float = 0.25
    result: str = ""
    poll: str = ""
    fetch: str = ""
    answer: str = ""
    file: str = ""
    output: str = ""
    output_bytes: int = 100_000
    expires: float = 0.0
    webhook: str = "once"
    webhook_delay: float = 0.0
    stop: str = ""
    stopped: str = ""
    cancel: str = "honour"
    charge_cancelled: bool = True
    charge_refused: bool = False
    concurrency: int = 0

    def changed(self, values: Mapping[str, Any]) -> Behaviour:
        """A copy with these values, texts turned into the fields' types; unknown names raise KeyError."""
        kinds = {field.name: type(field.default) for field in dataclasses.fields(self)}
        return dataclasses.replace(
            self, **{name: _typed(kinds[name], value) for name, value in values.items()}
        )

    def latency_seconds(self, rng: random.Random) -> float:
        low, _, high = self.latency.partition("-")
        return rng.uniform(float(low), float(high or low))


def _typed(kind: type, value: Any) -> Any:
    if kind is bool and isinstance(value, str):
        return value.lower() in {"1", "true", "yes"}
    return kind(value)


def directives(prompt: str) -> dict[str, str]:
    return dict(DIRECTIVE.findall(prompt))


@dataclasses.dataclass(slots=True)
class Rule:
    """One line of a script: `match` holds patterns (`*` allowed) for provider, endpoint, prompt, key."""

    match: dict[str, str]
    behaviour: dict[str, Any]
    share: float = 1.0
    times: int | None = None
    used: int = 0

    def applies(self, facts: Mapping[str, str], dice: float) -> bool:
        if self.times is not None and self.used >= self.times:
            return False
        if dice >= self.share:
            return False
        return all(fnmatch.fnmatch(facts.get(k, ""), v) for k, v in self.match.items())


class Script:
    """Rules in order, the defaults under them, and a seed that makes the dice fall the same again."""

    def __init__(self, *, seed: int, defaults: Mapping[str, Any] | None = None) -> None:
        self.seed = seed
        self.base = Behaviour().changed(defaults or {})
        self.defaults = self.base
        self.rules: list[Rule] = []
        self.seen: collections.Counter[str] = collections.Counter()
        self.failed: collections.Counter[str] = collections.Counter()

    def reset(self) -> None:
        self.defaults, self.rules = self.base, []
        self.seen.clear()
        self.failed.clear()

    def load(self, document: Mapping[str, Any]) -> None:
        """Replaces the rules, or adds to them with `"append": true`; `defaults` change the defaults."""
        rules = [Rule(**{"match": {}, **rule}) for rule in document.get("rules", [])]
        for rule in rules:
            self.defaults.changed(rule.behaviour)  # a misspelt name is told at once
        self.defaults = self.defaults.changed(document.get("defaults", {}))
        self.rules = self.rules + rules if document.get("append") else rules

    def choose(self, facts: Mapping[str, str], body: bytes) -> tuple[Behaviour, random.Random]:
        """The behaviour for this request and its dice, seeded by body and repetition, not by time."""
        digest = hashlib.sha256(body).hexdigest()
        self.seen[digest] += 1
        rng = random.Random(f"{self.seed}:{digest}:{self.seen[digest]}")
        behaviour = self.defaults
        for rule in self.rules:
            if rule.applies(facts, rng.random()):
                rule.used += 1
                behaviour = behaviour.changed(rule.behaviour)
                break
        behaviour = behaviour.changed(directives(facts.get("prompt", "")))
        return self.counted(behaviour, "fail", digest), rng

    def counted(self, behaviour: Behaviour, name: str, owner: str) -> Behaviour:
        """Resolves `value*n`: the value for the first n requests of this owner, then nothing."""
        value, star, times = getattr(behaviour, name).partition("*")
        if star:
            self.failed[f"{name}:{owner}"] += 1
            value = value if self.failed[f"{name}:{owner}"] <= int(times) else ""
        return behaviour.changed({name: value})
