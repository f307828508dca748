"""The page People and the address in an invitation's mail: what they show, what they change, for whom."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from django.utils import timezone

from generation import invitations
from projects import people
from projects.models import Event, Invitation, Membership, Person, RoleRate
from tests import factories
from tests.cast import Cast
from tests.generation.pages import everybody, only, queries, signed_in, statuses, text

PEOPLE = "/w/studio/people/"
PASSWORD = "quiet harbour at dawn"


def mailed_address() -> str:
    """The path of the newest mail's link."""
    found = re.search(r"/invitations/\S+", mail.outbox[-1].body)
    assert found
    return found[0]


def invited(cast: Cast, email: str = "new@example.com") -> str:
    invitations.invite(email=email, roles=["producer"], by=cast.admin)
    return mailed_address()


def test_everybody_reads_who_is_here_and_what_each_role_may(cast: Cast) -> None:
    assert statuses(cast, PEOPLE) == everybody(cast)
    page = text(signed_in(cast.viewer), PEOPLE)
    assert "producer@example.com" in page
    assert "Approve spending" in page
    assert "stranger@example.com" not in page
    assert "Invite" not in page


@pytest.mark.parametrize("path", ["invite/", "rates/"])
def test_inviting_is_for_admins_and_rates_for_finance(cast: Cast, path: str) -> None:
    role = "admin" if path == "invite/" else "finance"
    assert statuses(cast, PEOPLE + path, method="post") == only(cast, role, status=422)


def test_an_admin_invites_by_mail_and_may_withdraw(cast: Cast) -> None:
    client = signed_in(cast.admin)
    body = {"email": "New@Example.com", "roles": ["producer", "reviewer"]}
    assert client.post(f"{PEOPLE}invite/", body).status_code == 302
    assert mail.outbox[0].to == ["new@example.com"]
    assert "as producer, reviewer" in mail.outbox[0].body
    address = mailed_address()
    assert Client().get(address).status_code == 200
    row = Invitation.objects.get()
    assert client.post(f"{PEOPLE}invitations/{row.pk}/withdraw/").status_code == 302
    assert Client().get(address).status_code == 410
    assert (
        client.post(f"{PEOPLE}invite/", {"email": "producer@example.com", "roles": ["viewer"]}).status_code
        == 422
    )
    assert Invitation.objects.count() == 1


def test_an_invitation_that_cannot_be_mailed_is_withdrawn(cast: Cast, settings: object) -> None:
    settings.EMAIL_BACKEND = "tests.generation.mailing.Refusing"  # type: ignore[attr-defined]
    answer = signed_in(cast.admin).post(f"{PEOPLE}invite/", {"email": "a@example.com", "roles": ["viewer"]})
    assert "The mail server refused" in answer.content.decode()
    assert Invitation.objects.get().revoked_at is not None


