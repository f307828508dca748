"""Words from a grammar: a brief turned into a shot prompt. No language model; every choice is seeded.

The subject is the brief's first sentence, kept as it is; what the grammar adds is framing, lens,
light, mood and a finishing note, each picked from short lists of which the category has its own.
"""

from __future__ import annotations

import re

from generation.providers.protocol import StepRequest
from generation.sketch import dice
from generation.sketch import request as asked

FRAMING: dict[str, tuple[str, ...]] = {
    "brand-film": (
        "wide establishing shot",
        "slow push in from wide",
        "low wide shot at eye level",
    ),
    "social-cut": ("tight vertical framing", "bold centred framing", "fast close framing"),
    "concept-sketch": ("loose wide composition", "simple silhouette composition", "graphic layout"),
    "character-scene": (
        "medium close-up in profile",
        "portrait from the chest up",
        "over the shoulder",
    ),
    "product-still": (
        "product centred on a plinth",
        "three-quarter product view",
        "front packshot",
    ),
    "explainer": ("flat graphic composition", "clear diagram-like layout", "geometric composition"),
    "": ("wide shot", "medium shot", "close shot"),
}
LENS = ("35 mm", "50 mm", "85 mm, shallow focus", "24 mm, deep focus", "macro, soft falloff")
LIGHT = (
    "low side light with long shadows",
    "soft window light",
    "backlight with a gentle rim",
    "overcast light, even and quiet",
    "first light, thin mist",
)
MOOD = ("calm and warm", "quiet and precise", "bright and open", "intimate", "hopeful, unhurried")
FINISH = (
    "fine grain",
    "muted contrast",
    "clean negative space",
    "layers of depth",
    "one accent colour",
)
LONGEST = 900


def write(request: StepRequest) -> str:
    """One prompt, in one line. The same prompt, seed and parameters give the same words.

    Parameters: `category` picks the framing; `avoid` adds what must not be seen.
    """
    seed = asked.seed(request)
    category = asked.text(request.parameters, "category")
    avoid = asked.text(request.parameters, "avoid")
    subject = _subject(request.prompt)
    if not subject:
        raise asked.RequestRefused("A prompt cannot be written from an empty brief.")
    picks = [
        _pick(options, seed, subject, name)
        for name, options in (
            ("framing", FRAMING.get(category, FRAMING[""])),
            ("lens", LENS),
            ("light", LIGHT),
            ("mood", MOOD),
            ("finish", FINISH),
        )
    ]
    sentence = f"{subject}; {', '.join(picks)}"
    return f"{sentence}; without {avoid}." if avoid else f"{sentence}."


def _subject(brief: str) -> str:
    first = re.split(r"(?<=[.!?])\s", " ".join(brief.split()), maxsplit=1)[0]
    return first.rstrip(".!?; ")[:LONGEST]


def _pick(options: tuple[str, ...], *key: object) -> str:
    return options[int(dice.stream(*key).integers(len(options)))]
