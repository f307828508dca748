"""The one entry to the renderer: a step's request in, a file, a text or scores out."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from PIL import Image

from generation.providers.protocol import StepRequest
from generation.sketch import film, images, judge, overlay, text, upscale, video
from generation.sketch import request as asked
from generation.sketch.judge import Score

SOFTWARE = "Circletake sketching renderer (not an AI model)"
FORMATS = {
    "jpeg": ("image/jpeg", ".jpg"),
    "png": ("image/png", ".png"),
    "webp": ("image/webp", ".webp"),
}


@dataclasses.dataclass(frozen=True)
class Rendered:
    """What came out. `path` is set for media; `text` for words and, as JSON, for scores."""

    media_type: str
    seed: int
    path: Path | None = None
    text: str = ""
    scores: Mapping[str, Score] = dataclasses.field(default_factory=dict)


def render(*, kind: str, request: StepRequest, out_dir: Path) -> Rendered:
    """Renders one step on the CPU, into a new file `output.*` under `out_dir` where it is media.

    The same request gives the same bytes. Raises RequestRefused, in words for the user, for what
    cannot be drawn: a size, a duration, a colour, a missing source.
    """
    if kind not in KINDS:
        raise asked.RequestRefused(f"The sketching renderer has no step of kind {kind!r}.")
    return KINDS[kind](request, out_dir)


def _image(request: StepRequest, out_dir: Path) -> Rendered:
    return _picture(images.image(request), request, out_dir)


def _edit(request: StepRequest, out_dir: Path) -> Rendered:
    return _picture(images.edit(request), request, out_dir)


def _image_to_video(request: StepRequest, out_dir: Path) -> Rendered:
    return _film(video.from_image, request, out_dir)


def _video(request: StepRequest, out_dir: Path) -> Rendered:
    return _film(video.from_text, request, out_dir)


def _upscale(request: StepRequest, out_dir: Path) -> Rendered:
    if _is_film(asked.source(request)):
        return _film(upscale.film_file, request, out_dir)
    return _picture(upscale.image(request), request, out_dir)


def _overlay(request: StepRequest, out_dir: Path) -> Rendered:
    if _is_film(asked.source(request)):
        return _film(overlay.film_file, request, out_dir)
    return _picture(overlay.image(request), request, out_dir)


def _text(request: StepRequest, out_dir: Path) -> Rendered:
    return Rendered("text/plain", asked.seed(request), text=text.write(request))


def _judge(request: StepRequest, out_dir: Path) -> Rendered:
    scores = judge.judge(request)
    plain = {name: {"value": str(score.value), "words": score.words} for name, score in scores.items()}
    return Rendered(
        "application/json",
        asked.seed(request),
        text=json.dumps(plain, sort_keys=True),
        scores=scores,
    )


KINDS: dict[str, Callable[[StepRequest, Path], Rendered]] = {
    "text": _text,
    "image": _image,
    "edit": _edit,
    "image-to-video": _image_to_video,
    "video": _video,
    "upscale": _upscale,
    "overlay": _overlay,
    "judge": _judge,
}


def _picture(picture: Image.Image, request: StepRequest, out_dir: Path) -> Rendered:
    name = asked.text(request.parameters, "output_format") or "jpeg"
    if name not in FORMATS:
        raise asked.RequestRefused(f"output_format is {name!r}: one of {', '.join(FORMATS)}.")
    media_type, ending = FORMATS[name]
    seed = asked.seed(request)
    exif = Image.Exif()
    exif[0x0131] = SOFTWARE
    exif[0x010E] = f"{request.prompt[:400]} (seed {seed})".encode("ascii", "replace").decode()
    path = out_dir / f"output{ending}"
    options = {"png": {"compress_level": 3}}.get(name, {"quality": 92})
    picture.save(path, format=name.upper(), exif=exif, **options)
    return Rendered(media_type, seed, path=path)


def _film(make: Callable[[StepRequest, Path], None], request: StepRequest, out_dir: Path) -> Rendered:
    path = out_dir / "output.mp4"
    make(request, path)
    return Rendered(film.MEDIA_TYPE, asked.seed(request), path=path)


def _is_film(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(12)[4:8] == b"ftyp"
