"""Films: a camera moves over a picture, or through the layers of a scene drawn from a prompt.

A sketching renderer, not an AI model: nothing in the picture acts; the camera, the depth between
the layers, the light and the weather move. Equal requests give equal frames.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageOps

from generation.providers.protocol import StepRequest
from generation.sketch import dice, film, finish, images, layers, motion, scenes, weather
from generation.sketch import request as asked
from generation.sketch.colour import Array
from generation.sketch.film import Planes
from generation.sketch.scenes.brief import Brief

OVERSCAN = 1.12  # how much larger than the frame a moving picture is drawn
GROUPS = (0.1, 0.8)  # the depths at which a scene's layers travel
LARGEST_FILM = 2_100_000  # pixels a frame
MOST_FRAMES = 1800


@dataclasses.dataclass(frozen=True)
class Sheet:
    """One layer ready to be filmed: planes, coverage, depth."""

    planes: Planes
    alpha: Image.Image | None
    depth: float
    top: float = 0.0  # the highest row that it covers, as a share


@dataclasses.dataclass(frozen=True)
class Plan:
    size: tuple[int, int]
    fps: int
    frames: int
    camera: motion.Camera
    seed: int


def from_text(request: StepRequest, path: Path) -> None:
    """A scene drawn in layers, and a camera that moves through them; writes an MP4 to `path`."""
    plan = _plan(request, asked.size(request))
    brief = images.brief_for(request, *plan.size, overscan=OVERSCAN)
    drawn = layers.fold(scenes.draw(brief), GROUPS)
    graded = [dataclasses.replace(one, colour=_graded(one.colour, brief)) for one in drawn]
    sheets = [_sheet(one, plan) for one in graded]
    flat = layers.flatten(graded)
    title = _title(request, plan, flat)
    _film(path, request, plan, sheets, [_falling(brief, plan), title])


def from_image(request: StepRequest, path: Path) -> None:
    """A camera over the source picture, with slow light and the prompt's weather; writes an MP4."""
    with Image.open(asked.source(request)) as opened:
        source = ImageOps.exif_transpose(opened).convert("RGB")
    plan = _plan(request, asked.size(request, default=_default_size(source)))
    large = (round(plan.size[0] * OVERSCAN), round(plan.size[1] * OVERSCAN))
    fitted = ImageOps.fit(source, film.even(*large), Image.Resampling.LANCZOS)
    brief = images.brief_for(request, *plan.size)
    sheets = [Sheet(film.planes_of(fitted), None, 0.0)]
    _film(path, request, plan, sheets, [_falling(brief, plan)])


def _plan(request: StepRequest, size: tuple[int, int]) -> Plan:
    width, height = size
    shrink = min(1.0, (LARGEST_FILM / (width * height)) ** 0.5)
    fps = asked.fps(request)
    frames = max(1, round(asked.seconds(request) * fps))
    if frames > MOST_FRAMES:
        raise asked.RequestRefused(
            f"{frames} frames are too many: at most {MOST_FRAMES}; ask for fewer seconds."
        )
    seed = asked.seed(request)
    move = asked.text(request.parameters, "move") or "auto"
    if move not in asked.MOTIONS:
        raise asked.RequestRefused(f"There is no move {move!r}: {', '.join(asked.MOTIONS)}.")
    strength = 0.7 if request.motion is None else min(1.0, max(0.0, float(request.motion)))
    return Plan(
        size=film.even(round(width * shrink), round(height * shrink)),
        fps=fps,
        frames=frames,
        camera=motion.choose(request.prompt, seed=seed, move=move, strength=strength, reach=1 - 1 / OVERSCAN),
        seed=seed,
    )


def _default_size(source: Image.Image) -> tuple[int, int]:
    """The picture's own shape with the short side at 720, or as it is where it is smaller."""
    shrink = min(1.0, 720 / min(source.size))
    return round(source.width * shrink), round(source.height * shrink)


def _graded(picture: Array, brief: Brief) -> Array:
    return finish.grade(picture, brief, grain=0.006)


