"""Who is looking at a request right now, so that two managers do not weigh the same one.

A claim holds nothing back: it is a word to the others, kept in the cache, gone a minute after the last look.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.core.cache import cache

from projects.models import Membership

LOOK_SECONDS = 60


def look(request_id: uuid.UUID, *, by: Membership) -> list[str]:
    """Notes that a member looks at a request, and at no other; answers the names of the others who do."""
    person, before = str(by.person_id), cache.get(_last(by))
    if before and before != request_id:
        left = cache.get(_key(before, by), {})
        left.pop(person, None)
        cache.set(_key(before, by), left, LOOK_SECONDS)
    people = cache.get(_key(request_id, by), {}) | {person: str(by.person)}
    cache.set_many({_key(request_id, by): people, _last(by): request_id}, LOOK_SECONDS)
    return _others(people, by)


def looking(request_ids: Iterable[uuid.UUID], *, but: Membership) -> dict[uuid.UUID, list[str]]:
    """Who looks at which of these requests, without the member."""
    keys = {_key(request_id, but): request_id for request_id in request_ids}
    found = cache.get_many(keys)
    return {keys[key]: names for key, people in found.items() if (names := _others(people, but))}


def _others(people: dict[str, str], member: Membership) -> list[str]:
    return sorted(name for person, name in people.items() if person != str(member.person_id))


def _last(member: Membership) -> str:
    return f"looking-at:{member.pk}"


def _key(request_id: uuid.UUID, member: Membership) -> str:
    """Each workspace has its own: another's id tells nobody's name, and shows nobody one's own."""
    return f"looking:{member.workspace_id}:{request_id}"
