"""The demo: the same each time, plausible on average, with sound books and something for everybody."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction

from billing import checks, roll_forward
from billing.models import Budget, BudgetWindow, Entry
from generation import heroes
from generation.demo import build, cast
from generation.models import Call, Run
from projects.models import (
    Asset,
    CapRequest,
    Decision,
    Deliverable,
    Event,
    HeroRequest,
    Membership,
    Take,
    Workspace,
)
from projects.models.work import BoardColumn

pytestmark = pytest.mark.django_db

TODAY = datetime.date(2026, 7, 15)
MONTHS = [f"2025-{number:02d}" for number in range(7, 13)] + [f"2026-{number:02d}" for number in range(1, 8)]


def make(slug: str = "demo") -> Workspace:
    return build.build(size="XS", today=TODAY, say=lambda words: None, slug=slug, processes=0)


@pytest.fixture(scope="module")
def demo(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Any:
    """One demo for all tests here, taken back at their end."""
    with django_db_blocker.unblock():
        before, django_settings.MEDIA_ROOT = django_settings.MEDIA_ROOT, tmp_path_factory.mktemp("demo")
        with transaction.atomic():
            yield make()
            transaction.set_rollback(True)
        django_settings.MEDIA_ROOT = before


def member(workspace: Workspace, character: cast.Character) -> Membership:
    return Membership.objects.select_related("person", "workspace").get(
        workspace=workspace, person__email=character.email
    )


def fingerprint(workspace: Workspace) -> list[Any]:
    """What the rows of a demo say, ids included."""
    takes = Take.objects.filter(workspace=workspace).order_by("id")
    cash = Entry.objects.filter(workspace=workspace).exclude(kind="transfer").order_by("id")
    return [
        list(takes.values_list("id", "seed", "prompt", "state", "mark", "requested_at", "model")),
        list(cash.values_list("id", "amount", "debit", "effective_at", "provider", "stage")),
        list(Asset.objects.filter(workspace=workspace).order_by("sha256").values_list("sha256")),
    ]


def test_the_same_day_gives_the_same_demo(demo: Workspace) -> None:
    first = fingerprint(demo)
    with connection.cursor() as cursor:  # the second one has the same ids, so the first one has to go
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table in connection.introspection.table_names(cursor):
            if table.startswith(("billing_", "projects_", "generation_", "account_", "routing_routing")):
                cursor.execute(f'DELETE FROM "{table}"')
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    assert fingerprint(make()) == first


def test_takes_have_as_many_runs_calls_entries_and_events_as_promised(demo: Workspace) -> None:
    takes = Take.objects.filter(workspace=demo).count()
    cash = Entry.objects.filter(workspace=demo).exclude(kind="transfer").count()
    assert takes >= 200
    assert Run.objects.filter(workspace=demo).count() >= 1.5 * takes
    assert Call.objects.filter(workspace=demo).count() >= 1.6 * takes
    assert cash >= 1.6 * takes
    assert Event.objects.filter(workspace=demo).count() >= 4 * takes
    decided = Decision.objects.filter(workspace=demo, take__isnull=False).values("take").distinct()
    assert decided.count() >= 0.9 * takes


def test_books_balance_in_each_month(demo: Workspace) -> None:
    assert checks.problems() == []
    found = {month: roll_forward.roll_forward(demo, month) for month in MONTHS}
    assert {month: row.differences for month, row in found.items()} == {month: [] for month in MONTHS}
    assert all(row.kept.spend > 0 for row in found.values())


def test_nothing_is_told_after_today(demo: Workspace) -> None:
    end = datetime.datetime.combine(TODAY, datetime.time.min, datetime.UTC)
    assert not Entry.objects.filter(workspace=demo, effective_at__gt=end).exists()
    assert not Decision.objects.filter(workspace=demo, at__gt=end).exists()
    assert not Take.objects.filter(workspace=demo, requested_at__gt=end).exists()


def test_something_waits_for_every_role_that_decides(demo: Workspace) -> None:
    mine = Deliverable.objects.filter(workspace=demo, board_column=BoardColumn.CHOOSING)
    for character in (cast.ANA, cast.BEN, cast.CHLOE):
        assert mine.filter(created_by=member(demo, character).person).exists(), character.name
    assert HeroRequest.objects.filter(workspace=demo, state="waiting").count() == 3
    assert CapRequest.objects.filter(workspace=demo, state="waiting").count() == 1
    assert Deliverable.objects.filter(workspace=demo, board_column=BoardColumn.REVIEW).count() == 2
    assert BudgetWindow.objects.filter(budget__workspace=demo, alerted_percent=80).exists()
    assert Budget.objects.filter(workspace=demo).count() == 9


def test_the_walk_through_finds_its_campaign_empty_and_with_its_pictures(demo: Workspace) -> None:
    winter = demo.campaigns.get(key="winter-light", project__key="lumen")
    assert winter.palette == ["#16202e", "#3d5872", "#8fa9bd", "#dfe6ea", "#e8b27a"]
    assert (winter.anchors.count(), winter.deliverables.count()) == (3, 0)


def test_a_waiting_hero_request_can_be_approved(demo: Workspace) -> None:
    row = HeroRequest.objects.filter(workspace=demo, state="waiting").order_by("requested_at", "pk")[0]
    heroes.approve(hero_request=row, by=member(demo, cast.DARIO))
    assert row.state == "approved"
    assert row.hero_take.runs.get(step="image").state == "queued"
    assert checks.problems() == []


def test_a_second_demo_of_the_same_name_is_refused_and_changes_nothing(demo: Workspace) -> None:
    before = Take.objects.count()
    with pytest.raises(build.DemoExists):
        make()
    assert Take.objects.count() == before


def test_the_sign_in_page_lists_the_cast_in_a_demo_alone(demo: Workspace, client: Any, settings: Any) -> None:
    settings.DEMO = True
    page = client.get("/accounts/login/").content.decode()
    assert all(one.email in page for one in cast.EVERYBODY)
    settings.DEMO = False
    assert cast.ANA.email not in client.get("/accounts/login/").content.decode()


def test_everybody_signs_in_with_the_one_password(demo: Workspace, client: Any) -> None:
    for one in cast.EVERYBODY:
        assert client.login(email=one.email, password=cast.PASSWORD), one.name
