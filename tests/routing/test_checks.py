"""What keeps a table from being published, in words that name the route and the remedy."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from routing import checks, default_table, document, words

CATEGORIES = frozenset(default_table.CATEGORIES)
PIPELINES = frozenset({"draft-image@1", "draft-video@1", "hero-film@1", "hero-still@1", "character-draft@1"})
MODELS = frozenset(
    "builtin/" + name
    for name in (
        *("sketch-fast", "sketch-draft", "sketch-cinema", "sketch-character", "retouch"),
        *("motion-draft", "motion-economy", "motion-cinema", "motion-character"),
        *("upscale", "overlay", "wordsmith", "judge"),
    )
)
KNOWN = checks.Known(categories=CATEGORIES, pipelines=PIPELINES, models=MODELS)


def told(content: object) -> list[str]:
    return [str(problem) for problem in checks.problems(content, KNOWN)]


def changed(change: Callable[[dict[str, Any]], object]) -> list[str]:
    """The problems of the starting table after a change."""
    content = copy.deepcopy(default_table.build())
    change(content)
    return told(content)


def route(content: dict[str, Any], key: str) -> dict[str, Any]:
    found: dict[str, Any] = next(entry for entry in content["routes"] if entry["key"] == key)
    return found


def test_nothing_is_wrong_with_the_starting_table() -> None:
    assert told(default_table.build()) == []


@pytest.mark.parametrize("content", [None, [], {}, {"routes": {}}, "routes"])
def test_what_is_no_table_is_said(content: object) -> None:
    assert told(content) == ['The document has no list of routes. Write {"routes": [...]}.']


def test_each_category_needs_a_route_in_each_phase() -> None:
    def without_general_routes(content: dict[str, Any]) -> None:
        gone = ("other-draft", "other-hero", "brand-film-hero", "concept-sketch-draft")
        content["routes"] = [entry for entry in content["routes"] if entry["key"] not in gone]

    assert changed(without_general_routes) == [
        'there is no route for brand-film, hero. Add one with "category": "brand-film" and "phase": "hero".',
        "there is no route for concept-sketch, draft. "
        'Add one with "category": "concept-sketch" and "phase": "draft".',
    ]


def test_a_route_for_one_project_does_not_stand_for_all() -> None:
    def for_one_project(content: dict[str, Any]) -> None:
        route(content, "brand-film-hero")["project"] = "acme"
        content["routes"].remove(route(content, "other-hero"))

    assert changed(for_one_project)[0].startswith("there is no route for brand-film, hero.")


@pytest.mark.parametrize(
    ("key", "change", "words"),
    [
        ("upscale", {"choices": []}, 'names a step and no model. Add "choices" with at least one'),
        ("upscale", {"cap": 3}, 'a route with a step has no "cap". Move it to the route without'),
        ("upscale", {"tier": "best"}, "there is no tier 'best'. Take budget, character, cinematic"),
        ("upscale", {"colour": 1}, '"colour" means nothing here. Remove it or correct'),
        ("upscale", {"retries": 9}, '"retries" is no number of retries. Write 0 to 5'),
        ("upscale", {"on_error": {"odd": "stop"}}, "there is no class of errors 'odd'. Take auth"),
        ("upscale", {"on_error": {"auth": "cry"}}, "'auth' leads to 'cry'. Take next, retry, stop"),
        ("upscale", {"choices": [{"model": "fal/none"}]}, "fal/none is not in the catalogue. Look"),
        ("upscale", {"choices": [{"name": "x"}]}, '"choices" has an entry without a model. Write'),
        ("upscale", {"step": "overlay"}, "matches exactly what upscale does. Join the two"),
        ("brand-film-draft", {"cap": 0}, '"cap" is no number of takes. Write 1 to 1000'),
        ("brand-film-draft", {"cap": True}, '"cap" is no number of takes. Write 1 to 1000'),
        ("brand-film-draft", {"phase": "final"}, "there is no phase 'final'. Write draft or hero"),
        ("brand-film-draft", {"category": "films"}, "there is no category 'films'. Take brand-film"),
        ("brand-film-draft", {"pipeline": "x@9"}, "no pipeline 'x@9' is published. Take character"),
        ("brand-film-draft", {"pipeline": ""}, "it names neither step nor pipeline. Add"),
        ("brand-film-draft", {"key": "brand-film-hero"}, "another route has this key. Give each"),
    ],
)
def test_a_problem_names_the_route_and_the_remedy(key: str, change: dict[str, Any], words: str) -> None:
    problems = changed(lambda content: route(content, key).update(change))
    assert any(problem.startswith("Route ") and words in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"measure": "mood"}, "has no measure that is known. Take budget_left, cap_reached"),
        ({"reason": "mood"}, "names an unknown reason. Take anatomy"),
        ({"at_least": "many"}, '"at_least" is no number above zero. Write one'),
        ({"at_least": 0}, '"at_least" is no number above zero. Write one'),
        ({"step": ""}, 'names no step. Add "step"'),
        ({"choices": []}, 'names no model to switch to. Add "choices"'),
        ({"choices": [{"model": "fal/none"}]}, "fal/none is not in the catalogue. Look"),
        ({"more_takes": -1}, '"more_takes" is no number of takes. Write 0 or more'),
        ({"automatic": "yes"}, '"automatic" is neither true nor false. Write true or false'),
        ({"measure": "takes_used"}, "has a reason and measures no rejections. Remove"),
        ({"sooner": 1}, '"sooner" means nothing here. Remove it'),
    ],
)
def test_a_criterion_is_checked_too(change: dict[str, Any], words: str) -> None:
    problems = changed(lambda content: route(content, "brand-film-draft")["criteria"][0].update(change))
    assert any(words in problem for problem in problems), problems


def test_the_digest_is_of_the_content_and_not_of_its_order() -> None:
    content = default_table.build()
    turned = dict(reversed(content.items()))
    assert document.digest(turned) == document.digest(content)
    assert document.digest({**content, "name": "Other"}) != document.digest(content)


def test_a_route_reads_as_a_sentence() -> None:
    table = document.parse(
        {
            "routes": [
                {
                    "key": "films",
                    "category": "hero-films",
                    "phase": "hero",
                    "pipeline": "hero-film@1",
                    "cap": 3,
                    "criteria": [
                        {
                            "key": "motion",
                            "measure": "rejections",
                            "reason": "motion",
                            "at_least": 2,
                            "step": "motion",
                            "choices": [{"model": "google/veo"}],
                        }
                    ],
                },
                {
                    "key": "motion",
                    "phase": "hero",
                    "step": "motion",
                    "choices": [{"model": "kling/3"}, {"model": "google/veo"}],
                    "fallbacks": [{"model": "wan/3"}],
                    "on_error": {"rate_limited": "next"},
                },
            ]
        }
    )
    assert [words.route(found) for found in table.routes] == [
        "Hero films, delivery: pipeline hero-film@1; at most 3 takes;"
        " after 2 rejections for motion switch motion to google/veo",
        "Delivery, step motion: kling/3, else google/veo; when it fails wan/3; rate limited: next model",
    ]
