"""Workspaces, invitations, roles and tokens."""

import datetime

import pytest
from django.utils import timezone

from projects import people, tokens
from projects.access import MissingRight
from projects.models import ApiToken, Category, Invitation, Membership, Person, Role, Workspace
from projects.problems import Invalid, Refused
from tests import factories


def test_a_new_workspace_has_categories_formats_and_an_owner_with_all_roles(db):
    workspace, owner = people.create_workspace(
        slug="north", currency="EUR", time_zone="Europe/Berlin", owner_email="Ana@Example.com"
    )
    assert sorted(owner.roles) == sorted(Role.values)
    assert owner.person.email == "ana@example.com"
    assert Category.objects.filter(workspace=workspace, delivered_in="draft").get().key == "concept-sketch"
    assert workspace.formats.count() == 4


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("currency", {"currency": "euro"}),
        ("time_zone", {"time_zone": "Berlin"}),
        ("email", {"owner_email": "nobody"}),
    ],
)
def test_a_workspace_with_a_bad_value_is_refused_and_not_made(db, field, values):
    good = {
        "slug": "north",
        "currency": "EUR",
        "time_zone": "Europe/Berlin",
        "owner_email": "a@example.com",
    }
    with pytest.raises(Invalid) as refused:
        people.create_workspace(**{**good, **values})
    assert list(refused.value.errors) == [field]
    assert Workspace.objects.count() == 0
    assert Person.objects.count() == 0


def test_a_slug_that_is_taken_makes_no_person(cast):
    before = Person.objects.count()
    with pytest.raises(Invalid, match="already"):
        people.create_workspace(slug="studio", currency="EUR", time_zone="UTC", owner_email="new@example.com")
    assert Person.objects.count() == before


def invite(cast, email="new@example.com", roles=("producer",), by=None):
    return people.invite(email=email, roles=roles, by=by or cast.admin)


def test_an_invitation_makes_the_invited_person_a_member_once(cast):
    invitation, secret = invite(cast)
    person = factories.person("new@example.com")
    member = people.accept_invitation(secret=secret, person=person)
    assert (member.workspace, member.roles) == (cast.workspace, ["producer"])
    with pytest.raises(people.InvitationGone):
        people.accept_invitation(secret=secret, person=person)
    invitation.refresh_from_db()
    assert invitation.accepted_by == person


def test_an_invitation_of_somebody_else_is_refused(cast):
    _, secret = invite(cast)
    with pytest.raises(people.InvitationGone, match=r"new@example\.com"):
        people.accept_invitation(secret=secret, person=cast.stranger.person)
    assert not Membership.objects.filter(workspace=cast.workspace, person=cast.stranger.person).exists()


def test_an_old_or_withdrawn_invitation_no_longer_works(cast):
    invitation, secret = invite(cast)
    later = timezone.now() + datetime.timedelta(days=15)
    with pytest.raises(people.InvitationGone, match="14 days"):
        people.find_invitation(secret, now=later)
    people.withdraw_invitation(invitation=invitation, by=cast.admin)
    with pytest.raises(people.InvitationGone, match="withdrawn"):
        people.find_invitation(secret)


def test_a_second_invitation_withdraws_the_first(cast):
    _, first = invite(cast)
    _, second = invite(cast, roles=("reviewer",))
    with pytest.raises(people.InvitationGone):
        people.find_invitation(first)
    assert people.find_invitation(second).roles == ["reviewer"]


@pytest.mark.parametrize("role", ["producer", "reviewer", "manager", "finance", "viewer"])
def test_only_admins_invite(cast, role):
    with pytest.raises(MissingRight, match="admin"):
        invite(cast, by=cast.by_role[role])
    assert Invitation.objects.count() == 0


def test_the_only_admin_cannot_be_demoted_or_removed(cast):
    with pytest.raises(Refused, match="only admin"):
        people.set_roles(membership=cast.admin, roles=["viewer"], by=cast.admin)
    with pytest.raises(Refused, match="only admin"):
        people.end_membership(membership=cast.admin, by=cast.admin)
    cast.admin.refresh_from_db()
    assert (cast.admin.roles, cast.admin.ended_at) == (["admin"], None)


def test_leaving_ends_the_tokens(cast):
    tokens.issue(membership=cast.producer, label="script")
    people.end_membership(membership=cast.producer, by=cast.admin)
    assert ApiToken.objects.count() == 0


def test_a_token_is_revoked_by_its_owner_or_an_admin_and_by_nobody_else(cast):
    tokens.issue(membership=cast.producer)
    token = ApiToken.objects.get()
    with pytest.raises(MissingRight):
        tokens.revoke(token=token, by=cast.manager)
    assert ApiToken.objects.count() == 1
    tokens.revoke(token=token, by=cast.admin)
    assert ApiToken.objects.count() == 0
