"""What pages say of decisions and refusals: who decided and why, and where to go from there."""

from __future__ import annotations

from decimal import Decimal

from django.utils import timezone

from billing import budgets
from generation import caps, heroes, reviews, takes
from projects.models import Deliverable, Take
from projects.models.takes import TakeState
from tests.cast import Cast
from tests.generation.pages import signed_in, text
from tests.studio import finished


def desk(cast: Cast) -> str:
    return f"/w/studio/deliverables/{cast.deliverable.pk}/"


def made(cast: Cast) -> Take:
    return takes.make(deliverable=cast.deliverable, by=cast.producer).takes.get()


def test_the_desk_says_who_signed_off_or_dropped_and_why(studio: Cast) -> None:
    take = finished(made(studio))
    reviews.review(take=take, decision="accept", as_is=True, note="Clear enough", by=studio.manager)
    signed_off = text(signed_in(studio.viewer), desk(studio))
    assert "Take 1 is signed off as is" in signed_off
    assert f"By {studio.manager.person}, " in signed_off
    assert "Clear enough" in signed_off
    reviews.review(take=take, decision="reverse", note="Too early", by=studio.manager)
    deliverable = Deliverable.objects.get(pk=studio.deliverable.pk)
    reviews.write_off(deliverable=deliverable, reason="The client left", by=studio.manager)
    dropped = text(signed_in(studio.viewer), desk(studio))
    assert "This deliverable was dropped" in dropped
    assert "The client left" in dropped
    assert "Take 1 is signed off" not in dropped
    assert 'data-dialog="reopen"' not in dropped
    assert 'data-dialog="reopen"' in text(signed_in(studio.manager), desk(studio))


def test_a_failure_reads_as_a_sentence_beside_its_cost(studio: Cast) -> None:
    take = made(studio)
    Take.objects.filter(pk=take.pk).update(
        state=TakeState.FAILED, failure="image: the file cannot be decoded", ended_at=timezone.now()
    )
    page = text(signed_in(studio.producer), desk(studio))
    assert "Image: the file cannot be decoded. Nothing was charged." in page


def test_the_desk_shows_which_changes_a_manager_asks_for(studio: Cast) -> None:
    take = finished(made(studio))
    reviews.review(take=take, decision="select", by=studio.producer)
    row = heroes.request(take=Take.objects.get(pk=take.pk), by=studio.producer)
    assert "Changes are asked for" not in text(signed_in(studio.producer), desk(studio))
    heroes.decline(hero_request=row, note="Show his eyes", by=studio.manager)
    page = text(signed_in(studio.producer), desk(studio))
    assert "Changes are asked for before the hero render" in page
    assert f"By {studio.manager.person}, " in page
    assert "Show his eyes" in page


def test_a_refusal_of_a_budget_leads_to_the_budget_and_its_limit(studio: Cast) -> None:
    take = finished(made(studio))
    reviews.review(take=take, decision="select", by=studio.producer)
    row = heroes.request(take=Take.objects.get(pk=take.pk), by=studio.producer)
    budget = budgets.set_budget(
        scope="workspace", phase="hero", window="month", limit=Decimal("0.000001"), by=studio.manager
    )
    address = f"/w/studio/approvals/heroes/{row.pk}/"
    page = signed_in(studio.manager).post(address, {"decision": "approve"})
    assert page.status_code == 402
    words = page.content.decode()
    assert f'href="/w/studio/budgets/{budget.pk}/">See the budget</a>' in words
    assert f'href="/w/studio/budgets/{budget.pk}/limit/">Change its limit</a>' in words
    assert words.count("The budget does not allow this") == 2  # the title and the heading
    row.refresh_from_db()
    assert row.state == "waiting"


def test_granting_more_takes_says_how_many(studio: Cast) -> None:
    row = caps.request(deliverable=studio.deliverable, more=2, reason="Fog", by=studio.producer)
    client = signed_in(studio.manager)
    answer = client.post(f"/w/studio/approvals/caps/{row.pk}/", {"decision": "grant"}, follow=True)
    assert "2 more takes granted." in answer.content.decode()
