"""Requests: complete, hashed, the same again, and carried over to the hero render."""

import copy

import pytest

from generation import recall, requests, takes
from generation.canonical import digest
from generation.models import Recipe
from generation.requests import NoRoute
from projects import work
from projects.models import Campaign, Take
from projects.problems import Invalid


def resolve(studio, **asked):
    asked.setdefault("phase", "draft")
    return requests.resolve(deliverable=studio.deliverable, **asked)


def test_the_same_question_gives_the_same_hash_while_the_seed_is_locked(studio):
    Campaign.objects.filter(pk=studio.campaign.pk).update(seed_policy="campaign", seed=4711)
    studio.deliverable.refresh_from_db()
    first, second = resolve(studio), resolve(studio)
    assert first.request_hash == second.request_hash == digest(first.request)
    assert first.request["seed"] == 4711


def test_a_free_seed_is_another_one_each_time(studio):
    seeds = {resolve(studio).request["seed"] for _ in range(8)}
    assert len(seeds) == 8


def test_take_n_of_a_locked_series_uses_the_locked_seed_plus_n_minus_one(studio):
    Campaign.objects.filter(pk=studio.campaign.pk).update(seed_policy="campaign", seed=4711)
    studio.deliverable.refresh_from_db()
    round_ = takes.make(deliverable=studio.deliverable, by=studio.producer, count=3)
    assert list(round_.takes.order_by("number").values_list("seed", flat=True)) == [4711, 4712, 4713]
    assert resolve(studio).request["seed"] == 4714


def test_a_request_names_sizes_models_and_what_goes_into_each_step(studio):
    image, motion = resolve(studio, seed=7).request["steps"]
    assert (image["width"], image["height"], image["seed"]) == (960, 544, 7)
    assert (motion["width"], motion["height"]) == (640, 352)
    assert motion["inputs"] == [{"role": "source", "step": "image"}]
    assert [choice["model"] for choice in image["choices"]] == [
        "builtin/sketch-fast",
        "builtin/sketch-draft",
    ]


def test_recalling_everything_gives_the_same_hash_and_making_it_runs_exactly_that(studio):
    take = takes.make(deliverable=studio.deliverable, by=studio.producer, prompt="A quay").takes.get()
    again = recall.recall(take=take, what="all")
    assert again.request_hash == take.request_hash
    made = takes.make(deliverable=studio.deliverable, by=studio.producer, request=again.request)
    assert made.takes.get().request_hash == take.request_hash
    assert Recipe.objects.get(take=made.takes.get()).request == again.request


def test_a_remix_differs_in_its_seed_alone(studio):
    take = takes.make(deliverable=studio.deliverable, by=studio.producer, seed=3).takes.get()
    remix = recall.recall(take=take, what="remix").request
    original = copy.deepcopy(take.recipe.request)
    assert remix["seed"] != 3
    for request in (remix, original):
        request["seed"] = 0
        for step in request["steps"]:
            step["seed"] = 0
    assert remix == original


@pytest.mark.parametrize(
    "spoil",
    [
        lambda request: request.pop("steps"),
        lambda request: request.update(deliverable="00000000-0000-7000-8000-000000000000"),
        lambda request: request["steps"].pop(),
        lambda request: request["steps"][0].update(kind="video"),
        lambda request: request["steps"][0].update(width=100_000),
        lambda request: request["steps"][0]["inputs"].append({"role": "reference", "sha256": "f" * 64}),
        lambda request: request.update(pipeline="nothing@9"),
        lambda request: request.update(prompt="x" * 9000),
    ],
)
def test_a_request_that_was_tampered_with_is_refused_and_nothing_is_made(studio, spoil):
    request = copy.deepcopy(resolve(studio, seed=1).request)
    spoil(request)
    with pytest.raises(Invalid):
        takes.make(deliverable=studio.deliverable, by=studio.producer, request=request)
    assert Take.objects.count() == 0


def test_a_hero_request_is_not_made_by_sending_it_as_a_recalled_draft(studio):
    hero = resolve(studio, phase="hero", seed=1).request
    with pytest.raises(Invalid, match="hero render"):
        takes.make(deliverable=studio.deliverable, by=studio.producer, request=hero)
    assert Take.objects.count() == 0


def test_a_model_of_ones_own_choice_is_used_where_it_fits_and_refused_where_not(studio):
    request = resolve(studio, model="builtin/sketch-cinema").request
    assert [c["model"] for c in request["steps"][0]["choices"]] == ["builtin/sketch-cinema"]
    with pytest.raises(Invalid, match="which no step here asks for"):
        resolve(studio, model="builtin/wordsmith")
    with pytest.raises(Invalid, match="not in the catalogue"):
        resolve(studio, model="builtin/none")


def test_a_provider_without_an_account_is_not_used_and_the_reason_is_said(studio):
    with pytest.raises(NoRoute, match="no fal account"):
        takes.make(deliverable=studio.deliverable, by=studio.producer, model="fal/fal-ai/flux-2-pro")
    assert Take.objects.count() == 0


def test_a_brief_with_a_variable_that_has_no_value_says_which(studio):
    studio.deliverable.prompt_template = "scene"
    studio.deliverable.brief = "A quay"
    prompt = resolve(studio).request["prompt"]
    assert prompt == "A quay Light: soft morning light. Mood: calm."
    studio.deliverable.prompt_template = "nothing"
    with pytest.raises(Invalid, match="no template"):
        resolve(studio)


def test_identity_is_checked_when_it_is_changed(studio):
    with pytest.raises(Invalid, match="#rrggbb"):
        work.change_identity(
            campaign=studio.campaign,
            by=studio.producer,
            seed_policy="free",
            seed=None,
            palette=["red"],
            drift_tolerance="0.3",
        )
