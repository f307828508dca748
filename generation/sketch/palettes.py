"""Which palette a picture gets: the campaign's, a reference picture's, or one by words and seed."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from PIL import Image

from generation.sketch import colour, dice

NAMED: dict[str, tuple[str, ...]] = {
    "winter": ("#16202e", "#3d5872", "#8fa9bd", "#dfe6ea", "#e8b27a"),
    "dawn": ("#231a33", "#6a3f5b", "#c8705f", "#f2b279", "#fbe9cf"),
    "dusk": ("#141833", "#3b2f66", "#8a4d84", "#e2827a", "#f8d3a5"),
    "night": ("#0a0f1f", "#16264a", "#31507f", "#7f9cc0", "#f4d58a"),
    "coffee": ("#1d130e", "#4e3020", "#95613a", "#d3a877", "#f4e7d6"),
    "forest": ("#0f1d18", "#24453a", "#5b7f5f", "#b4c29a", "#f0e6c8"),
    "sea": ("#071d2b", "#0f4a5e", "#3a8f98", "#a5d4cc", "#f6eedd"),
    "desert": ("#2a1616", "#7c3b2a", "#c9744a", "#ebb987", "#fbeedd"),
    "spring": ("#26332b", "#5c8463", "#a9c88f", "#f2c6c0", "#fdf4ea"),
    "studio": ("#16161a", "#45464d", "#95979c", "#dcdbd7", "#e4572e"),
    "bauhaus": ("#171a21", "#1f4e79", "#d1495b", "#edae49", "#f3ead8"),
    "candy": ("#2b1a3d", "#7a3e8e", "#e0609a", "#ffb199", "#fff1e0"),
}

WORDS: dict[str, tuple[str, ...]] = {
    "winter": ("winter", "snow", "snowy", "ice", "frost", "frosty", "cold", "alpine", "arctic"),
    "dawn": ("dawn", "sunrise", "morning", "golden", "warm", "honey", "sunlit"),
    "dusk": ("dusk", "sunset", "evening", "twilight", "neon", "magic"),
    "night": ("night", "midnight", "moon", "moonlit", "stars", "starry", "dark"),
    "coffee": ("coffee", "espresso", "latte", "roast", "roastery", "chocolate", "cocoa", "bean"),
    "forest": ("forest", "pine", "wood", "woods", "moss", "green", "jungle", "garden", "tea"),
    "sea": ("sea", "ocean", "coast", "beach", "wave", "waves", "lake", "water", "harbour"),
    "desert": ("desert", "dune", "dunes", "canyon", "clay", "terracotta", "autumn"),
    "spring": ("spring", "blossom", "flower", "flowers", "meadow", "pastel", "fresh"),
    "studio": ("studio", "minimal", "product", "packshot", "white", "concrete", "office"),
    "bauhaus": ("poster", "graphic", "geometric", "bauhaus", "abstract", "bold", "print"),
    "candy": ("candy", "party", "pop", "playful", "festival", "music", "dance"),
}


def choose(*, words: Collection[str], seed: int, colours: Sequence[str] = ()) -> colour.Palette:
    """The campaign's colours where given; else a named palette that the words speak for."""
    if colours:
        return colour.build(colours)
    votes = {name: len(set(words) & set(cues)) for name, cues in WORDS.items()}
    best = max(votes.values())
    candidates = [name for name, count in votes.items() if count == best]
    chance = dice.stream(seed, "palette", *(sorted(set(words)) if best == 0 else ()))
    return colour.build(NAMED[candidates[int(chance.integers(len(candidates)))]])


def of_picture(picture: Image.Image, count: int = 6) -> list[str]:
    """The main colours of a picture as `#rrggbb`, found by median cut on a small copy."""
    small = picture.convert("RGB").resize((96, 96), Image.Resampling.BOX)
    reduced = small.quantize(count, method=Image.Quantize.MEDIANCUT)
    table = np.array(reduced.getpalette() or [], np.uint8).reshape(-1, 3)
    used = sorted(reduced.getcolors() or [], reverse=True)
    return ["#{:02x}{:02x}{:02x}".format(*table[int(str(index))]) for _, index in used]
