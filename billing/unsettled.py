"""Calls that a provider has been asked for and that have no charge yet, for the accruals of a close.

The ledger does not know calls; the room that makes them says which they are by `register`.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import NamedTuple

from billing.entries import Charge
from billing.models import Hold
from projects.models import Workspace


class Unsettled(NamedTuple):
    """A call whose hold is open. `charge` is what it would say at its expected price."""

    hold: Hold
    charge: Charge
    asked_at: datetime.datetime


Source = Callable[[Workspace, datetime.datetime], list[Unsettled]]
_sources: list[Source] = []


def register(source: Source) -> None:
    """Adds a source: given a workspace and an instant, the calls asked for before it, without a charge."""
    if source not in _sources:
        _sources.append(source)


def before(workspace: Workspace, instant: datetime.datetime) -> list[Unsettled]:
    """All calls asked for before the instant whose charge is not known, in the order of their holds."""
    found = [call for source in _sources for call in source(workspace, instant)]
    return sorted(found, key=lambda call: call.hold.pk)
