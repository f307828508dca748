"""The cast itself: what other tests take for granted about it."""

from __future__ import annotations

from projects import access
from tests.cast import Cast


def test_each_member_of_the_cast_has_exactly_its_role(cast: Cast) -> None:
    assert {role: member.roles for role, member in cast.by_role.items()} == {
        role: [role] for role in access.ROLE_RIGHTS
    }


def test_the_stranger_has_every_role_elsewhere_and_sees_nothing_here(cast: Cast) -> None:
    assert access.rights_of(cast.stranger) == frozenset(access.Right.values)
    assert type(cast.deliverable).objects.visible_to(cast.stranger).count() == 0
    assert type(cast.deliverable).objects.visible_to(cast.viewer).get() == cast.deliverable
