"""Charts by their numbers: an address carries them, signed, so that a chart asks the books nothing again.

What is signed for one workspace draws nothing in another, and browsers keep a chart as long as they like.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from django.core import signing
from django.urls import reverse

from billing import charts, waterfalls
from projects.models import Workspace

Numbers = Sequence[dict[str, Any]]


class Unsigned(Exception):
    """The numbers were not signed for this workspace and chart."""


DRAWN: dict[str, Callable[[Numbers], bytes]] = {
    "change": lambda shown: waterfalls.svg(shown, colours=waterfalls.CHANGE),
    "parts": lambda shown: waterfalls.svg(shown, colours=waterfalls.PARTS),
    "bars": charts.bars,
}


def address(workspace: Workspace, name: str, numbers: Numbers) -> str:
    """The address of a chart; empty where there is nothing to draw."""
    if not numbers:
        return ""
    signed = signing.dumps(list(numbers), salt=_salt(workspace, name), compress=True)
    return f"{reverse('billing:chart', args=[workspace.slug, name])}?{urlencode({'of': signed})}"


def svg(workspace: Workspace, name: str, signed: str) -> bytes:
    """The chart. Raises Unsigned where the address is not one of `address`."""
    if name not in DRAWN:
        raise Unsigned
    try:
        numbers: Numbers = signing.loads(signed, salt=_salt(workspace, name))
    except signing.BadSignature:
        raise Unsigned from None
    return DRAWN[name](numbers)


def _salt(workspace: Workspace, name: str) -> str:
    return f"billing.drawn {workspace.pk} {name}"
