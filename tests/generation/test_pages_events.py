"""Activity, search, notices and the sign-in page: what they show, what they change, and for whom."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from generation import activities
from projects import events, notices, people
from projects.models import Event, Notice, NoticePreference
from projects.models.notices import NoticeKind
from tests import factories
from tests.cast import Cast
from tests.generation.pages import everybody, queries, signed_in, statuses, text

ACTIVITY = "/w/studio/activity/"
NOTICES = "/w/studio/notices/"


def happened(cast: Cast, kind: str = "take.requested", **data: Any) -> Event:
    take = factories.take(cast.deliverable)
    return events.record(workspace=cast.workspace, kind=kind, by=cast.producer, take=take, **data)


def told(cast: Cast, dedupe: str = "one", url: str = "/w/studio/approvals/") -> Notice:
    notices.notify(
        members=[cast.manager],
        kind=NoticeKind.APPROVAL_WAITING,
        title=f"Ana asks for {dedupe}",
        url=url,
        dedupe=dedupe,
    )
    return Notice.objects.get(dedupe=dedupe)


@pytest.mark.parametrize("page", ["activity", "search", "notices"])
def test_everybody_reads(cast: Cast, page: str) -> None:
    assert statuses(cast, f"/w/studio/{page}/") == everybody(cast)


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        ("take.requested", {}, "asked for"),
        ("take.rejected", {"reasons": ["motion", "anatomy"]}, "rejected for motion, anatomy,"),
        ("person.invited", {"email": "a@b.de", "roles": ["viewer"]}, "invited a@b.de as viewer"),
        ("category.target_set", {"name": "Film", "amount": "12.5"}, "set a target of €12.50 for “Film”"),
        ("cap.granted", {}, "granted – more takes of"),
        ("moon.landed", {}, "moon landed"),
    ],
)
def test_events_read_as_sentences(cast: Cast, kind: str, data: dict[str, Any], said: str) -> None:
    line = activities.line(happened(cast, kind, **data), slug="studio", currency="EUR")
    assert (line.who, line.what, line.thing) == ("Producer", said, "take 1 of Opening")
    assert line.href == f"/w/studio/deliverables/{cast.deliverable.pk}/?take=1"


def test_activity_is_filtered_by_kind_person_and_campaign(cast: Cast) -> None:
    happened(cast)
    people.invite(email="new@example.com", roles=["viewer"], by=cast.admin)
    client = signed_in(cast.viewer)
    assert "new@example.com" in text(client, ACTIVITY)
    assert "new@example.com" not in text(client, ACTIVITY, kind="take")
    assert "asked for" not in text(client, ACTIVITY, person=cast.admin.person.pk)
    assert "new@example.com" not in text(client, ACTIVITY, campaign=cast.campaign.pk)
    assert "asked for" in text(client, ACTIVITY, campaign=cast.campaign.pk)


def test_activity_of_another_workspace_is_not_shown(cast: Cast) -> None:
    events.record(workspace=cast.stranger.workspace, kind="token.issued", by=cast.stranger, label="theirs")
    assert "theirs" not in text(signed_in(cast.viewer), ACTIVITY)
    assert "theirs" in text(signed_in(cast.stranger), "/w/elsewhere/activity/")


def test_pages_of_activity_show_each_event_once(cast: Cast) -> None:
    now = timezone.now()
    for number in range(120):
        events.record(workspace=cast.workspace, kind="token.issued", at=now, label=f"n{number:03}")
    client, seen, cursor = signed_in(cast.viewer), [], ""
    for _ in range(3):
        answer = client.get(ACTIVITY, {"before": cursor} if cursor else {})
        seen += [line.what for line in answer.context["lines"]]
        cursor = answer.context["after"]
    assert cursor == ""
    assert seen == [f"issued an API token “n{number:03}”" for number in reversed(range(120))]


def test_the_csv_holds_all_events_that_fit_and_no_formula(cast: Cast) -> None:
    events.record(workspace=cast.workspace, kind="token.issued", by=cast.producer, label="=1+1")
    happened(cast)
    answer = signed_in(cast.finance).get(ACTIVITY, {"format": "csv"})
    rows = b"".join(answer.streaming_content).decode().splitlines()
    assert rows[0] == ",".join(activities.CSV_COLUMNS)
    assert rows[1].endswith(
        "take.requested,producer@example.com,acme,autumn,opening,1,Producer asked for take 1 of Opening"
    )
    assert len(rows) == 3


def test_search_finds_deliverables_and_takes_of_this_workspace(cast: Cast) -> None:
    factories.take(cast.deliverable, prompt="A red kite over dunes")
    theirs = factories.deliverable(factories.campaign(factories.project(cast.stranger.workspace)), "kite")
    client = signed_in(cast.viewer)
    assert "Opening, take 1" in text(client, "/w/studio/search/", q="kite DUNES")
    assert f"/deliverables/{cast.deliverable.pk}/" in text(client, "/w/studio/search/", q="opening")
    assert str(theirs.pk) not in text(client, "/w/studio/search/", q="kite")
    assert "Nothing has all of these words" in text(client, "/w/studio/search/", q="kite submarine")
    assert "Find a deliverable" in text(client, "/w/studio/search/")


def test_a_notice_is_read_when_it_is_opened(cast: Cast) -> None:
    notice, other = told(cast), told(cast, "two")
    client = signed_in(cast.manager)
    page = text(client, NOTICES)
    assert "Ana asks for one" in page
    assert "2 new" in page
    answer = client.post(f"{NOTICES}{notice.pk}/")
    assert (answer.status_code, answer["Location"]) == (302, "/w/studio/approvals/")
    assert list(Notice.objects.filter(read_at__isnull=True)) == [other]
    assert client.post(f"{NOTICES}read/").status_code == 302
    assert not Notice.objects.filter(read_at__isnull=True).exists()


def test_notices_belong_to_one_member(cast: Cast) -> None:
    notice = told(cast)
    for member in (cast.second_manager, cast.admin):
        assert "Ana asks" not in text(signed_in(member), NOTICES)
        assert signed_in(member).post(f"{NOTICES}{notice.pk}/").status_code == 404
        assert signed_in(member).post(f"{NOTICES}read/").status_code == 302
    notice.refresh_from_db()
    assert notice.read_at is None


def test_a_notice_leads_nowhere_else(cast: Cast) -> None:
    notice = told(cast, url="https://example.org/phish")
    answer = signed_in(cast.manager).post(f"{NOTICES}{notice.pk}/")
    assert answer["Location"] == NOTICES


def test_a_member_chooses_which_notices_come_and_how(cast: Cast) -> None:
    client, address = signed_in(cast.manager), "/w/studio/settings/notices/"
    assert client.post(address, {"approval_waiting-page": "on", "budget_80-mail": "on"}).status_code == 302
    wishes = {row.kind: (row.in_page, row.by_mail) for row in NoticePreference.objects.all()}
    assert wishes["approval_waiting"] == (True, False)
    assert wishes["budget_80"] == (False, True)
    assert wishes["batch_finished"] == (False, False)
    assert NoticePreference.objects.exclude(membership=cast.manager).count() == 0
    assert client.post(address, {f"{kind}-page": "on" for kind in NoticeKind.values}).status_code == 302
    assert NoticePreference.objects.filter(in_page=True, by_mail=False).count() == len(NoticeKind.values)
    assert text(client, address).count('-page" checked') == len(NoticeKind.values)


def test_twice_the_rows_cost_the_same_number_of_queries(cast: Cast) -> None:
    client, counts = signed_in(cast.manager), []
    for number in range(2):
        for each in range(3):
            happened(cast)
            told(cast, f"{number}{each}")
            factories.take(cast.deliverable, prompt="kite")
        pages = (ACTIVITY, NOTICES, "/w/studio/search/?q=kite")
        counts.append([queries(client, page) for page in pages])
    assert counts[0] == counts[1]


def test_the_demo_lists_its_people_at_sign_in_and_nobody_else_does(db: None, settings: Any) -> None:
    def page() -> str:
        return str(Client().get("/accounts/login/").content.decode())

    settings.DEMO = True
    assert "ana@example.com" not in page()
    assert "/mailbox/" in page()
    factories.workspace("demo", is_demo=True)
    assert 'value="ana@example.com"' in page()
    settings.DEMO = False
    assert "ana@example.com" not in page()
    assert "/mailbox/" not in page()