def test_somebody_new_sets_a_name_and_a_password_and_is_in(cast: Cast) -> None:
    address, client = invited(cast), Client()
    assert client.post(address, {"name": "Nora", "password": "short"}).status_code == 422
    assert not Person.objects.filter(email="new@example.com").exists()
    answer = client.post(address, {"name": "Nora", "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/w/studio/")
    person = Person.objects.get(email="new@example.com")
    assert (person.name, person.check_password(PASSWORD)) == ("Nora", True)
    assert Membership.objects.get(person=person).roles == ["producer"]
    assert EmailAddress.objects.get(user=person).verified
    assert client.get("/w/studio/").status_code == 200
    assert Client().post(address, {"name": "Eve", "password": PASSWORD}).status_code == 410
    sign_in = Client().post("/accounts/login/", {"login": person.email, "password": PASSWORD})
    assert sign_in.status_code == 302


def test_whoever_has_an_account_signs_in_and_joins(cast: Cast) -> None:
    person = factories.person("known@example.com")
    person.set_password(PASSWORD)
    person.save()
    address = invited(cast, person.email)
    page = Client().get(address).content.decode()
    assert f"/accounts/login/?next={address}" in page
    assert Client().post(address, {"name": "Eve", "password": "another one entirely"}).status_code == 200
    person.refresh_from_db()
    assert person.check_password(PASSWORD)
    assert not Membership.objects.filter(person=person).exists()
    client = Client()
    client.force_login(person)
    assert client.post(address).status_code == 302
    assert Membership.objects.get(person=person).workspace == cast.workspace


def test_an_invitation_for_another_address_is_refused(cast: Cast) -> None:
    address = invited(cast)
    client = signed_in(cast.stranger)
    assert "You are signed in as stranger@example.com" in client.get(address).content.decode()
    assert client.post(address).status_code == 403
    assert Membership.objects.filter(person=cast.stranger.person).count() == 1
    assert Client().get("/invitations/made-up/").status_code == 410


def test_an_old_invitation_works_no_longer(cast: Cast) -> None:
    address = invited(cast)
    Invitation.objects.update(expires_at=timezone.now() - datetime.timedelta(seconds=1))
    assert Client().get(address).status_code == 410
    assert Client().post(address, {"name": "Nora", "password": PASSWORD}).status_code == 410
    assert not Person.objects.filter(email="new@example.com").exists()


def test_an_admin_changes_roles_and_ends_memberships(cast: Cast) -> None:
    client, other = signed_in(cast.admin), cast.viewer
    assert client.post(f"{PEOPLE}{other.pk}/roles/", {"roles": ["reviewer", "finance"]}).status_code == 302
    other.refresh_from_db()
    assert other.roles == ["reviewer", "finance"]
    assert client.post(f"{PEOPLE}{other.pk}/roles/", {"roles": ["emperor"]}).status_code == 422
    assert client.post(f"{PEOPLE}{other.pk}/end/").status_code == 302
    other.refresh_from_db()
    assert other.ended_at is not None
    assert signed_in(other).get("/w/studio/").status_code == 404


def test_the_only_admin_stays_one(cast: Cast) -> None:
    client = signed_in(cast.admin)
    for path, body in ((f"{cast.admin.pk}/roles/", {"roles": ["viewer"]}), (f"{cast.admin.pk}/end/", {})):
        answer = client.post(PEOPLE + path, body)
        assert answer.status_code == 409
        assert "is the only admin" in answer.content.decode()
    cast.admin.refresh_from_db()
    assert (cast.admin.roles, cast.admin.ended_at) == (["admin"], None)


@pytest.mark.parametrize("path", ["roles/", "end/"])
def test_memberships_of_other_workspaces_are_not_found(cast: Cast, path: str) -> None:
    address = f"{PEOPLE}{cast.stranger.pk}/{path}"
    assert signed_in(cast.admin).post(address, {"roles": ["viewer"]}).status_code == 404
    own = f"{PEOPLE}{cast.second_manager.pk}/{path}"
    assert statuses(cast, own, method="post", roles="viewer") == only(cast, "admin", status=302)
    cast.stranger.refresh_from_db()
    assert cast.stranger.ended_at is None
    elsewhere, _ = people.invite(email="x@example.com", roles=["viewer"], by=cast.stranger)
    withdraw = f"{PEOPLE}invitations/{elsewhere.pk}/withdraw/"
    assert signed_in(cast.admin).post(withdraw).status_code == 404


def test_finance_sets_what_an_hour_is_worth(cast: Cast) -> None:
    client = signed_in(cast.finance)
    body = {"role": "reviewer", "hourly_rate": "60", "starts_on": "2026-10-01"}
    assert client.post(f"{PEOPLE}rates/", body).status_code == 302
    rate = RoleRate.objects.get()
    assert (rate.role, rate.hourly_rate, rate.starts_on) == (
        "reviewer",
        Decimal(60),
        datetime.date(2026, 10, 1),
    )
    assert client.post(f"{PEOPLE}rates/", body).status_code == 422
    assert "€60.00" in text(client, PEOPLE)
    assert "€60.00" not in text(signed_in(cast.producer), PEOPLE)


def test_twice_the_people_cost_the_same_number_of_queries(cast: Cast) -> None:
    client, counts = signed_in(cast.admin), []
    for _ in range(2):
        for _ in range(3):
            member = factories.membership(cast.workspace)
            people.invite(email=f"i{member.pk}@example.com", roles=["viewer"], by=cast.admin)
        counts.append(queries(client, PEOPLE))
    assert counts[0] == counts[1]


def test_nobody_signs_up_unasked(cast: Cast) -> None:
    before = Person.objects.count()
    page = Client().get("/accounts/signup/")
    assert "Accounts come by invitation" in page.content.decode()
    body = {"email": "eve@example.com", "password1": PASSWORD, "password2": PASSWORD}
    Client().post("/accounts/signup/", body)
    assert Person.objects.count() == before
    assert not Event.objects.filter(kind="person.joined").exists()


def test_an_invitation_without_a_role_says_what_is_missing(cast: Cast) -> None:
    answer = signed_in(cast.admin).post(f"{PEOPLE}invite/", {"email": "a@example.com"})
    assert answer.status_code == 422
    assert "Choose at least one role." in answer.content.decode()
