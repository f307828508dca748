"""Checks on django-q2's settings: combinations that it accepts and that lose or repeat work are refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

LONGEST_CALL_SECONDS = 120
"""No call of an adapter takes longer; a task that does is stuck."""

KILL_BUFFER_SECONDS = 3
"""A worker's timer starts at `timeout` plus this and is counted down by `guard_cycle` to exactly 0."""


def problems(conf: Mapping[str, Any]) -> list[str]:
    """What is wrong with a `Q_CLUSTER` dictionary, one sentence each; empty when nothing is."""
    found = []
    timeout, retry = conf.get("timeout"), conf.get("retry", 60)
    cycle = Decimal(str(conf.get("guard_cycle", 0.5)))
    if not timeout or timeout < 2 * LONGEST_CALL_SECONDS:
        found.append(
            f"timeout must be at least {2 * LONGEST_CALL_SECONDS} s, twice the longest call of a provider."
        )
    elif retry <= 2 * timeout:
        found.append(
            "retry must be more than twice the timeout: it counts from the dequeue, so tasks would run twice."
        )
    if timeout and (
        cycle <= 0 or (Decimal(str(timeout)) + KILL_BUFFER_SECONDS) % cycle or float(cycle) * 1024 % 1
    ):
        found.append(
            "guard_cycle must divide timeout + 3 exactly, in binary too, else stuck workers are never ended."
        )
    if conf.get("bulk", 1) != 1:
        found.append("bulk must be 1: what is prefetched waits behind a busy worker and may run twice.")
    if conf.get("queue_limit", 0) != conf.get("workers"):
        found.append("queue_limit must equal workers, so that little is prefetched.")
    if conf.get("save_limit") != -1:
        found.append("save_limit must be -1: with kept successes each result locks them all.")
    if not conf.get("ack_failures") or conf.get("max_attempts") != 1:
        found.append(
            "ack_failures must be on and max_attempts 1: attempts are counted in the runs, not in the queue."
        )
    if conf.get("sync"):
        found.append(
            "sync must be off: a bell rung inside a transaction would be answered before its commit."
        )
    return found


@register("queue")
def check_queue(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    return [Error(f"Q_CLUSTER: {problem}", id="circletake.E001") for problem in problems(settings.Q_CLUSTER)]
