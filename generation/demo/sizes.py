"""How much the demo holds."""

from __future__ import annotations

from typing import NamedTuple


class Size(NamedTuple):
    """`takes` is the least number; `unfinished` deliverables began lately and have no media."""

    takes: int
    campaigns: int
    unfinished: int
    catalogue: int  # deliverables of the one large campaign
    catalogue_every: int  # each so-maniest deliverable belongs to it
    stories_a_chunk: int
    scenes: int = 99  # of the recent ones, with real media


SIZES = {
    "XS": Size(200, 6, 0, 10, 5, 60, 8),
    "S": Size(2_000, 16, 0, 60, 8, 250),
    "M": Size(50_000, 48, 100, 600, 20, 1_000),
    "L": Size(1_000_000, 160, 300, 5_000, 40, 2_500),
}
