"""The sketching renderer: equal requests give equal files, different ones differ, refusals say why."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from generation import sketch
from generation.media.probe import probe
from generation.providers.protocol import InputFile, StepRequest
from generation.sketch import film, scenes

PALETTE = ("#2b1a3d", "#7a3e8e", "#e0609a", "#ffb199")
SMALL = StepRequest("image", "Snowy mountain valley at dawn", 7, 192, 108)


def render(folder: Path, request: StepRequest, **changes: Any) -> sketch.Rendered:
    request = dataclasses.replace(request, **changes)
    folder.mkdir(exist_ok=True)
    return sketch.render(kind=request.kind, request=request, out_dir=folder)


def digest(rendered: sketch.Rendered) -> str:
    assert rendered.path is not None
    return hashlib.sha256(rendered.path.read_bytes()).hexdigest()


def source(path: Path | None, role: str = "source", media_type: str = "image/jpeg") -> InputFile:
    return InputFile(role, str(path), media_type, "0" * 64)


def pixels(rendered: sketch.Rendered) -> Any:
    assert rendered.path is not None
    with Image.open(rendered.path) as image:
        return np.asarray(image.convert("RGB"), np.float64)


@pytest.fixture
def still(tmp_path: Path) -> sketch.Rendered:
    return render(tmp_path / "still", SMALL)


@pytest.mark.parametrize("family", sorted(scenes.FAMILIES))
@pytest.mark.parametrize("size", [(192, 108), (108, 192), (128, 128)])
def test_every_composition_fits_every_format_and_repeats(
    tmp_path: Path, family: str, size: tuple[int, int]
) -> None:
    changes: dict[str, Any] = {
        "prompt": "Lumen",
        "width": size[0],
        "height": size[1],
        "parameters": {"composition": family},
    }
    first = render(tmp_path / "a", SMALL, **changes)
    assert first.path is not None
    found = probe(first.path)
    assert (found.media_type, found.width, found.height) == ("image/jpeg", *size)
    assert digest(render(tmp_path / "b", SMALL, **changes)) == digest(first)
    assert float(pixels(first).std()) > 10


def test_seed_prompt_and_palette_each_change_the_picture(tmp_path: Path) -> None:
    variants: list[dict[str, Any]] = [
        {},
        {"seed": 8},
        {"prompt": "A cup of coffee"},
        {"parameters": {"palette": PALETTE}},
    ]
    found = {digest(render(tmp_path / str(n), SMALL, **change)) for n, change in enumerate(variants)}
    assert len(found) == len(variants)


def test_a_request_without_a_seed_gets_one_from_its_prompt(tmp_path: Path) -> None:
    first = render(tmp_path / "a", SMALL, seed=None)
    assert digest(render(tmp_path / "b", SMALL, seed=first.seed)) == digest(first)


def test_every_product_can_be_drawn(tmp_path: Path) -> None:
    found = {
        digest(render(tmp_path / word, SMALL, prompt=f"{word} product, packshot"))
        for word in ("cup", "bottle", "bag", "tin", "box")
    }
    assert len(found) == 5


def test_the_file_says_that_no_ai_model_made_it(tmp_path: Path, still: sketch.Rendered) -> None:
    assert still.path is not None
    with Image.open(still.path) as image:
        assert image.getexif()[0x0131] == "Circletake sketching renderer (not an AI model)"
    moving = render(tmp_path / "film", SMALL, kind="video", duration_seconds=Decimal("0.25"))
    assert moving.path is not None
    assert b"not by an AI model" in moving.path.read_bytes()


def test_a_large_picture_has_the_size_that_was_asked_for(tmp_path: Path) -> None:
    found = render(tmp_path, SMALL, width=3000, height=2000, parameters={"output_format": "webp"})
    assert found.path is not None
    told = probe(found.path)
    assert (told.media_type, told.width, told.height) == ("image/webp", 3000, 2000)


def test_a_reference_lends_its_colours(tmp_path: Path) -> None:
    red = tmp_path / "red.png"
    Image.new("RGB", (64, 64), (200, 20, 20)).save(red)
    plain = pixels(render(tmp_path / "a", SMALL)).mean(axis=(0, 1))
    lent = pixels(render(tmp_path / "b", SMALL, inputs=(source(red, "reference"),))).mean(axis=(0, 1))
    assert lent[0] - lent[2] > plain[0] - plain[2] + 20


def test_an_edit_keeps_the_source_and_moves_with_strength(tmp_path: Path, still: sketch.Rendered) -> None:
    def distance(strength: str) -> float:
        edited = render(
            tmp_path / strength,
            SMALL,
            kind="edit",
            prompt="warmer, in the morning",
            width=None,
            height=None,
            inputs=(source(still.path),),
            parameters={"strength": strength, "palette": ["#4a1010", "#f0d0a0"]},
        )
        return float(np.abs(pixels(edited) - pixels(still)).mean())

    assert distance("0") < distance("0.5") < distance("1")


@pytest.mark.parametrize("kind", ["video", "image-to-video"])
def test_a_film_repeats_to_the_byte_and_has_the_length_asked_for(
    tmp_path: Path, still: sketch.Rendered, kind: str
) -> None:
    changes: dict[str, Any] = {
        "kind": kind,
        "duration_seconds": Decimal("0.75"),
        "inputs": (source(still.path),),
        "parameters": {"fps": 12},
    }
    first = render(tmp_path / "a", SMALL, **changes)
    assert first.path is not None
    found = probe(first.path)
    assert (found.media_type, found.width, found.height) == ("video/mp4", 192, 108)
    assert (found.frames, found.duration_seconds) == (9, Decimal("0.750"))
    whole = first.path.read_bytes()
    assert whole.index(b"moov") < whole.index(b"mdat")
    assert digest(render(tmp_path / "b", SMALL, **changes)) == digest(first)
    assert digest(render(tmp_path / "c", SMALL, **{**changes, "seed": 8})) != digest(first)


def test_the_camera_moves_unless_it_is_told_to_stand(tmp_path: Path) -> None:
    path = tmp_path / "lines.png"
    Image.fromarray(np.tile(np.array([0, 255], np.uint8).repeat(16), (108, 6))).save(path)

    def travelled(move: str) -> float:
        moving = render(
            tmp_path / move, SMALL, kind="image-to-video", prompt="plain", inputs=(source(path),),
            duration_seconds=Decimal("0.5"), parameters={"move": move},
        )  # fmt: skip
        assert moving.path is not None
        first, last = film.stills(moving.path, 2)
        return float(np.abs(np.asarray(first, np.float64) - np.asarray(last, np.float64)).mean())

    assert travelled("still") < 3
    for move in ("push-in", "pull-out", "pan-left", "pan-right"):
        assert travelled(move) > 10


def test_upscaling_doubles_a_picture_and_keeps_its_edges(tmp_path: Path) -> None:
    path = tmp_path / "edge.png"
    Image.fromarray(np.array([[30] * 32 + [220] * 32] * 64, np.uint8)).save(path)
    found = render(tmp_path / "a", SMALL, kind="upscale", width=None, height=None, inputs=(source(path),))
    assert pixels(found).shape == (128, 128, 3)
    with Image.open(path) as small:
        plain = np.asarray(small.resize((128, 128), Image.Resampling.BICUBIC), np.float64)
    steepest = float(np.abs(np.diff(pixels(found)[64, :, 0])).max())
    assert steepest > float(np.abs(np.diff(plain[64])).max())


def test_upscaling_a_film_keeps_its_frames(tmp_path: Path) -> None:
    small = render(tmp_path / "a", SMALL, kind="video", duration_seconds=Decimal("0.25"))
    large = render(
        tmp_path / "b", SMALL, kind="upscale", width=None, height=None,
        inputs=(source(small.path, media_type="video/mp4"),), parameters={"factor": "1.5"},
    )  # fmt: skip
    assert large.path is not None
    found = probe(large.path)
    assert (found.width, found.height, found.frames) == (288, 160, 6)


MARKS = {
    "logo_text": "Lumen",
    "legal_line": "© Lumen Coffee",
    "title": "Winter light",
    "line": "From 1 December",
}


def test_an_overlay_is_laid_over_a_picture_and_repeats(tmp_path: Path, still: sketch.Rendered) -> None:
    changes: dict[str, Any] = {"kind": "overlay", "inputs": (source(still.path),), "parameters": MARKS}
    first = render(tmp_path / "a", SMALL, **changes)
    assert pixels(first).shape == pixels(still).shape
    assert float(np.abs(pixels(first)[-12:] - pixels(still)[-12:]).mean()) > 5
    again = render(tmp_path / "b", SMALL, **changes, seed=99)
    assert np.array_equal(pixels(again), pixels(first))


def test_an_overlay_adds_the_end_card_to_a_film(tmp_path: Path) -> None:
    plain = render(tmp_path / "a", SMALL, kind="video", duration_seconds=Decimal("0.5"))
    marked = render(
        tmp_path / "b", SMALL, kind="overlay", inputs=(source(plain.path, media_type="video/mp4"),),
        parameters={**MARKS, "colour": "#16202e", "end_card_seconds": "1"},
    )  # fmt: skip
    assert marked.path is not None
    assert probe(marked.path).frames == 12 + 24
    corner = np.asarray(film.stills(marked.path, 2)[-1])[4, 4].astype(int)
    assert np.abs(corner - (0x16, 0x20, 0x2E)).max() <= 6


def test_a_logo_file_keeps_its_colours(tmp_path: Path, still: sketch.Rendered) -> None:
    logo = tmp_path / "logo.png"
    Image.new("RGBA", (40, 20), (255, 0, 0, 255)).save(logo)
    found = render(tmp_path / "a", SMALL, kind="overlay", inputs=(source(still.path), source(logo, "logo")))
    red = pixels(found)[10, 192 - 5 - 10]
    assert red[0] > 220
    assert red[1] < 60


def test_words_are_written_by_the_grammar_and_repeat(tmp_path: Path) -> None:
    request = StepRequest(
        "text", "Mara opens the shop. Then guests come.", 4, None, None,
        parameters={"category": "character-scene", "avoid": "letters"},
    )  # fmt: skip
    first = render(tmp_path, request)
    assert first.media_type == "text/plain"
    assert first.text.startswith("Mara opens the shop; ")
    assert first.text.endswith("; without letters.")
    assert render(tmp_path, request) == first
    assert render(tmp_path, request, seed=5).text != first.text


def judged(folder: Path, path: Path, *references: Path) -> sketch.Rendered:
    inputs = (source(path), *(source(one, "reference") for one in references))
    return render(folder, StepRequest("judge", "", 1, None, None, inputs=inputs))


def test_a_picture_has_not_drifted_from_itself(tmp_path: Path, still: sketch.Rendered) -> None:
    assert still.path is not None
    found = judged(tmp_path, still.path, still.path)
    assert found.scores["drift"] == sketch.Score(Decimal("0.000"), "true to the references")
    told = json.loads(found.text)
    assert told["drift"] == {"value": "0.000", "words": "true to the references"}
    assert set(told) == {"sharpness", "exposure", "drift"}


def test_another_picture_has_drifted_and_the_nearest_reference_counts(
    tmp_path: Path, still: sketch.Rendered
) -> None:
    other = render(tmp_path / "other", SMALL, prompt="Bold geometric poster", seed=3)
    assert still.path is not None
    assert other.path is not None
    alone = judged(tmp_path, still.path, other.path).scores["drift"]
    assert alone.value > Decimal("0.350")
    assert judged(tmp_path, still.path, other.path, still.path).scores["drift"].value == 0


def test_a_blurred_and_a_black_picture_score_low(tmp_path: Path, still: sketch.Rendered) -> None:
    soft, black = tmp_path / "soft.png", tmp_path / "black.png"
    Image.linear_gradient("L").convert("RGB").save(soft)
    Image.new("RGB", (64, 64)).save(black)
    assert judged(tmp_path, soft).scores["sharpness"].words == "soft"
    assert judged(tmp_path, black).scores["exposure"] == sketch.Score(Decimal("0.000"), "badly exposed")


def test_a_film_is_judged_by_its_worst_frame(tmp_path: Path) -> None:
    moving = render(tmp_path / "a", SMALL, kind="video", duration_seconds=Decimal("0.25"))
    assert moving.path is not None
    assert set(judged(tmp_path, moving.path).scores) == {"sharpness", "exposure"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "audio"}, "no step of kind 'audio'"),
        ({"width": 8}, "8 × 108 pixels cannot be drawn"),
        ({"width": 8000, "height": 8000}, "at most 40 million"),
        ({"width": None}, "Give both width and height"),
        ({"parameters": {"palette": ["red"]}}, "'red' is not a colour; write it as #rrggbb"),
        ({"parameters": {"composition": "opera"}}, "There is no composition 'opera'"),
        ({"parameters": {"output_format": "bmp"}}, "output_format is 'bmp'"),
        ({"kind": "video", "duration_seconds": Decimal(61)}, "61 s is out of range"),
        ({"kind": "video", "parameters": {"fps": "many"}}, "fps is 'many'; it needs a number"),
        ({"kind": "video", "parameters": {"fps": 61}}, "61 frames a second"),
        ({"kind": "video", "parameters": {"move": "orbit"}}, "There is no move 'orbit'"),
        ({"kind": "image-to-video"}, "kind image-to-video needs a source file"),
        ({"kind": "upscale"}, "kind upscale needs a source file"),
        ({"kind": "judge"}, "kind judge needs a source file"),
        ({"kind": "text", "prompt": " "}, "empty brief"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_words(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(sketch.RequestRefused) as caught:
        render(tmp_path / "out", SMALL, **changes)
    assert words in str(caught.value)
    assert list((tmp_path / "out").iterdir()) == []


def test_an_overlay_of_nothing_is_refused(tmp_path: Path, still: sketch.Rendered) -> None:
    with pytest.raises(sketch.RequestRefused, match="nothing to lay over"):
        render(tmp_path / "a", SMALL, kind="overlay", inputs=(source(still.path),))
