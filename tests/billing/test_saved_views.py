"""Saved views: kept under a name, found by whom they are for, and opened where nothing else is asked for."""

from __future__ import annotations

import pytest
from django.http import QueryDict

from billing import saved_views
from billing.models import SavedView
from billing.models.views import ViewedPage
from projects.models import Membership
from projects.problems import Invalid, Refused
from tests.billing import races
from tests.cast import Cast, make_cast
from tests.generation.pages import signed_in, statuses, text

MONTH = "/w/studio/month/2026-10/"


def saved(by: Membership, name: str = "Models", query: str = "by=model", **said: object) -> SavedView:
    return saved_views.save(by=by, page="month", name=name, query=query, **said)  # type: ignore[arg-type]


def names(member: Membership) -> tuple[list[str], list[str]]:
    found = saved_views.offered(member, ViewedPage.MONTH, {})
    return [str(row) for row in found.own], [str(row) for row in found.others]


def test_a_view_is_seen_by_its_person_and_once_shared_by_everybody_here(cast: Cast) -> None:
    saved(cast.finance)
    saved(cast.finance, "Tiers", "by=tier", shared=True)
    assert names(cast.finance) == (["Models", "Tiers"], [])
    assert names(cast.viewer) == ([], ["Tiers"])
    assert names(cast.stranger) == ([], [])


def test_only_filters_of_the_page_are_kept(cast: Cast) -> None:
    asked = QueryDict("by=model&page=7&next=https://elsewhere.example&all=")
    assert saved_views.query_of(ViewedPage.MONTH, asked) == "by=model"
    with pytest.raises(Invalid):
        saved(cast.finance, query="")
    for query in ("&", "#x", "next=/w/studio/", "page=7"):  # a default of these would lead in a circle
        with pytest.raises(Invalid):
            saved(cast.finance, query=query)
    with pytest.raises(Invalid):
        saved(cast.finance, name="  ")
    with pytest.raises(Invalid):
        saved_views.save(by=cast.finance, page="nowhere", name="x", query="by=model")
    assert not SavedView.objects.exists()


def test_the_same_name_again_takes_the_place_of_what_was_there(cast: Cast) -> None:
    first, again = saved(cast.finance), saved(cast.finance, query="by=tier")
    assert (first.pk, again.query) == (again.pk, "by=tier")
    saved(cast.viewer)
    assert SavedView.objects.count() == 2


@pytest.fixture
def players(committed: None) -> Cast:
    return make_cast()


def test_of_two_saves_of_one_name_at_once_the_later_stays(players: Cast) -> None:
    _, second = races.while_uncommitted(
        lambda: saved(players.finance), lambda: saved(players.finance, query="by=tier")
    )
    assert second.result().query == "by=tier"
    assert SavedView.objects.get().query == "by=tier"


def test_of_two_views_made_default_at_once_the_later_opens_the_page(players: Cast) -> None:
    first, second = saved(players.finance), saved(players.finance, "Tiers", "by=tier")
    own = {"by": players.finance, "default": True}
    _, later = races.while_uncommitted(
        lambda: saved_views.make_default(view_id=first.pk, **own),  # type: ignore[arg-type]
        lambda: saved_views.make_default(view_id=second.pk, **own),  # type: ignore[arg-type]
    )
    assert later.result().is_default
    assert saved_views.default_query(players.finance, ViewedPage.MONTH) == "by=tier"


def test_nobody_changes_the_view_of_another(cast: Cast) -> None:
    row = saved(cast.finance, shared=True)
    for attempt in (
        lambda: saved_views.rename(view_id=row.pk, by=cast.manager, name="Mine"),
        lambda: saved_views.share(view_id=row.pk, by=cast.manager, shared=False),
        lambda: saved_views.make_default(view_id=row.pk, by=cast.manager, default=True),
        lambda: saved_views.delete(view_id=row.pk, by=cast.manager),
        lambda: saved_views.delete(view_id=row.pk, by=cast.stranger),
    ):
        with pytest.raises(Refused) as refused:
            attempt()
        assert refused.value.status == 404
    kept = SavedView.objects.get()
    assert (kept.name, kept.shared, kept.is_default) == ("Models", True, False)


def test_one_default_opens_the_page_until_it_gives_way(cast: Cast) -> None:
    first, second = saved(cast.finance), saved(cast.finance, "Tiers", "by=tier")
    client = signed_in(cast.finance)
    assert client.get(MONTH).status_code == 200
    for row in (first, second):
        saved_views.make_default(view_id=row.pk, by=cast.finance, default=True)
        assert client.get(MONTH)["Location"] == f"{MONTH}?{row.query}"
    assert SavedView.objects.filter(is_default=True).count() == 1
    assert client.get(MONTH, {"by": "phase"}).status_code == 200
    assert signed_in(cast.viewer).get(MONTH).status_code == 200
    saved_views.make_default(view_id=second.pk, by=cast.finance, default=False)
    assert client.get(MONTH).status_code == 200


def test_a_name_is_taken_once_a_page(cast: Cast) -> None:
    row = saved(cast.finance)
    saved(cast.finance, "Tiers", "by=tier")
    with pytest.raises(Invalid, match="already"):
        saved_views.rename(view_id=row.pk, by=cast.finance, name="Tiers")
    assert saved_views.rename(view_id=row.pk, by=cast.finance, name=" By  model ").name == "By model"


def test_the_pages_save_change_and_delete(cast: Cast) -> None:
    client = signed_in(cast.viewer)
    assert "No saved view yet" in text(client, "/w/studio/views/")
    page = text(client, MONTH, by="model")
    assert 'name="query" value="by=model"' in page
    said = {
        "page": "month",
        "query": "by=model",
        "name": "Models",
        "back": f"{MONTH}?by=model",
        "shared": "on",
    }
    assert client.post("/w/studio/views/save/", said)["Location"] == f"{MONTH}?by=model"
    row = SavedView.objects.get()
    assert row.shared
    for action, status in (("default", 302), ("unshare", 302), ("explode", 404)):
        assert client.post(f"/w/studio/views/{row.pk}/{action}/").status_code == status
    assert client.post(f"/w/studio/views/{row.pk}/rename/", {"name": "Mine"}).status_code == 302
    row.refresh_from_db()
    assert (row.name, row.shared, row.is_default) == ("Mine", False, True)
    assert "opens by itself" in text(client, "/w/studio/views/")
    assert statuses(cast, f"/w/studio/views/{row.pk}/delete/", method="post")["finance"] == 404


@pytest.mark.parametrize("back", ["https://elsewhere.example/", "//elsewhere.example", "/w/other/month/", ""])
def test_saving_leads_nowhere_else(cast: Cast, back: str) -> None:
    said = {"page": "month", "query": "by=model", "name": "Models", "back": back}
    assert signed_in(cast.viewer).post("/w/studio/views/save/", said)["Location"] == "/w/studio/views/"
