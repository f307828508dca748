"""The routing table with which a workspace starts: every category in both phases, built-in models only.

A pipeline is named as `slug@version`; these slugs are the ones every new workspace has published.
"""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]

#: Category → pipelines for drafts and for delivery, caps for both.
CATEGORIES: dict[str, tuple[str, str, int, int]] = {
    "brand-film": ("draft-video@1", "hero-film@1", 8, 3),
    "social-cut": ("draft-video@1", "hero-film@1", 6, 2),
    "explainer": ("draft-video@1", "hero-film@1", 6, 2),
    "product-still": ("draft-image@1", "hero-still@1", 6, 2),
    "character-scene": ("character-draft@1", "hero-film@1", 10, 3),
    "concept-sketch": ("draft-image@1", "hero-still@1", 12, 1),
}
CHARACTERS = ("character-scene",)


def build() -> Document:
    """The document; `routing.checks.problems` finds nothing wrong with it."""
    routes = [route for category in CATEGORIES for route in (_draft(category), _hero(category))]
    return {"name": "Starting table", "routes": [*routes, *_anything(), *_steps()]}


def _draft(category: str) -> Document:
    pipeline, _, cap, _ = CATEGORIES[category]
    return {
        "key": f"{category}-draft",
        "category": category,
        "phase": "draft",
        "pipeline": pipeline,
        "cap": cap,
        "criteria": _draft_criteria(moving=pipeline == "draft-video@1"),
    }


def _hero(category: str) -> Document:
    _, pipeline, _, cap = CATEGORIES[category]
    return {
        "key": f"{category}-hero",
        "category": category,
        "phase": "hero",
        "pipeline": pipeline,
        "cap": cap,
        "criteria": [
            {
                "key": "at-cap",
                "measure": "cap_reached",
                "step": "image",
                "tier": "character",
                "choices": [{"model": "builtin/sketch-character"}],
                "more_takes": 1,
            }
        ],
    }


def _draft_criteria(*, moving: bool) -> list[Document]:
    """What to switch to, the most telling first: a rejection's reason, then the cap."""
    drift = {
        "key": "identity-drift",
        "measure": "rejections",
        "reason": "identity_drift",
        "at_least": 2,
        "step": "image",
        "tier": "character",
        "choices": [{"model": "builtin/sketch-character"}],
        "more_takes": 2,
    }
    motion = {
        "key": "motion",
        "measure": "rejections",
        "reason": "motion",
        "at_least": 2,
        "step": "motion",
        "tier": "character",
        "choices": [{"model": "builtin/motion-character"}],
        "more_takes": 2,
    }
    cap = {
        "key": "at-cap",
        "measure": "cap_reached",
        "step": "image",
        "tier": "cinematic",
        "choices": [{"model": "builtin/sketch-cinema"}],
        "more_takes": 2,
    }
    return [drift, motion, cap] if moving else [drift, cap]


def _anything() -> list[Document]:
    """Categories that a workspace adds later fall back to these."""
    return [
        {
            "key": "other-draft",
            "phase": "draft",
            "pipeline": "draft-image@1",
            "cap": 6,
            "criteria": _draft_criteria(moving=False),
        },
        {"key": "other-hero", "phase": "hero", "pipeline": "hero-still@1", "cap": 2},
    ]


def _steps() -> list[Document]:
    """Which models make each step: workhorses for drafts, cinematic ones for delivery."""
    sketches = ("builtin/sketch-fast", "builtin/sketch-draft")
    faithful = ("builtin/sketch-character", "builtin/sketch-fast")
    film = ("builtin/sketch-cinema", "builtin/sketch-character")
    moves = ("builtin/motion-draft", "builtin/motion-economy")
    routes = [
        _step("draft-image", "image", "speed", sketches, phase="draft"),
        _step("hero-image", "image", "cinematic", film, phase="hero"),
        _step("draft-motion", "image-to-video", "speed", moves, phase="draft"),
        _step(
            "hero-motion",
            "image-to-video",
            "cinematic",
            ("builtin/motion-cinema", "builtin/motion-character"),
            phase="hero",
        ),
        _step("edit", "edit", "refine", ("builtin/retouch", "builtin/sketch-fast")),
        _step("upscale", "upscale", "refine", ("builtin/upscale",)),
        _step("overlay", "overlay", "refine", ("builtin/overlay",)),
        _step("words", "text", "text", ("builtin/wordsmith",)),
        _step("judge", "judge", "text", ("builtin/judge",)),
    ]
    for category in CHARACTERS:
        key = f"{category}-image"
        routes.append(_step(key, "image", "character", faithful, phase="draft", category=category))
    return routes


def _step(key: str, step: str, tier: str, models: tuple[str, ...], **match: str) -> Document:
    """A route for a step: the first model is the choice, the others are its fallbacks."""
    first, *others = models
    return {
        "key": key,
        **match,
        "step": step,
        "tier": tier,
        "choices": [{"model": first}],
        "fallbacks": [{"model": model} for model in others],
        "retries": 1,
    }
