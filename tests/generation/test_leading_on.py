"""Words that lead on: confirming who it is, sign-in security, the import of a brief."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.urls import reverse

from generation.demo import cast as demo
from projects.models import Person, Workspace
from tests.cast import Cast


def confirming(person: Person) -> str:
    client = Client()
    client.force_login(person)
    page = client.get("/accounts/reauthenticate/")
    assert page.status_code == 200
    return page.content.decode()


def test_the_demos_people_are_told_their_password_and_nobody_else(cast: Cast, settings: Any) -> None:
    settings.DEMO = True
    Workspace.objects.filter(pk=cast.workspace.pk).update(slug=demo.SLUG, is_demo=True)
    ana = Person.objects.create_user(email=demo.ANA.email, password=demo.PASSWORD)
    other = Person.objects.create_user(email="other@example.com", password="a long enough secret 7")
    assert demo.PASSWORD in confirming(ana)
    assert demo.PASSWORD not in confirming(other)
    assert "Back to work" in confirming(other)
    settings.DEMO = False
    assert demo.PASSWORD not in confirming(ana)


def test_sign_in_security_speaks_of_passkeys_and_says_what_recovery_codes_are_for(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.producer.person)
    page = client.get("/accounts/2fa/").content.decode()
    assert "<h1>Two-factor authentication</h1>" in page
    assert "Passkeys" in page
    assert "Each code signs you in once" in page


def test_the_import_page_lists_what_may_stand_in_a_row(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.producer.person)
    campaign = cast.deliverable.campaign
    address = reverse("generation:import_brief", args=["studio", campaign.project.key, campaign.key])
    page = client.get(address).content.decode()
    assert f"<code>{cast.format.key}</code>" in page
    assert "samples/brief" in page
