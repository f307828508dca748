"""The account pages in our own words: one primary action, and nothing offered that cannot be done."""

from __future__ import annotations

import re

from allauth.account.models import EmailAddress
from django.test import Client

from tests.cast import Cast
from tests.generation.pages import signed_in, text


def buttons(page: str) -> list[str]:
    """The words of the buttons inside the page's own forms."""
    main = page[page.index("<main") : page.index("</main>")]
    return [
        re.sub(r"<[^>]+>|\s+", " ", words).strip() for words in re.findall(r"<button.*?</button>", main, re.S)
    ]


def addresses(cast: Cast, *, second: bool) -> str:
    EmailAddress.objects.create(
        user=cast.viewer.person, email=cast.viewer.person.email, verified=True, primary=True
    )
    if second:
        EmailAddress.objects.create(user=cast.viewer.person, email="other@example.com")
    return text(signed_in(cast.viewer), "/accounts/email/")


def test_the_only_verified_address_cannot_be_made_primary_or_removed(cast: Cast) -> None:
    page = addresses(cast, second=False)
    assert buttons(page) == ["Add and verify"]
    assert page.count("button--primary") == 2  # one more in the dialog of questions


def test_one_of_several_addresses_can_be_chosen(cast: Cast) -> None:
    page = addresses(cast, second=True)
    assert buttons(page) == ["Make primary", "Send the link again", "Remove", "Add and verify"]
    assert "not verified yet" in page


def test_a_password_is_changed_by_the_primary_button(cast: Cast) -> None:
    cast.viewer.person.set_password("three-crows-in-a-row")
    cast.viewer.person.save()
    page = text(signed_in(cast.viewer), "/accounts/password/change/")
    assert '<button class="button button--primary" type="submit">Change the password</button>' in page


def test_an_invitation_that_is_gone_leads_a_stranger_to_sign_in(cast: Cast) -> None:
    answer = Client().get("/invitations/nonsense/")
    page = answer.content.decode()
    assert answer.status_code in (404, 409, 410, 422)
    assert 'href="/accounts/login/">Sign in</a>' in page
    assert 'class="rail"' not in page
