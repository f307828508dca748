"""Drill directives: what a catalogue row may tell a built-in model to do wrong."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from generation import sketch
from generation.media.limits import MalformedMedia
from generation.media.probe import glance, probe
from generation.providers.protocol import ErrorClass, StepRequest
from generation.sketch import drills

PLAIN = StepRequest("image", "Snowy valley", 7, 192, 108)


def told(seed: int = 7, **parameters: Any) -> drills.Drill:
    return drills.read(dataclasses.replace(PLAIN, seed=seed, parameters=parameters))


def test_without_directives_nothing_goes_wrong() -> None:
    assert told() == drills.Drill()


def test_directives_are_read() -> None:
    assert told(fail="unavailable", block=True, lag_seconds="2.5", malformed="html") == drills.Drill(
        ErrorClass.UNAVAILABLE, True, Decimal("2.5"), "html"
    )


def test_a_share_befalls_the_same_requests_each_time() -> None:
    hit = [seed for seed in range(200) if told(seed, fail="timeout", share="0.25").fail]
    assert hit == [seed for seed in range(200) if told(seed, fail="timeout", share="0.25").fail]
    assert 30 <= len(hit) <= 70
    assert [told(seed, fail="timeout", share=0).fail for seed in range(20)] == [None] * 20


@pytest.mark.parametrize("parameters", [{"fail": "tired"}, {"malformed": "purple"}, {"lag_seconds": "soon"}])
def test_an_unknown_directive_is_refused(parameters: dict[str, str]) -> None:
    with pytest.raises(sketch.RequestRefused):
        told(**parameters)


@pytest.mark.parametrize("kind", ["image", "video"])
@pytest.mark.parametrize("malformed", drills.MALFORMED)
def test_a_spoiled_file_is_caught(tmp_path: Path, kind: str, malformed: str) -> None:
    request = dataclasses.replace(PLAIN, kind=kind, duration_seconds=Decimal("0.25"))
    made = sketch.render(kind=kind, request=request, out_dir=tmp_path)
    assert made.path is not None
    glance(made.path)
    drills.spoil(made.path, malformed)
    with pytest.raises(MalformedMedia):
        probe(made.path)
