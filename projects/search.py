"""Search over deliverables, takes and prompts of a workspace."""

from __future__ import annotations

import dataclasses

from django.db.models import Q

from projects.models import Deliverable, Membership, Take

MOST = 25


@dataclasses.dataclass(frozen=True)
class Found:
    deliverables: list[Deliverable]
    takes: list[Take]


def search(*, membership: Membership, text: str) -> Found:
    """At most 25 deliverables and 25 takes in which every word stands, newest first."""
    words = text.split()[:8]
    if not words:
        return Found([], [])
    wanted_deliverable, wanted_take = Q(), Q()
    for word in words:
        wanted_deliverable &= Q(name__icontains=word) | Q(key__icontains=word) | Q(brief__icontains=word)
        wanted_take &= Q(prompt__icontains=word)
    deliverables = (
        Deliverable.objects.visible_to(membership)
        .filter(wanted_deliverable)
        .select_related("campaign__project", "category", "poster")
        .order_by("-created_at", "pk")[:MOST]
    )
    takes = (
        Take.objects.visible_to(membership)
        .filter(wanted_take)
        .select_related("deliverable__campaign__project", "poster")
        .order_by("-requested_at", "pk")[:MOST]
    )
    return Found(list(deliverables), list(takes))
