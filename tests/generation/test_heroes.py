"""Hero requests: one exact render, approved before its money is spent, undone while nothing was sent."""

import datetime
from decimal import Decimal

import pytest
from django.utils import timezone

from billing import budgets, prices
from billing.models import Hold, HoldOutcome
from billing.models.budgets import BudgetWindow
from generation import heroes, reviews, takes, uploads
from generation.models import Run
from projects.access import MissingRight
from projects.models import Format, HeroDecision, HeroRequest, Membership, Notice, Take
from projects.models.decisions import RequestState
from projects.problems import Invalid
from tests.studio import finished


@pytest.fixture
def draft(studio):
    """A finished draft that was selected."""
    take = finished(takes.make(deliverable=studio.deliverable, by=studio.producer, seed=7).takes.get())
    reviews.review(take=take, decision="select", by=studio.producer)
    take.refresh_from_db()
    return take


@pytest.fixture
def asked(draft, studio):
    return heroes.request(take=draft, by=studio.producer, note="the calm one")


def test_a_request_records_its_hash_its_price_and_tells_the_managers(asked, studio):
    assert asked.state == RequestState.WAITING
    assert (asked.shown_amount, asked.at_most) == (Decimal("1.41000000"), Decimal("1.41000000"))
    assert asked.routing_version == 1
    told = Notice.objects.filter(kind="approval_waiting").values_list("membership", flat=True)
    assert set(told) == {studio.manager.pk, studio.second_manager.pk}
    studio.deliverable.refresh_from_db()
    assert studio.deliverable.board_column == "approval"


def test_no_take_and_no_money_exist_before_the_approval(asked):
    assert Take.objects.filter(phase="hero").count() == 0
    assert Hold.objects.filter(take__phase="hero").count() == 0


def test_the_seed_carries_over_only_where_the_model_is_the_same(asked):
    assert asked.request["carried"] == {"image": "picture", "motion": "picture"}
    assert asked.request["seed"] == 7


def test_the_same_request_waits_once(asked, draft, studio):
    with pytest.raises(heroes.HeroRefused, match="asked for already"):
        heroes.request(take=draft, by=studio.producer)
    assert HeroRequest.objects.count() == 1


def test_only_a_selected_finished_draft_is_asked_for(studio):
    take = takes.make(deliverable=studio.deliverable, by=studio.producer).takes.get()
    with pytest.raises(heroes.HeroRefused, match="no finished draft"):
        heroes.request(take=take, by=studio.producer)
    with pytest.raises(heroes.HeroRefused, match="not selected"):
        heroes.request(take=finished(take), by=studio.producer)
    assert HeroRequest.objects.count() == 0


def test_approving_makes_the_take_and_holds_the_money_in_one_step(asked, studio, settings):
    settings.HERO_UNDO_SECONDS = 60
    now = timezone.now()
    row = heroes.approve(hero_request=asked, by=studio.manager, now=now)
    take = row.hero_take
    held = Hold.objects.filter(take=take)
    assert (row.state, take.phase, take.state) == ("approved", "hero", "queued")
    assert sum(hold.amount for hold in held) == Decimal("1.41000000")
    assert take.request_hash == asked.request_hash
    assert take.requested_by == studio.producer.person
    first = Run.objects.get(take=take, position=0)
    assert first.due_at == now + datetime.timedelta(seconds=60)
    assert Run.objects.filter(take=take).count() == 4


def test_a_request_is_decided_once(asked, studio):
    heroes.approve(hero_request=asked, by=studio.manager)
    for again in (
        lambda: heroes.approve(hero_request=asked, by=studio.second_manager),
        lambda: heroes.decline(hero_request=asked, by=studio.second_manager, note="no"),
    ):
        with pytest.raises(heroes.HeroRefused, match="decided already"):
            again()
    assert Take.objects.filter(phase="hero").count() == 1
    assert HeroDecision.objects.count() == 1


@pytest.mark.parametrize("role", ["producer", "reviewer", "finance", "admin", "viewer"])
def test_only_managers_approve(asked, studio, role):
    with pytest.raises(MissingRight, match="manager"):
        heroes.approve(hero_request=asked, by=studio.by_role[role])
    asked.refresh_from_db()
    assert asked.state == RequestState.WAITING


def test_ones_own_request_needs_another_approver(draft, studio):
    row = heroes.request(take=draft, by=studio.manager)
    with pytest.raises(heroes.NeedsAnotherApprover):
        heroes.approve(hero_request=row, by=studio.manager)
    assert Hold.objects.filter(take__phase="hero").count() == 0
    assert heroes.approve(hero_request=row, by=studio.second_manager).self_approved is False


def test_alone_in_a_workspace_one_approves_oneself_and_it_is_marked(draft, studio):
    row = heroes.request(take=draft, by=studio.manager)
    others = Membership.objects.filter(workspace=studio.workspace).exclude(pk=studio.manager.pk)
    others.update(ended_at=timezone.now())
    assert heroes.approve(hero_request=row, by=studio.manager).self_approved is True


def test_declining_needs_a_note_and_spends_nothing(asked, studio):
    with pytest.raises(Invalid, match="Say what has to change"):
        heroes.decline(hero_request=asked, by=studio.manager, note=" ")
    row = heroes.decline(hero_request=asked, by=studio.manager, note="slower")
    assert (row.state, row.hero_take) == ("declined", None)
    assert Hold.objects.filter(take__phase="hero").count() == 0


