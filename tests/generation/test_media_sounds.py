"""Sounds that models make are looked into to their end; nobody else may bring one."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import io
from decimal import Decimal
from pathlib import Path

import pytest

from generation import collect, inline
from generation.media import store
from generation.media.limits import DEFAULT, SOUNDS, MalformedMedia
from generation.media.probe import glance, probe
from generation.models import Call, Run
from tests.emulators import media


def sound(path: Path, kind: str, seconds: int = 2) -> Path:
    make = media.mp3 if kind == "mp3" else media.wav
    path.write_bytes(make(seed="waves", seconds=seconds))
    return path


@pytest.mark.parametrize(
    ("kind", "media_type", "codec", "seconds"),
    [("mp3", "audio/mpeg", "mp3float", "2.000"), ("wav", "audio/wav", "pcm_s16le", "2.000")],
)
def test_a_sound_is_told_by_its_content_and_decoded_to_its_end(
    tmp_path: Path, kind: str, media_type: str, codec: str, seconds: str
) -> None:
    found = probe(sound(tmp_path / "without-a-name", kind), limits=SOUNDS)
    assert (found.kind, found.media_type, found.codec) == ("audio", media_type, codec)
    assert (found.width, found.height, found.frames) == (0, 0, None)
    assert found.duration_seconds == Decimal(seconds)
    assert glance(tmp_path / "without-a-name", limits=SOUNDS) == found


@pytest.mark.parametrize("kind", ["mp3", "wav"])
def test_a_sound_is_no_picture_and_no_video_for_who_uploads_it(tmp_path: Path, kind: str) -> None:
    with pytest.raises(MalformedMedia, match="no picture"):
        probe(sound(tmp_path / "a", kind), limits=DEFAULT)


@pytest.mark.parametrize("kind", ["mp3", "wav"])
@pytest.mark.parametrize("share", [0.001, 0.5])
def test_a_sound_that_broke_off_is_refused(tmp_path: Path, kind: str, share: float) -> None:
    path = sound(tmp_path / "a", kind)
    whole = path.read_bytes()
    path.write_bytes(whole[: max(44, int(len(whole) * share))])
    with pytest.raises(MalformedMedia, match="broke off"):
        probe(path, limits=SOUNDS)


def test_a_sound_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    short = dataclasses.replace(SOUNDS, seconds=Decimal(1))
    with pytest.raises(MalformedMedia, match="longer than 1 s"):
        probe(sound(tmp_path / "a", "wav", seconds=4), limits=short)


@pytest.mark.parametrize(("kind", "kept"), [("audio", True), ("image", False), ("video", False)])
def test_a_result_may_be_a_sound_only_where_one_was_asked_for(kind: str, kept: bool) -> None:
    stored = store.put(io.BytesIO(media.mp3(seed="waves", seconds=1)))
    call = Call(run=Run(kind=kind))
    fetch = collect._fetch_one(None, call, {"url": f"{inline.STORED}{stored.name}"})  # type: ignore[arg-type]
    with contextlib.nullcontext() if kept else pytest.raises(MalformedMedia, match="no picture"):
        found = asyncio.run(fetch)
        assert (found.probe and found.probe.kind, found.name) == ("audio", stored.name)
