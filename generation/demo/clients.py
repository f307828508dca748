"""Invented clients, campaigns and things to deliver."""

from __future__ import annotations

from typing import NamedTuple


class Client(NamedTuple):
    key: str
    name: str
    palette: tuple[str, ...]
    subjects: tuple[str, ...]


LUMEN = ("lumen", "Lumen Coffee")
WINTER_LIGHT = ("winter-light", "Winter light")
WINTER_PALETTE = ("#16202e", "#3d5872", "#8fa9bd", "#dfe6ea", "#e8b27a")
CLIENTS = (
    Client(
        "halden",
        "Halden Outdoor",
        ("#1d2b24", "#3f5f4c", "#8aa58f", "#e4e7dc", "#d97b3f"),
        ("ridge at dawn", "tent under stars", "rope and hands", "forest trail in rain", "summit at noon"),
    ),
    Client(
        "mirela",
        "Mirela Skincare",
        ("#2b2024", "#7a5560", "#c79aa0", "#f3e6e2", "#e0b3a1"),
        ("serum drop", "morning mirror", "jar on marble", "petals on water", "hands and towel"),
    ),
    Client(
        "kestrel",
        "Kestrel Bank",
        ("#10202c", "#1f4e6b", "#6fa3b8", "#dbe7ec", "#f0b84b"),
        ("street market", "first flat", "workshop at night", "family kitchen", "harbour bridge"),
    ),
    Client(
        "orbis",
        "Orbis Rail",
        ("#171a2a", "#3b4470", "#8f97c4", "#e5e6f2", "#e4574f"),
        ("night train", "platform in snow", "window seat", "valley viaduct", "station clock"),
    ),
    Client(
        "tavola",
        "Tavola Pasta",
        ("#2a1c12", "#7b4a24", "#d29a56", "#f6ead6", "#c1432e"),
        ("flour on wood", "long table", "pot and steam", "tomato harvest", "kitchen at dusk"),
    ),
    Client(
        "nordlicht",
        "Nordlicht Energy",
        ("#0f2226", "#1e5a5f", "#6fb3ae", "#e0f0ec", "#f2d04e"),
        ("turbines in fog", "roof with panels", "charging at night", "control room", "children and kite"),
    ),
    Client(
        "felt",
        "Felt & Fable Toys",
        ("#241a33", "#5d4185", "#a58fc9", "#eee8f5", "#f39b6d"),
        ("bear in the attic", "paper boat", "dragon at tea", "moon on a string", "snow globe town"),
    ),
    Client(
        "vanta",
        "Vanta Cycles",
        ("#121416", "#3a4046", "#8d969e", "#e9ecee", "#d8f04a"),
        ("tunnel sprint", "gravel descent", "chain close up", "city courier", "velodrome"),
    ),
)
CAMPAIGNS = (
    ("launch", "Launch"),
    ("spring", "Spring"),
    ("stories", "Stories"),
    ("summer", "Summer"),
    ("always-on", "Always on"),
    ("autumn", "Autumn"),
    ("retail", "Retail"),
    ("social", "Social series"),
)
LIGHTS = ("low winter sun", "soft window light", "blue hour", "overcast noon", "lamp light", "back light")
MOODS = ("quiet", "hopeful", "lively", "precise", "warm", "playful", "calm", "bold")
