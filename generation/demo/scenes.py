"""What was made lately, with real media: each scene is a deliverable and how far it has come."""

from __future__ import annotations

from typing import NamedTuple

from generation.demo.cast import ANA, BEN, CHLOE, Character


class Reel(NamedTuple):
    """A running campaign that the recent scenes belong to."""

    client: str
    key: str
    name: str
    seed: int


REELS = {
    "first-snow": Reel("halden", "first-snow", "First snow", 4_117),
    "night-lines": Reel("orbis", "night-lines", "Night lines", 52),
}


class Scene(NamedTuple):
    """`ends` says how far: choose, picked, ask, sign, done, sketched, cap, dropped.

    The first scenes cover every end; a smaller demo has these alone.
    """

    reel: str
    key: str
    name: str
    category: str
    shape: str
    brief: str
    drafts: int
    ends: str
    by: Character
    days_ago: int


SCENES = (
    Scene("first-snow", "stove-still", "Stove in the snow", "product-still", "4x5",
          "A small camping stove on a plinth of snow, steam rising, low winter light.", 2, "ask", ANA, 3),
    Scene("first-snow", "lantern-still", "Lantern at blue hour", "product-still", "1x1",
          "A lantern on a rock at blue hour, warm glow, snow falling.", 2, "sign", ANA, 4),
    Scene("first-snow", "ridge-sketch", "Concept: the ridge", "concept-sketch", "16x9",
          "A ridge of mountains before dawn, one tent with a light.", 3, "choose", ANA, 2),
    Scene("night-lines", "viaduct-sketch", "Concept: the viaduct", "concept-sketch", "16x9",
          "A train crosses a viaduct at night, lit windows, stars above the valley.", 2, "cap", BEN, 2),
    Scene("first-snow", "poster-sketch", "Concept: poster of four shapes", "concept-sketch", "4x5",
          "Bold geometric poster of sun, hill, tent and path.", 2, "choose", CHLOE, 1),
    Scene("night-lines", "clock-still", "Station clock", "product-still", "1x1",
          "A station clock on a plinth, soft window light, clean space above.", 2, "ask", BEN, 3),
    Scene("night-lines", "ticket-still", "Ticket and coffee", "product-still", "4x5",
          "A ticket and a cup on a table by the train window, morning light.", 2, "sign", BEN, 4),
    Scene("night-lines", "conductor", "The conductor", "character-scene", "4x5",
          "Portrait of a conductor in a blue cap, profile against the low sun.", 2, "ask", BEN, 2),
    Scene("first-snow", "boots-still", "Boots on the step", "product-still", "1x1",
          "A pair of boots on a wooden step, fresh snow, side light.", 3, "done", ANA, 12),
    Scene("first-snow", "camp-clip", "Social cut: camp at dusk", "social-cut", "9x16",
          "A camp in the snow at dusk, lamps come on one after another.", 2, "choose", ANA, 1),
    Scene("first-snow", "flag-sketch", "Concept: the flag", "concept-sketch", "1x1",
          "A red flag on a snowy summit, wind, wide sky.", 2, "sketched", ANA, 9),
    Scene("night-lines", "platform-clip", "Social cut: platform in snow", "social-cut", "9x16",
          "A platform in the snow at night, a train arrives, windows glowing.", 2, "choose", BEN, 1),
    Scene("night-lines", "seat-sketch", "Concept: the window seat", "concept-sketch", "16x9",
          "A window seat in a night train, rain on the glass, city lights as bokeh.", 2, "sketched", BEN, 8),
    Scene("night-lines", "film-valley", "Opening film: the valley", "brand-film", "16x9",
          "A valley before dawn, one lit train far below. Slow push in.", 1, "done", BEN, 14),
    Scene("first-snow", "map-still", "Map on the table", "product-still", "4x5",
          "A folded map and a compass on a wooden table, lamp light.", 2, "picked", ANA, 2),
    Scene("night-lines", "rail-sketch", "Concept: lines", "concept-sketch", "9x16",
          "Geometric poster of parallel lines that meet in a moon.", 2, "dropped", BEN, 10),
)  # fmt: skip
