"""What the renderer reads out of a prompt: a family of scenes, weather, the thing shown, a name."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

from generation.sketch import dice


def _cues(words: str) -> tuple[str, ...]:
    return tuple(words.split())


FAMILIES: dict[str, tuple[str, ...]] = {
    "landscape": _cues(
        "landscape hill hills mountain mountains valley field fields forest pine coast beach sea "
        "lake river road dune dunes desert horizon sunrise sunset meadow alpine nature outdoor "
        "cabin trail snowfall aerial establishing"
    ),
    "still_life": _cues(
        "product bottle cup mug coffee espresso latte tin jar can pack package packshot box bag "
        "pouch plinth still table tabletop cream perfume glass tea label packaging bean beans "
        "shelf counter shot pour brew kettle beans"
    ),
    "poster": _cues(
        "poster abstract geometric graphic typographic pattern shapes logo print explainer diagram "
        "infographic icon motion-graphics bauhaus layout title chart steps how collage bold flat"
    ),
    "portrait": _cues(
        "portrait character person woman man girl boy face model barista hero heroine people "
        "runner dancer chef farmer silhouette profile smile she he her his wearing actor child "
        "grandmother mother father friend friends closeup traveller commuter"
    ),
    "skyline": _cues(
        "city skyline street streets urban building buildings tower towers rooftop rooftops "
        "downtown night-life window windows tram train station bridge skyscraper metro town "
        "avenue traffic commute"
    ),
    "light": _cues(
        "light lights bokeh glow beam beams ray rays steam smoke mist silk fabric texture liquid "
        "swirl swirling flow macro close-up detail shadow shadows caustics interior room "
    ),
}

WEATHER: dict[str, tuple[str, ...]] = {
    "snow": ("snow", "snowy", "snowfall", "snowing", "winter", "blizzard", "flakes", "frost"),
    "rain": ("rain", "rainy", "storm", "drizzle"),
    "mist": ("mist", "misty", "fog", "foggy", "haze", "hazy", "steam", "smoke"),
    "stars": ("night", "stars", "starry", "midnight", "galaxy", "moonlit"),
    "dust": ("dust", "golden", "sparkle", "sunlit", "bokeh", "glitter"),
}

PRODUCTS: dict[str, tuple[str, ...]] = {
    "cup": ("cup", "mug", "coffee", "espresso", "latte", "tea", "cappuccino", "cocoa", "brew"),
    "bottle": ("bottle", "perfume", "wine", "oil", "drink", "water", "juice", "syrup", "brew"),
    "bag": ("bag", "pouch", "pack", "package", "packaging", "beans", "bean", "roast", "sachet"),
    "tin": ("tin", "can", "jar", "cream", "candle", "pot"),
    "box": ("box", "carton", "gift", "parcel", "calendar"),
}

COMMON = frozenset(
    _cues(
        "a an and are as at by for from in into is it no not of on or our over the their then this "
        "to under up with wide close shot scene still product character portrait poster film"
    )
)


@dataclasses.dataclass(frozen=True)
class Reading:
    """A prompt as the renderer understands it."""

    prompt: str
    words: tuple[str, ...]
    family: str
    weather: frozenset[str]
    product: str
    brand: str  # a short word to print on a label


def read(prompt: str, *, seed: int, family: str = "") -> Reading:
    """Reads a prompt; where the words leave a choice open, the seed makes it.

    A `family` that is given overrides the words; raises ValueError when it is not one of ours.
    """
    if family and family not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise ValueError(f"There is no composition {family!r}; choose one of {known}.")
    words = tuple(re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", prompt.lower()))
    return Reading(
        prompt=" ".join(prompt.split()),
        words=words,
        family=family or _vote(words, FAMILIES, seed, "family"),
        weather=frozenset(name for name, cues in WEATHER.items() if set(words) & set(cues)),
        product=_vote(words, PRODUCTS, seed, "product"),
        brand=_brand(prompt, words),
    )


def _vote(words: tuple[str, ...], table: Mapping[str, tuple[str, ...]], *key: object) -> str:
    """The entry named most often, an early word counting more; among equals the seed decides."""
    votes = dict.fromkeys(table, 0.0)
    for place, word in enumerate(words):
        for name, cues in table.items():
            if word in cues or word.removesuffix("s") in cues:
                votes[name] += 1 + 1 / (1 + place)
    best = max(votes.values())
    candidates = [name for name, votes_for in votes.items() if votes_for == best]
    spread = words if best == 0 else ()
    return candidates[int(dice.stream(*key, *spread).integers(len(candidates)))]


def _brand(prompt: str, words: tuple[str, ...]) -> str:
    """A capitalised word inside the prompt, else one that begins it, else its longest plain word."""
    cues = {cue for table in (FAMILIES, WEATHER, PRODUCTS) for names in table.values() for cue in names}
    named = re.findall(r"(?<=[\w,:] )[A-Z][a-z]{2,11}\b", prompt) + re.findall(r"^[A-Z][a-z]{2,11}\b", prompt)
    names = [name for name in named if name.lower() not in cues | COMMON]
    plain = [word for word in words if word not in COMMON and len(word) <= 10]
    return (names[0] if names else max(plain, key=len, default="take")).upper()
