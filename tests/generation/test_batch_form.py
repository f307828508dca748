"""The form of a batch: what it makes of words and values, however many."""

from __future__ import annotations

import tracemalloc

from generation.batch_choices import Choices
from generation.forms.batches import BatchForm
from generation.matrices import MOST_VARIANTS

LINES = "\n".join(f"{number:x}" for number in range(300))
OFFERED = Choices(models=(), switches=(), profiles=(), variables=("place", "light"))


def form(**fields: str) -> BatchForm:
    usual = {"count": "1", "models": [""], "batch_id": "00000000-0000-4000-8000-000000000001"}
    made = BatchForm({**usual, **fields}, offered=OFFERED)
    assert made.is_valid(), made.errors
    return made


def test_every_value_is_combined_with_every_other() -> None:
    asked = form(**{"value-place": "sea\nforest", "value-light": "dawn\ndusk"}).asked([])
    assert [tuple(variant.variables.values()) for variant in asked.variants] == [
        ("sea", "dawn"),
        ("sea", "dusk"),
        ("forest", "dawn"),
        ("forest", "dusk"),
    ]


def test_more_than_a_matrix_takes_are_not_even_made() -> None:
    """Three hundred lines each of words and of two variables would be 27 million variants."""
    made = form(words=LINES, **{"value-place": LINES, "value-light": LINES})
    tracemalloc.start()
    try:
        asked = made.asked([])
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    assert len(asked.variants) == MOST_VARIANTS + 1