def test_what_was_sent_back_for_changes_returns_only_changed(asked, draft, studio):
    heroes.decline(hero_request=asked, by=studio.manager, note="slower")
    with pytest.raises(heroes.HeroRefused, match="exactly this render"):
        heroes.request(take=draft, by=studio.producer)
    assert HeroRequest.objects.count() == 1
    other = finished(takes.make(deliverable=studio.deliverable, by=studio.producer, seed=8).takes.get())
    reviews.review(take=other, decision="select", by=studio.producer)
    other.refresh_from_db()
    assert heroes.request(take=other, by=studio.producer).state == RequestState.WAITING


def test_a_budget_that_lacks_the_money_refuses_and_nothing_is_changed(asked, studio):
    budget = budgets.set_budget(scope="workspace", window="month", limit=Decimal("1.40"), by=studio.manager)
    before = BudgetWindow.objects.get(budget=budget).reserved
    with pytest.raises(budgets.BudgetRefused) as refused:
        heroes.approve(hero_request=asked, by=studio.manager)
    assert (refused.value.extra["needed"], refused.value.extra["left"]) == ("1.41000000", "1.34000000")
    asked.refresh_from_db()
    assert (asked.state, asked.hero_take) == ("waiting", None)
    assert Take.objects.filter(phase="hero").count() == 0
    assert BudgetWindow.objects.get(budget=budget).reserved == before == Decimal("0.06000000")


def test_what_has_changed_since_voids_the_request(asked, studio):
    Format.objects.filter(pk=studio.format.pk).update(width=1920, height=1088)
    asked.deliverable.format.refresh_from_db()
    with pytest.raises(heroes.HeroRefused, match="has changed since"):
        heroes.approve(hero_request=asked, by=studio.manager)
    asked.refresh_from_db()
    assert (asked.state, asked.hero_take) == ("void", None)
    assert Hold.objects.filter(take__phase="hero").count() == 0


def test_a_dearer_price_asks_again_with_the_new_amount(asked, studio):
    prices.add_row(
        model_key="builtin/motion-cinema",
        unit="second",
        amount=Decimal("0.50"),
        currency="EUR",
        by=studio.finance,
        starts_at=timezone.now(),
    )
    with pytest.raises(heroes.HeroRefused, match="costs at most"):
        heroes.approve(hero_request=asked, by=studio.manager)
    asked.refresh_from_db()
    assert asked.state == RequestState.WAITING
    assert asked.at_most > Decimal("1.41")
    assert heroes.approve(hero_request=asked, by=studio.manager).state == RequestState.APPROVED


def test_undo_takes_it_all_back_and_the_request_waits_again(asked, studio, settings):
    settings.HERO_UNDO_SECONDS = 60
    row = heroes.approve(hero_request=asked, by=studio.manager)
    take = row.hero_take
    row = heroes.undo(hero_request=row, by=studio.manager)
    take.refresh_from_db()
    assert (row.state, row.hero_take, take.state) == ("waiting", None, "cancelled")
    outcomes = HoldOutcome.objects.filter(hold__take=take).values_list("outcome", "amount")
    assert set(outcomes) == {("voided", Decimal("0E-8"))}
    assert Hold.objects.filter(take=take, outcome__isnull=True).count() == 0
    again = heroes.approve(hero_request=row, by=studio.manager)
    assert again.hero_take.number == take.number + 1


def test_undo_is_refused_once_the_render_has_begun(asked, studio):
    row = heroes.approve(hero_request=asked, by=studio.manager)
    Run.objects.filter(take=row.hero_take, position=0).update(state="submitting", attempts=1)
    with pytest.raises(heroes.HeroRefused, match="has begun"):
        heroes.undo(hero_request=row, by=studio.manager)
    row.refresh_from_db()
    assert row.state == RequestState.APPROVED
    assert Hold.objects.filter(take=row.hero_take, outcome__isnull=True).count() == 4


def test_signing_a_draft_off_as_is_voids_what_waits_and_notes_the_money_saved(asked, draft, studio):
    with pytest.raises(Invalid, match="good enough"):
        reviews.review(take=draft, decision="accept", by=studio.manager, as_is=True)
    row = reviews.review(take=draft, decision="accept", by=studio.manager, as_is=True, note="good as it is")
    asked.refresh_from_db()
    assert (asked.state, row.money_saved) == ("void", Decimal("1.41000000"))


def test_a_draft_of_a_hero_category_is_not_signed_off_without_as_is(draft, studio):
    with pytest.raises(reviews.NotDecidable, match="delivered as a hero render"):
        reviews.review(take=draft, decision="accept", by=studio.manager)
    with pytest.raises(MissingRight):
        reviews.review(take=draft, decision="accept", by=studio.reviewer, as_is=True, note="x")
    draft.refresh_from_db()
    assert draft.mark == "selected"


def test_an_upload_counts_costs_and_is_signed_off_like_any_other(studio, tmp_path):
    from PIL import Image

    picture = tmp_path / "retouch.png"
    Image.new("RGB", (320, 180), "#345").save(picture)
    take = uploads.upload(
        deliverable=studio.deliverable,
        file=picture,
        phase="hero",
        made=uploads.Made(made_with="Retouch desk", amount=Decimal("12.50")),
        by=studio.producer,
    )
    assert (take.state, take.kind, take.number) == ("ready", "uploaded", 1)
    reviews.review(take=take, decision="accept", by=studio.manager)
    studio.deliverable.refresh_from_db()
    assert studio.deliverable.state == "accepted"
    assert studio.deliverable.cost.generation == Decimal("12.50000000")
