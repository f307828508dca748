"""What the database tells a decision about a deliverable."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from billing.models import DeliverableCost
from projects.models import Decision, Take
from routing import facts
from tests import factories
from tests.cast import Cast
from tests.routing.tables import NOW

pytestmark = pytest.mark.django_db


def reject(cast: Cast, take: Take, *reasons: str, minute: int = 0) -> None:
    Decision.objects.create(
        workspace=cast.workspace,
        campaign=cast.campaign,
        deliverable=cast.deliverable,
        take=take,
        decision="reject",
        reasons=list(reasons),
        at=NOW + datetime.timedelta(minutes=minute),
    )
    Take.objects.filter(pk=take.pk).update(mark="rejected")


def test_rejections_count_by_reason_and_phase_and_each_take_once(cast: Cast) -> None:
    first, second, hero, cleared = (
        factories.take(cast.deliverable, phase=phase) for phase in ("draft", "draft", "hero", "draft")
    )
    reject(cast, first, "anatomy")
    reject(cast, first, "motion", minute=1)
    reject(cast, second, "motion", "artefact")
    reject(cast, hero, "motion")
    reject(cast, cleared, "motion")
    Take.objects.filter(pk=cleared.pk).update(mark="")
    found = facts.history(cast.deliverable, "draft")
    assert found.rejections == {"motion": 2, "artefact": 1}


def test_each_phase_has_its_own_cap_and_use(cast: Cast) -> None:
    deliverable = cast.deliverable
    deliverable.drafts_used, deliverable.cap, deliverable.extra_drafts = 3, 5, 1
    deliverable.heroes_used, deliverable.extra_heroes = 1, 2
    draft, hero = facts.history(deliverable, "draft"), facts.history(deliverable, "hero")
    assert (draft.used, draft.cap, draft.extra) == (3, 5, 1)
    assert (hero.used, hero.cap, hero.extra) == (1, None, 2)


def test_money_spent_is_all_cash_of_the_deliverable(cast: Cast) -> None:
    assert facts.history(cast.deliverable, "draft").spent == Decimal(0)
    DeliverableCost.objects.update_or_create(
        deliverable=cast.deliverable,
        defaults={
            "workspace": cast.workspace,
            "generation": Decimal("1.5"),
            "control": Decimal("0.25"),
            "refinement": Decimal("0.125"),
            "reserved": Decimal(9),
        },
    )
    assert facts.history(cast.deliverable, "draft").spent == Decimal("1.875")
