"""The approvals inbox: order, filters, what a row tells, who looks, where a decision leads on to."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from billing import budgets
from generation import caps, claims, heroes, inbox, reviews, takes
from projects import notes
from projects.models import CapRequest, Deliverable, HeroRequest, Take
from tests import factories
from tests.cast import Cast
from tests.generation.pages import only, signed_in, statuses, text
from tests.studio import finished

INBOX = "/w/studio/approvals/"
TODAY = datetime.date(2026, 11, 18)  # a Wednesday


def film(cast: Cast, key: str, **fields: Any) -> Deliverable:
    usual = {"category": cast.brand_film, "format": cast.format, "brief": "Fog"}
    return factories.deliverable(cast.campaign, key, **usual | fields)


def asked(cast: Cast, deliverable: Deliverable) -> HeroRequest:
    take = finished(takes.make(deliverable=deliverable, by=cast.producer).takes.get())
    reviews.review(take=take, decision="select", by=cast.producer)
    take.refresh_from_db()
    return heroes.request(take=take, by=cast.producer)


def rows(cast: Cast, **wanted: Any) -> list[inbox.Row]:
    return inbox.rows(cast.manager, wanted, today=TODAY, now=timezone.now())


def names(found: list[inbox.Row]) -> list[str]:
    return [row.deliverable.key for row in found]


def test_the_list_is_by_due_date_then_price(studio: Cast) -> None:
    late = film(studio, "late", due_on=datetime.date(2026, 11, 30))
    soon = film(studio, "soon", due_on=datetime.date(2026, 11, 20))
    dear = film(studio, "dear", due_on=datetime.date(2026, 11, 20))
    for row in (studio.deliverable, late, dear, soon):
        asked(studio, row)
    HeroRequest.objects.filter(deliverable=dear).update(at_most=Decimal(9))
    assert names(rows(studio)) == ["soon", "dear", "late", "opening"]


def test_the_filters_fit(studio: Cast) -> None:
    this_week = film(studio, "this-week", due_on=datetime.date(2026, 11, 22))
    next_week = film(studio, "next-week", due_on=datetime.date(2026, 11, 23))
    for row in (this_week, next_week):
        asked(studio, row)
    caps.request(deliverable=studio.deliverable, more=2, reason="Fog", by=studio.reviewer)
    assert names(rows(studio, due="week")) == ["this-week"]
    assert names(rows(studio, kind="more")) == ["opening"]
    assert names(rows(studio, person=studio.reviewer.person)) == ["opening"]
    assert names(rows(studio, tier="cinematic")) == ["this-week", "next-week"]
    assert names(rows(studio, tier="text")) == []
    assert names(rows(studio, project=factories.project(studio.workspace))) == []


def test_a_row_tells_price_cap_and_what_the_campaign_has_left_after_it(studio: Cast) -> None:
    Deliverable.objects.filter(pk=studio.deliverable.pk).update(extra_drafts=2, cap=4)
    asked(studio, studio.deliverable)
    budgets.set_budget(
        scope="campaign", target=studio.campaign, window="month", limit=Decimal(20), by=studio.manager
    )
    (row,) = rows(studio)
    assert (row.price, row.cap, row.tier) == (Decimal("1.41"), 6, "cinematic")
    assert row.budget_after == Decimal("18.53")  # 20 - the draft's 0.06 - 1.41
    assert [words for words, _ in row.badges] == ["own cap", "cap raised"]
    page = text(signed_in(studio.manager), INBOX)
    assert "1 of 6 drafts" in page
    assert "€18.53" in page


def test_the_tightest_budget_is_named_and_rows_to_sign_off_name_none(studio: Cast) -> None:
    asked(studio, studio.deliverable)
    for scope, target, limit in (("campaign", studio.campaign, 20), ("workspace", None, 5)):
        budgets.set_budget(
            scope=scope, target=target, window="month", limit=Decimal(limit), by=studio.manager
        )
    elsewhere = factories.campaign(factories.project(studio.workspace))
    budgets.set_budget(
        scope="campaign", target=elsewhere, window="month", limit=Decimal(1), by=studio.manager
    )
    budgets.set_budget(scope="workspace", phase="draft", window="month", limit=Decimal(1), by=studio.manager)
    (row,) = rows(studio)
    assert row.budget_after == Decimal("3.53")  # 5 - the draft's 0.06 - 1.41
    assert row.budget_name.startswith("Everything in ")
    assert "left after in Everything in" in text(signed_in(studio.manager), INBOX)
    heroes.decline(hero_request=HeroRequest.objects.get(), note="no", by=studio.manager)
    Deliverable.objects.filter(pk=studio.deliverable.pk).update(board_column="review")
    (row,) = rows(studio)
    assert (row.kind, row.budget_after, row.alone != "") == ("review", None, True)


def test_after_the_last_one_nothing_is_chosen_though_others_wait(studio: Cast) -> None:
    first, last = asked(studio, studio.deliverable), asked(studio, film(studio, "second"))
    client = signed_in(studio.manager)
    order = [row.id for row in rows(studio)]
    assert order == [first.pk, last.pk]
    assert f'name="next" value="{last.pk}"' in text(client, INBOX)
    assert 'name="next" value=""' in text(client, f"{INBOX}?request={last.pk}")
    answer = client.post(f"{INBOX}heroes/{last.pk}/", {"decision": "decline", "note": "slower", "next": ""})
    assert answer["Location"] == f"{INBOX}?done=1"
    page = text(client, answer["Location"])
    assert "All done to the end of the list" in page
    assert 'data-key="y"' not in page


def test_a_request_for_more_takes_carries_their_price(studio: Cast) -> None:
    Deliverable.objects.filter(pk=studio.deliverable.pk).update(cap=0)
    address = f"/w/studio/deliverables/{studio.deliverable.pk}/ask-for-more/"
    signed_in(studio.producer).post(address, {"more": "3", "reason": "The light"})
    assert CapRequest.objects.get().at_most == Decimal("0.18")
    (row,) = rows(studio)
    assert (row.kind, row.price) == ("more", Decimal("0.18"))


def test_the_others_see_who_looks_and_only_at_what(studio: Cast) -> None:
    first, second = asked(studio, studio.deliverable), asked(studio, film(studio, "second"))
    assert claims.look(first.pk, by=studio.manager) == []
    assert claims.look(first.pk, by=studio.second_manager) == ["Manager"]
    assert claims.looking([first.pk, second.pk], but=studio.second_manager) == {first.pk: ["Manager"]}
    claims.look(second.pk, by=studio.manager)
    assert claims.looking([first.pk, second.pk], but=studio.second_manager) == {second.pk: ["Manager"]}
    address = f"{INBOX}{second.pk}/looking/"
    assert "Manager is looking" in text(signed_in(studio.second_manager), address)
    assert statuses(studio, address) == only(studio, "manager")


def test_nobody_of_another_workspace_sees_who_looks(studio: Cast) -> None:
    row = asked(studio, studio.deliverable)
    claims.look(row.pk, by=studio.manager)
    assert claims.look(row.pk, by=studio.stranger) == []
    assert claims.looking([row.pk], but=studio.second_manager) == {row.pk: ["Manager"]}
    address = f"/w/{studio.stranger.workspace.slug}/approvals/{row.pk}/looking/"
    assert signed_in(studio.stranger).get(address).status_code == 404


def test_a_decision_leads_on_to_the_next_with_the_filters_kept(studio: Cast) -> None:
    first, second = asked(studio, studio.deliverable), asked(studio, film(studio, "second"))
    body = {"decision": "decline", "note": "slower", "query": "kind=spend", "next": str(second.pk)}
    answer = signed_in(studio.manager).post(f"{INBOX}heroes/{first.pk}/", body)
    assert answer["Location"] == f"{INBOX}?kind=spend&request={second.pk}"


def test_the_detail_has_alternatives_notes_and_both_consequences(studio: Cast) -> None:
    row = asked(studio, studio.deliverable)
    notes.add(take=row.take, body="Warmer lamp", frame=37, by=studio.reviewer)
    page = text(signed_in(studio.manager), INBOX)
    for words in ("Reserves €1.41", "Needs a note; nothing is spent", "Warmer lamp", "1 s 13 f"):
        assert words in page
    assert "builtin/sketch-cinema" in page
    assert page.count("button--primary") == 2  # the one of the page, and the one in the dialog of questions
    assert "Approve spend" not in text(signed_in(studio.viewer), INBOX)


@pytest.mark.parametrize("decision", ["approve", "decline"])
def test_a_stranger_decides_nothing(studio: Cast, decision: str) -> None:
    row = asked(studio, studio.deliverable)
    body = {"decision": decision, "note": "no"}
    for address in (f"{INBOX}heroes/{row.pk}/", f"/w/elsewhere/approvals/heroes/{row.pk}/"):
        assert signed_in(studio.stranger).post(address, body).status_code == 404
    row.refresh_from_db()
    assert (row.state, Take.objects.filter(phase="hero").count()) == ("waiting", 0)
