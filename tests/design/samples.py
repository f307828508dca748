"""What the sample pages show: one of everything, with long words and large numbers among them."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.core.paginator import Paginator

from generation import words
from generation.cards import Card

NOW = datetime.datetime(2026, 11, 21, 9, 30, tzinfo=datetime.UTC)
SECTIONS = [
    ("", [("Home", "home", 0, False), ("Campaigns", "folder", 0, False), ("Approvals", "inbox", 3, True)]),
    (
        "Making",
        [("Queue", "queue", 12, False), ("Routing", "route", 0, False), ("Catalogue", "catalogue", 0, False)],
    ),
    ("Money", [("Month", "month", 0, False), ("Budgets", "wallet", 0, False)]),
    (
        "Workspace",
        [
            ("Activity", "activity", 0, False),
            ("People", "people", 0, False),
            ("Settings", "settings", 0, False),
        ],
    ),
]


class Person:
    """Somebody signed in."""

    is_authenticated = True
    name = "Ana Rossi"
    email = "ana@nordlicht.example"


class Filters(forms.Form):
    q = forms.CharField(label="Search", required=False, widget=forms.TextInput(attrs={"type": "search"}))
    tier = forms.ChoiceField(choices=[("", "Every tier"), ("speed", "Speed")], required=False)
    person = forms.ChoiceField(choices=[("", "Everybody"), ("ana", "Ana Rossi")], required=False)


class Request(forms.Form):
    prompt = forms.CharField(
        widget=forms.Textarea, initial="A harbour before sunrise, slow push in, fog on the water."
    )
    seed = forms.IntegerField(initial=4711, help_text="Locked by campaign.")
    count = forms.ChoiceField(
        label="Takes", choices=[("1", "One"), ("4", "Four at once")], widget=forms.RadioSelect, initial="1"
    )


class Everything(Request):
    title = forms.CharField(help_text="As the client calls it.")
    due_on = forms.DateField(label="Due", widget=forms.DateInput(attrs={"type": "date"}))
    agreed = forms.BooleanField(label="The brief is final", help_text="Changes void hero requests.")
    brief = forms.FileField(label="Brief (CSV)", required=False)


def shell() -> dict[str, Any]:
    """The navigation as the context processor gives it."""
    return {
        "home": "/",
        "search": "/search",
        "workspace": {"name": "Nordlicht Studio"},
        "workspaces": [
            {"name": "Nordlicht Studio", "href": "/w/n", "current": True},
            {"name": "Atelier", "href": "/w/a"},
        ],
        "sections": [
            {
                "label": label,
                "links": [
                    {
                        "label": name,
                        "href": f"/{name}",
                        "icon": icon,
                        "count": count,
                        "due": due,
                        "current": name == "Campaigns",
                    }
                    for name, icon, count, due in links
                ],
            }
            for label, links in SECTIONS
        ],
        "account": [{"label": "Notices", "href": "/notices", "icon": "bell"}],
    }


def take(number: int, **more: Any) -> dict[str, Any]:
    """A take of the strip."""
    return {
        "href": f"/take/{number}",
        "number": number,
        "thumbnail": f"/m/p{number}.jpg",
        "alt": f"Take {number}",
        "format": "16x9",
        "kind": "video",
        "state": "ready",
        "mark": "",
        "phase": "draft",
    } | more


def takes() -> list[dict[str, Any]]:
    """Every way that a take may stand in the strip."""
    return [
        take(1, seconds=5, starred=True),
        take(2, mark="rejected"),
        take(3, mark="selected", seconds=5),
        take(4, thumbnail="", state="rendering", progress=40),
        take(5, thumbnail="", state="rendering", progress=None),
        take(6, thumbnail="", state="queued"),
        take(7, thumbnail="", state="failed"),
        take(8, phase="hero", mark="accepted", seconds=30),
    ]


def card(number: int) -> Card:
    """A card of the board."""
    titles = [
        "Harbour at dawn",
        "Lighthouse, vertical cut for stories",
        "Anna on the pier",
        "Product still with the blue lamp",
    ]
    return Card(
        href=f"/d/{number}",
        title=titles[number % 4],
        column="making",
        poster=f"/m/p{number % 8 + 1}.jpg" if number % 3 else "",
        category="Brand film",
        takes_used=number % 7,
        cap=6,
        spent=Decimal(number) * Decimal("1.35"),
        currency="EUR",
        due_on=datetime.date(2026, 12, 1 + number),
        late=number == 2,
        running=2 if number == 3 else 0,
    )


def columns() -> list[dict[str, Any]]:
    """The board's columns."""
    keys = ["brief", "making", "choosing", "approval", "review", "done"]
    return [
        {
            "key": key,
            "count": 1204 if key == "brief" else at,
            "rest": 1154 if key == "brief" else 0,
            "cards": [card(at + n) for n in range(at % 4)],
        }
        for at, key in enumerate(keys, 1)
    ]


