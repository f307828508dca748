"""The commands that make a workspace and a token, as an operator runs them."""

from __future__ import annotations

import io

import pytest
from allauth.account.models import EmailAddress
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from projects.models import ApiToken, Membership, Person, Role, Workspace
from tests import factories
from tests.cast import Cast

OPTIONS = {"currency": "EUR", "time_zone": "Europe/Berlin", "owner": "owner@example.com"}


def said(*words: str, **options: str) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue()


def me(token: str) -> dict[str, object]:
    response = Client(headers={"Authorization": f"Token {token}"}).get("/api/v1/me/")
    assert response.status_code == 200
    found: dict[str, object] = response.json()
    return found


def test_a_workspace_is_made_ready_and_the_last_word_is_a_token_of_its_owner(db: None) -> None:
    words = said("create_workspace", "lumen", **OPTIONS)
    found = me(words.split()[-1])
    assert (found["email"], found["roles"]) == ("owner@example.com", sorted(Role.values))
    http = Client(headers={"Authorization": f"Token {words.split()[-1]}"})
    body = {"category": "brand-film", "phase": "hero"}
    answer = http.post("/api/v1/routing/resolve/", body, content_type="application/json").json()
    assert answer["outcome"] == "go"


def test_the_owner_sets_a_password_at_the_printed_address_and_signs_in(client: Client, db: None) -> None:
    words = said("create_workspace", "lumen", **OPTIONS)
    address = next(word for word in words.split() if "/password/reset/key/" in word)
    path = "/" + address.split("/", 3)[3]
    form = client.get(path, follow=True)
    new = {"password1": "a long enough secret 7", "password2": "a long enough secret 7"}
    client.post(form.redirect_chain[-1][0], new)
    assert Person.objects.get().check_password("a long enough secret 7")
    assert EmailAddress.objects.get().verified
    signed_in = Client().post(
        "/accounts/login/", {"login": "owner@example.com", "password": "a long enough secret 7"}
    )
    assert signed_in.status_code == 302


def test_a_person_who_is_known_gets_no_link(cast: Cast) -> None:
    cast.producer.person.set_password("a long enough secret 7")
    cast.producer.person.save()
    words = said("create_workspace", "lumen", **{**OPTIONS, "owner": "Producer@example.com"})
    assert "password" not in words
    assert me(words.split()[-1])["email"] == "producer@example.com"
    assert Person.objects.filter(email="producer@example.com").count() == 1


@pytest.mark.parametrize(
    ("wrong", "said_so"),
    [
        ({"currency": "euro"}, "capital letters"), ({"time_zone": "Berlin"}, "no time zone"),
        ({"owner": "nobody"}, "no e-mail address"),
    ],
)  # fmt: skip
def test_values_that_do_not_fit_make_nothing(db: None, wrong: dict[str, str], said_so: str) -> None:
    with pytest.raises(CommandError, match=said_so):
        said("create_workspace", "lumen", **{**OPTIONS, **wrong})
    assert (Workspace.objects.count(), Person.objects.count(), ApiToken.objects.count()) == (0, 0, 0)


def test_a_slug_that_is_taken_is_refused(cast: Cast) -> None:
    with pytest.raises(CommandError, match="studio already"):
        said("create_workspace", "studio", **OPTIONS)
    assert not Membership.objects.filter(person__email="owner@example.com").exists()


@pytest.mark.parametrize("slug", ["", "Two Words", "a/b", "x" * 61])
def test_a_slug_that_is_no_address_is_refused(db: None, slug: str) -> None:
    with pytest.raises(CommandError, match="slug"):
        said("create_workspace", slug, **OPTIONS)
    assert Workspace.objects.count() == 0


def test_a_token_is_printed_for_a_member(cast: Cast) -> None:
    found = me(said("token", "Producer@example.com", "studio").strip())
    assert (found["email"], found["roles"]) == ("producer@example.com", ["producer"])


def test_a_token_is_refused_to_who_does_not_belong(cast: Cast) -> None:
    gone = factories.membership(cast.workspace)
    gone.ended_at = gone.joined_at
    gone.save()
    for email, workspace in (
        ("stranger@example.com", "studio"),
        ("producer@example.com", "elsewhere"),
        (gone.person.email, "studio"),
    ):
        with pytest.raises(CommandError, match="does not belong"):
            said("token", email, workspace)
    assert ApiToken.objects.count() == 0


def test_the_owners_link_chooses_a_password_and_leads_to_sign_in(client: Client, db: None) -> None:
    words = said("create_workspace", "lumen", **OPTIONS)
    address = next(word for word in words.split() if "/password/reset/key/" in word)
    page = client.get(address, follow=True)
    assert "<h1>Choose a password</h1>" in page.content.decode()
    new = {"password1": "a long enough secret 7", "password2": "a long enough secret 7"}
    done = client.post(page.request["PATH_INFO"], new, follow=True).content.decode()
    assert '<a class="button button--primary" href="/accounts/login/">Sign in</a>' in done
