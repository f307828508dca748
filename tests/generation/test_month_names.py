"""The month speaks in names: split tabs, drill-downs, people and categories; and keys stay in the CSV."""

from __future__ import annotations

from billing import dimensions
from tests.cast import Cast
from tests.generation.pages import signed_in, text
from tests.journeys import everything

MONTH = "/w/studio/month/2025-10/"


def test_the_month_can_be_split_by_every_dimension(studio: Cast) -> None:
    page = text(signed_in(studio.finance), MONTH)
    tabs = page[page.index('aria-label="Split by"') :]
    tabs = tabs[: tabs.index("</nav>")]
    for by in ("project", "campaign", "category", "tier", "provider", "model", "person"):
        assert f"?by={by}#split" in tabs


def test_rows_of_people_and_drill_downs_carry_names(studio: Cast) -> None:
    everything._history(studio)
    page = text(signed_in(studio.finance), f"{MONTH}deliverables/")
    rows = page[page.index("<tbody>") : page.index("</tbody>")]
    csv = signed_in(studio.finance).get(f"{MONTH}deliverables/", {"format": "csv"}).getvalue().decode()
    header, first = csv.splitlines()[:2]
    assert header == "id,name,campaign,category,at,take,cash"
    campaign, category = first.split(",")[2:4]
    assert f'<span class="soft small">{campaign}</span>' in rows
    assert f'data-label="Category">{category}</td>' not in rows


def test_a_person_of_the_workspace_has_a_name_and_others_their_address(studio: Cast) -> None:
    person = studio.producer.person
    person.name = "Ana Rossi"
    person.save()
    keys = [person.email, "gone@example.com", studio.stranger.person.email, ""]
    found = dimensions.names(workspace=studio.workspace, by="person", keys=keys)
    assert found == {**{key: key for key in keys}, person.email: "Ana Rossi"}
