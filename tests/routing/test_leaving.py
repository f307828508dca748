"""Until when models can be used: whose word counts, what routes do then, and who is told when."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.utils import timezone

from projects.access import MissingRight
from projects.models import Event, Notice
from projects.problems import Invalid, Refused
from routing import decide, endings, facts, leaving, listing
from routing.models import CatalogueModel, ModelEnding
from tests.cast import Cast
from tests.routing import tables as plain

NOW = timezone.now() + datetime.timedelta(hours=1)  # the studio's prices are in force
FAST, ECONOMY, DEAR = "builtin/sketch-fast", "builtin/sketch-draft", "builtin/sketch-cinema"
TODAY = NOW.date()


def day(ahead: int) -> datetime.date:
    return TODAY + datetime.timedelta(days=ahead)


def by_hand(cast: Cast, until: datetime.date | None, key: str = FAST) -> ModelEnding:
    said: dict[str, Any] = {"model_key": key, "available_until": until, "source": "The provider's mail"}
    return endings.set_by_hand(**said, by=cast.manager, now=NOW)


def published(cast: Cast, until: datetime.date | None, key: str = FAST) -> int:
    dates = {key: until} if until else {}
    return endings.published(workspace=cast.workspace, dates=dates, asked=[key], source="Its list", now=NOW)


def answered(cast: Cast, key: str = FAST) -> bool:
    return endings.answered(workspace=cast.workspace, model_key=key, words="gone", now=NOW)


def usable(cast: Cast, key: str = FAST) -> tuple[datetime.date | None, bool]:
    found = facts.models(cast.workspace, [key], now=NOW)[key]
    return found.available_until, found.retired


def told(cast: Cast, ahead: int = 0) -> int:
    later = NOW + datetime.timedelta(days=ahead)
    before = Notice.objects.count()
    leaving.warn(cast.workspace, accounts=frozenset(), now=later)
    return Notice.objects.count() - before


def test_a_date_by_hand_goes_before_a_published_one_and_that_before_the_catalogue(studio: Cast) -> None:
    CatalogueModel.objects.filter(key=FAST).update(available_until=day(9))
    assert usable(studio) == (day(9), False)
    assert (published(studio, day(5)), usable(studio)) == (1, (day(5), False))
    row = by_hand(studio, day(30))
    assert usable(studio) == (day(30), False)
    assert by_hand(studio, None).pk == row.pk
    assert usable(studio) == (None, False)
    endings.undo(ending=row, by=studio.admin, now=NOW)
    assert usable(studio) == (day(5), False)
    assert (published(studio, day(5)), published(studio, None), usable(studio)) == (0, 0, (day(9), False))


def test_another_workspace_keeps_its_own_word_and_the_catalogue_stays(studio: Cast) -> None:
    by_hand(studio, day(-1))
    answered(studio, ECONOMY)
    elsewhere = studio.stranger.workspace
    found = facts.models(elsewhere, [FAST, ECONOMY], now=NOW)
    assert [(model.available_until, model.retired) for model in found.values()] == [(None, False)] * 2
    assert not CatalogueModel.objects.filter(key__in=[FAST, ECONOMY]).exclude(available_until=None).exists()


@pytest.mark.parametrize(("ahead", "chosen"), [(1, "a/first"), (0, "a/first"), (-1, "b/second")])
def test_from_the_day_after_its_last_the_next_choice_is_taken(ahead: int, chosen: str) -> None:
    last = plain.NOW.date() + datetime.timedelta(days=ahead)
    models = plain.model("a/first", available_until=last), plain.model("b/second")
    table = plain.table(plain.draft_route(), plain.image_route("a/first", fallbacks=("b/second",)))
    decision = decide.decide(plain.draft(), table, plain.facts(*models, accounts=frozenset({"a", "b"})))
    chosen_now = decision.steps[0].chosen
    assert chosen_now is not None
    assert chosen_now.model == chosen


def test_what_its_provider_answered_counts_at_once_until_it_is_taken_back(studio: Cast) -> None:
    by_hand(studio, day(30))
    assert (answered(studio), answered(studio)) == (True, False)
    assert usable(studio) == (TODAY, True)
    row = ModelEnding.objects.get(origin="answered")
    assert row.source == "builtin answered: gone"
    for _ in range(2):
        endings.undo(ending=row, by=studio.manager, now=NOW)
    assert usable(studio) == (day(30), False)
    assert Event.objects.filter(kind="model.end_undone").count() == 1


def test_only_managers_and_admins_say_so_and_a_published_date_is_not_undone(studio: Cast) -> None:
    row = by_hand(studio, day(3))
    for member in (studio.producer, studio.reviewer, studio.finance, studio.viewer):
        with pytest.raises(MissingRight):
            endings.set_by_hand(model_key=FAST, available_until=None, source="x", by=member, now=NOW)
        with pytest.raises(MissingRight):
            endings.undo(ending=row, by=member, now=NOW)
    assert usable(studio) == (day(3), False)
    endings.undo(ending=row, by=studio.stranger, now=NOW)
    assert usable(studio) == (day(3), False)
    published(studio, day(5), ECONOMY)
    with pytest.raises(Refused, match="provider's own"):
        endings.undo(ending=ModelEnding.objects.get(model_key=ECONOMY), by=studio.admin, now=NOW)
    for values, field in (({"model_key": "no/model"}, "model_key"), ({"source": " "}, "source")):
        said: dict[str, Any] = {"model_key": FAST, "available_until": None, "source": "x", **values}
        with pytest.raises(Invalid) as refused:
            endings.set_by_hand(**said, by=studio.admin, now=NOW)
        assert list(refused.value.errors) == [field]


def test_managers_are_told_once_for_each_model_and_threshold(studio: Cast) -> None:
    by_hand(studio, day(100))
    counts = [told(studio, ahead) for ahead in (0, 39, 40, 41, 69, 70, 71, 93, 99, 100, 101, 140)]
    assert counts == [0, 0, 2, 0, 0, 2, 0, 2, 0, 2, 0, 0]
    titles = list(Notice.objects.order_by("created_at").values_list("title", flat=True).distinct())
    assert titles[0] == "Sketch fast leaves in 60 days; 3 routes in force use it"
    by_hand(studio, day(160))
    assert told(studio, 101) == 2, "a corrected date is a new one"


def test_a_model_that_no_route_names_is_listed_and_nobody_is_told(studio: Cast) -> None:
    CatalogueModel.objects.filter(key="openai/gpt-image-1.5").update(available_until=day(9))
    assert told(studio) == 0
    found = leaving.listed(studio.workspace, accounts=frozenset(), now=NOW)
    assert "openai/gpt-image-1.5" in [one.model.key for one in found]
    assert leaving.listed(studio.workspace, accounts=frozenset(), now=NOW, used_only=True) == []


def test_what_could_follow_does_the_same_in_the_same_tier_and_is_the_cheapest(studio: Cast) -> None:
    by_hand(studio, day(9), DEAR)
    CatalogueModel.objects.filter(key="builtin/retouch").update(tier="cinematic")
    CatalogueModel.objects.filter(key="builtin/sketch-character").update(tier="cinematic")
    (one,) = leaving.listed(studio.workspace, accounts=frozenset(), now=NOW, used_only=True)
    assert one.suggestion is not None
    assert (one.suggestion.key, str(one.suggestion.expected)) == ("builtin/sketch-character", "0.06000000")
    answered(studio, "builtin/sketch-character")
    found = leaving.listed(studio.workspace, accounts=frozenset(), now=NOW, used_only=True)
    assert [one.suggestion for one in found] == [None, None]


def test_the_catalogue_lists_by_the_workspaces_own_word(studio: Cast) -> None:
    CatalogueModel.objects.filter(key=ECONOMY).update(available_until=day(-3))
    by_hand(studio, day(3), ECONOMY)
    answered(studio, FAST)

    def keys(state: str) -> set[str]:
        rows = listing.rows(studio.viewer, {"state": state, "provider": "builtin"}, today=TODAY)
        return set(rows.values_list("key", flat=True)) & {FAST, ECONOMY}

    assert (keys("retired"), keys("")) == ({FAST}, {ECONOMY})
    shown = listing.listed(studio.workspace, CatalogueModel.objects.filter(key__in=[FAST, ECONOMY]), now=NOW)
    assert {row.model.key: (row.retired, row.until) for row in shown} == {
        FAST: (True, TODAY),
        ECONOMY: (False, day(3)),
    }