def _sheet(layer: layers.Layer, plan: Plan) -> Sheet:
    large = film.even(round(plan.size[0] * OVERSCAN), round(plan.size[1] * OVERSCAN))
    picture = finish.to_image(layer.colour).resize(large, Image.Resampling.BICUBIC)
    if layer.alpha is None:
        return Sheet(film.planes_of(picture), None, layer.depth)
    alpha = Image.fromarray((layer.alpha * 255 + 0.5).astype(np.uint8))
    alpha = alpha.resize(large, Image.Resampling.BICUBIC)
    box = alpha.getbbox()
    top = (box[1] - 2) / alpha.height if box else 1.0
    return Sheet(film.planes_of(picture), alpha, layer.depth, max(0.0, top))


Finisher = Callable[[Planes, int], Planes]


def _film(
    path: Path, request: StepRequest, plan: Plan, sheets: list[Sheet], last: list[Finisher | None]
) -> None:
    def frames() -> Iterator[Planes]:
        breath = float(dice.stream(plan.seed, "breath").uniform(0, 2 * math.pi))
        for number in range(plan.frames):
            moment = number / max(1, plan.frames - 1)
            planes = _shot(sheets, plan, moment)
            planes = _light(planes, 1 + 0.018 * math.sin(2 * math.pi * moment + breath))
            for finisher in last:
                planes = finisher(planes, number) if finisher else planes
            yield planes

    metadata = provenance(request.prompt, plan.seed)
    film.write(path, frames(), size=plan.size, fps=Fraction(plan.fps), metadata=metadata)


def provenance(prompt: str, seed: int) -> dict[str, str]:
    return {
        "title": prompt[:200],
        "comment": f"Drawn by the Circletake sketching renderer, not by an AI model. Seed {seed}.",
    }


def _shot(sheets: list[Sheet], plan: Plan, moment: float) -> Planes:
    size = plan.size
    picture = motion.look(sheets[0].planes, plan.camera.window(moment, sheets[0].depth), size)
    for sheet in sheets[1:]:
        _cover(picture, sheet, plan.camera.window(moment, sheet.depth), size)
    return picture


def _cover(
    picture: Planes, sheet: Sheet, window: tuple[float, float, float, float], size: tuple[int, int]
) -> None:
    """Lays a nearer layer over the planes, in place; rows above its highest point are left alone."""
    if sheet.alpha is None:
        return
    left, top, right, bottom = window
    highest = (sheet.top - top) / (bottom - top)
    first = min(size[1] - 4, max(0, int(highest * size[1]) // 4 * 4))
    window = (left, top + (bottom - top) * first / size[1], right, bottom)
    part = (size[0], size[1] - first)
    near = motion.look(sheet.planes, window, part)
    cover = motion.through(sheet.alpha, window, part)
    picture.y.paste(near.y, (0, first), cover)
    picture.u.paste(near.u, (0, first // 2), cover.reduce(2))
    picture.v.paste(near.v, (0, first // 2), cover.reduce(2))


def _light(planes: Planes, gain: float) -> Planes:
    table = [min(235, max(16, round(16 + (level - 16) * gain))) for level in range(256)]
    return Planes(planes.y.point(table), planes.u, planes.v)


def _falling(brief: Brief, plan: Plan) -> Finisher | None:
    """Snow, rain or dust that crosses the frame; whole turns, so that the film can loop."""
    cover = weather.falling(brief)
    if cover is None:
        return None
    mask = Image.fromarray((cover * 255).astype(np.uint8)).resize(plan.size)
    speed = 0.9 if brief.wants("rain") else 0.11 if brief.wants("snow") else -0.02
    white = Image.new("L", plan.size, 232)

    def over(planes: Planes, number: int) -> Planes:
        fallen = round(plan.size[1] * speed * number / plan.fps)
        aside = round(plan.size[1] * 0.035 * math.sin(number / plan.fps * 0.9))
        moved = ImageChops.offset(mask, aside, fallen)
        return Planes(Image.composite(white, planes.y, moved), planes.u, planes.v)

    return over


def _title(request: StepRequest, plan: Plan, picture: Array) -> Finisher:
    """The prompt's words, which stay where they are while the camera moves."""
    brief = images.brief_for(request, *plan.size)
    layer = finish.caption(picture, brief)
    cover = np.asarray(layer.alpha, np.float32) * 255
    mask = Image.fromarray(cover.astype(np.uint8)).resize(plan.size)
    ink = Image.new("L", plan.size, 232 if float(layer.colour[0]) > 0.5 else 32)

    def over(planes: Planes, number: int) -> Planes:
        return Planes(Image.composite(ink, planes.y, mask), planes.u, planes.v)

    return over
