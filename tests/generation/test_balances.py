"""Balances asked of the emulated providers, kept beside ours."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing.models import ProviderBalance
from generation import balances
from projects.access import MissingRight
from tests.billing.booking import books
from tests.cast import Cast
from tests.emulators.server import Running
from tests.generation import pages, through
from tests.journeys import price_rooms

ASK = "/w/studio/credits/balances/ask/"


@pytest.fixture
def program(fal_program: Running, settings: Any) -> Running:
    settings.PRIVATE_HOSTS = ["127.0.0.1"]
    fal_program.reset()
    return fal_program


@pytest.mark.parametrize(
    ("provider", "left"), [("runway", "5000"), ("bfl", "1234.5"), ("stability", "321.5")]
)
def test_what_a_provider_says_is_kept_beside_ours_and_booked_nowhere(
    cast: Cast, program: Running, provider: str, left: str
) -> None:
    through.account(cast, provider, program.url_of(provider), key="key_secret")
    before = books()
    made = balances.ask(provider=provider, by=cast.finance)
    assert (made.unit, made.credits, made.ours) == (f"credit:{provider}", Decimal(left), 0)
    assert (made.source, books()) == (f"{provider}'s answer for main", before)


def test_two_keys_of_one_wallet_are_not_added_up(cast: Cast, program: Running) -> None:
    for name in ("main", "second"):
        through.account(
            cast, "runway", program.url_of("runway"), key=f"key_{name}", name=name, webhook_token=name
        )
    made = balances.ask(provider="runway", by=cast.finance)
    assert (made.credits, made.source) == (5000, "runway's answer for main")


def test_what_is_not_told_is_refused_and_nothing_kept(cast: Cast, program: Running) -> None:
    assert balances.tellers() == ["bfl", "runway", "stability"]
    with pytest.raises(balances.NoBalance, match="no account at runway"):
        balances.ask(provider="runway", by=cast.finance)
    through.account(cast, "fal", program.url_of("fal"))
    with pytest.raises(balances.NoBalance, match="can be asked"):
        balances.ask(provider="fal", by=cast.finance)
    through.account(cast, "runway", "http://127.0.0.1:1", key="key_secret")
    with pytest.raises(balances.NoBalance):
        balances.ask(provider="runway", by=cast.finance)
    with pytest.raises(MissingRight):
        balances.ask(provider="runway", by=cast.admin)
    assert not ProviderBalance.objects.exists()


def test_the_page_asks_and_shows_the_difference(cast: Cast, program: Running) -> None:
    price_rooms._prices(cast)
    price_rooms._credits(cast)
    through.account(cast, "runway", program.url_of("runway"), key="key_secret")
    client = pages.signed_in(cast.finance)
    assert "Ask runway now" in pages.text(client, "/w/studio/credits/")
    assert "Ask runway now" not in pages.text(pages.signed_in(cast.viewer), "/w/studio/credits/")
    page = client.post(ASK, {"provider": "runway"}, follow=True).content.decode()
    assert "credit:runway: 5000.00 left" in page
    assert pages.statuses(cast, ASK, method="post") == pages.only(cast, "finance", status=409)