def rows() -> list[dict[str, Any]]:
    """Lines of a table."""
    names = ["Autumn 26", "Winter lights, social cuts for four markets", "Spring"]
    return [
        {
            "name": name,
            "state": "open",
            "n": 4 + at,
            "k": 1200 + at,
            "spent": Decimal("1240.55") / (at + 1),
            "share": Decimal("0.9") / (at + 1),
            "at": NOW - datetime.timedelta(hours=5 * at, minutes=3),
        }
        for at, name in enumerate(names)
    ]


def context() -> dict[str, Any]:
    """Everything that the sample pages need."""
    cents = Decimal("0.01")
    return {
        "user": Person(),
        "shell": shell(),
        "CSP_NONCE": "sample",
        "now": NOW,
        "messages": [],
        "states": sorted(words.STATES),
        "tiers": list(words.TIERS),
        "tabs": [
            {"label": "Board", "href": "/b", "current": True},
            {"label": "Table", "href": "/t", "count": 1226},
            {"label": "Activity", "href": "/a"},
        ],
        "filters": Filters({"tier": "speed"}),
        "form": Everything({"prompt": "Fog", "seed": "many", "agreed": ""}),
        "request_form": Request(),
        "amount": 140 * cents,
        "at_most": 210 * cents,
        "left": 340 * cents,
        "used": 780 * cents,
        "limit": 900 * cents,
        "steps": [
            {"label": label, "state": state}
            for label, state in zip(
                ["Image", "Video", "Upscale", "Overlay"], ["done", "now", "later", "later"], strict=True
            )
        ],
        "ways": [
            {"label": "Ask for more takes", "href": "/ask"},
            {"label": "Switch to cinematic", "href": "/switch"},
        ],
        "line": [Decimal(value) for value in (3, 4, 4, 6, 5, 7, 9, 8, 8, 6, 5, 5)],
        "parts": [
            {"label": "accepted", "value": Decimal("2.35"), "series": "good"},
            {"label": "rejected", "value": Decimal("0.10"), "series": "bad"},
            {"label": "superseded", "value": Decimal("0.05"), "series": "5"},
            {"label": "open", "value": Decimal("0.10"), "series": "2"},
        ],
        "rows": rows(),
        "page": Paginator(range(260), 25).page(2),
        "takes": takes(),
        "guide": [
            "Read the brief on the right.",
            "Make one or four drafts.",
            "Compare, reject with a reason, select one.",
        ],
        "columns": columns(),
        "requests": [
            {"title": card(n).title, "poster": f"/m/p{n + 1}.jpg", "price": Decimal(12) + n} for n in range(3)
        ],
        "a": {"src": "/m/p1.jpg", "kind": "image", "label": "Take 1"},
        "b": {"src": "/m/p3.jpg", "kind": "image", "label": "Take 3"},
        "compare": "",
    }
