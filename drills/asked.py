"""What was asked for must be there: every take that was promised, no other, and none lost to a kill."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping

from projects.models import Take
from projects.models.takes import TakeState

MAY_FAIL = frozenset(
    {"[[result:policy]]", "[[result:500]]", "[[fail:422]]", "[[output:truncated_mp4]]"},
)
"""Troubles after which a take may end as failed. After any other only a person's cancel ends it early."""


def violations(promised: Mapping[uuid.UUID, str], *, may_fail: Collection[str] = MAY_FAIL) -> list[str]:
    """`promised` names the trouble of each take that the program said it had made."""
    failed = {
        take.pk: take
        for take in Take.objects.filter(state__in=[TakeState.FAILED, TakeState.STOPPED_BY_BUDGET])
        if promised.get(take.pk, "") not in may_fail
    }
    return [
        *lost(promised),
        *(
            f"Take {pk} failed for no fault of its job ({promised.get(pk) or 'sound'}): {take.failure}"
            for pk, take in failed.items()
        ),
    ]


def lost(promised: Collection[uuid.UUID]) -> list[str]:
    """Takes that were promised and are not there, and those that nobody asked for."""
    there, known = set(Take.objects.values_list("pk", flat=True)), set(promised)
    return [
        *(f"Take {pk} was promised and is not there." for pk in known - there),
        *(f"Take {pk} was made and nobody had asked for it." for pk in there - known),
    ]
