"""The pages that explain a month: what stands on them, where their figures lead, and their files."""

from __future__ import annotations

import io
import re

import pytest

from billing import comparison, drawn
from generation import history
from projects.models import Campaign
from tests import factories
from tests.billing import written
from tests.billing.booking import NOON
from tests.cast import Cast
from tests.generation.pages import everybody, signed_in, statuses, text

MONTH = "/w/studio/month/2025-10/"


@pytest.fixture
def october(cast: Cast) -> Cast:
    """The worked example: September and October 2025."""
    charges = written.charges_file(*written.OCTOBER_CHARGES, *written.SEPTEMBER_CHARGES)
    decisions = written.decisions_file(*written.OCTOBER_DECISIONS, *written.SEPTEMBER_DECISIONS)
    history.import_history(
        workspace=cast.workspace,
        charges=io.BytesIO(charges.encode()),
        decisions=io.BytesIO(decisions.encode()),
        by=None,
    )
    return cast


@pytest.mark.parametrize(
    ("address", "lines"),
    [
        (
            "variance/",
            ["Prices,0.00000000", "Takes per accepted,0.15000000", "Control and refinement,0.30000000"],
        ),
        ("bridge/", ["cash,2.50000000", "written_off,0.05000000", "wip,0.05000000", "spend,2.60000000"]),
        ("bridge/written_off/", ["p/c,c,written_off,0.05000000"]),
        ("lead-time/", ["7–10 d,1", "2025-10-13,7,1", "5,1,2.50000000"]),
        ("roll-forward/", ["p/c,c,0.05000000,2.60000000,2.50000000,0.05000000,0,0.10000000"]),
        ("earlier-months/", ["open,written_off,1,0.05000000"]),
    ],
)
def test_each_page_is_for_everybody_and_a_csv_of_exact_figures(
    october: Cast, address: str, lines: list[str]
) -> None:
    assert statuses(october, MONTH + address) == everybody(october)
    found = signed_in(october.viewer).get(MONTH + address, {"format": "csv"}).content.decode().splitlines()
    for line in lines:
        assert line in found, found
    assert signed_in(october.viewer).get(f"/w/studio/month/2025-13/{address}").status_code == 404


def test_every_link_of_the_bridge_and_the_roll_forward_leads_somewhere(october: Cast) -> None:
    client = signed_in(october.viewer)
    for page in ("bridge/", "roll-forward/", "lead-time/", "variance/", "earlier-months/"):
        found = re.findall(r'href="(/w/studio/month/2025-[^"]*)"', text(client, MONTH + page))
        assert len(found) > 5
        for address in set(found):
            assert client.get(address.replace("&amp;", "&")).status_code in (200, 302), address


def test_campaigns_of_one_name_are_told_apart_by_their_clients(october: Cast) -> None:
    other = factories.campaign(factories.project(october.workspace, "globex"), name=october.campaign.name)
    labels = [comparison.of_campaign(row, now=NOON).label for row in (october.campaign, other)]
    assert labels == ["Acme · Autumn", "Globex · Autumn"]


def test_two_campaigns_are_compared_once_both_are_chosen(october: Cast) -> None:
    client, first = signed_in(october.viewer), Campaign.objects.get(key="c")
    address = "/w/studio/compare/"
    assert "Choose both sides" in text(client, address, what="campaigns", first=first.pk)
    page = text(client, address, what="campaigns", first=first.pk, second=october.campaign.pk)
    assert "One side has no acceptance" in page
    elsewhere = factories.campaign(factories.project(october.stranger.workspace))
    page = text(client, address, what="campaigns", first=first.pk, second=elsewhere.pk)
    assert "Choose both sides" in page
    months = text(client, address, what="months", before="2025-10", after="2025-09")
    assert "−€0.45" in months


def test_a_chart_draws_what_was_signed_for_this_workspace_alone(october: Cast) -> None:
    shown = [{"label": "1–2 d", "value": 1, "words": "1"}]
    ours = drawn.address(october.workspace, "bars", shown)
    answer = signed_in(october.viewer).get(ours)
    assert (answer["Content-Type"], "immutable" in answer["Cache-Control"]) == ("image/svg+xml", True)
    theirs = drawn.address(october.stranger.workspace, "bars", shown)
    moved = theirs.replace(f"/w/{october.stranger.workspace.slug}/", "/w/studio/")
    for address in (moved, ours[:-2], ours.replace("bars", "parts"), ours.replace("bars", "none")):
        assert signed_in(october.viewer).get(address).status_code == 404


@pytest.mark.parametrize(
    "query",
    ["place=x", "over=-1", "within=99999999", "week=2025-13-01", "week=0001-01-01", "week=9999-12-31"],
)
def test_a_bar_that_there_is_not_is_not_found(october: Cast, query: str) -> None:
    client = signed_in(october.viewer)
    assert client.get(f"{MONTH}deliverables/?{query}").status_code == 404
    assert client.get(f"{MONTH}bridge/nowhere/").status_code == 404
    assert client.get(f"{MONTH}bridge/wip/?campaign={october.workspace.pk}").status_code == 404
