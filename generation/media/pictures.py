"""Still pictures, opened by Pillow within limits: PNG, JPEG and WebP, one frame, no more."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import warnings
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageCms, ImageOps

from generation.media.limits import Limits, MalformedMedia, require_pixels

FORMATS = ("PNG", "JPEG", "WEBP")
TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "MPO": "image/jpeg", "WEBP": "image/webp"}
ORIENTATION = 0x0112
DAMAGED = (
    "The picture cannot be decoded to its end; it is damaged or broke off. Send it, or render it, again."
)
ANIMATED = "The picture is animated; export a still, or send the animation as MP4."


@dataclasses.dataclass(frozen=True)
class Picture:
    media_type: str
    width: int
    height: int


def glance(path: Path, limits: Limits) -> Picture:
    """By the header: type, size as shown, and that it has one frame."""
    with opened(path, limits) as image:
        return _facts(image)


def verify(path: Path, limits: Limits) -> Picture:
    """Decodes every pixel."""
    with opened(path, limits) as image:
        facts = _facts(image)
        image.load()
        return facts


@contextlib.contextmanager
def opened(path: Path, limits: Limits) -> Iterator[Image.Image]:
    """The picture, header read and size checked; whatever breaks while it is open is MalformedMedia.

    The size is checked before memory is asked for: a few bytes may claim a billion pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                require_pixels(*image.size, limits)
                if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
                    raise MalformedMedia(ANIMATED)
                yield image
    except MalformedMedia:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise MalformedMedia("The picture claims far more pixels than are taken in.") from error
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError) as error:
        raise MalformedMedia(DAMAGED) from error


def _facts(image: Image.Image) -> Picture:
    width, height = image.size
    with contextlib.suppress(Exception):  # a broken Exif block only means: not turned
        if image.getexif().get(ORIENTATION, 1) >= 5:
            width, height = height, width
    return Picture(TYPES[image.format or ""], width, height)


def plain(image: Image.Image) -> Image.Image:
    """Upright, in sRGB, as RGB or RGBA, without anything that came along beside the pixels."""
    upright = ImageOps.exif_transpose(image)
    mode = "RGBA" if upright.has_transparency_data else "RGB"
    profile = upright.info.get("icc_profile")
    turned = _to_srgb(upright, profile, mode) if profile else upright.convert(mode)
    clean = Image.new(mode, turned.size)
    clean.paste(turned)
    return clean


def _to_srgb(image: Image.Image, profile: bytes, mode: str) -> Image.Image:
    """Through the embedded profile where that works; else the numbers are taken for sRGB."""
    source = image if image.mode in ("RGB", "RGBA", "CMYK", "L") else image.convert(mode)
    target = mode if source.mode != "CMYK" else "RGB"
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        turned = ImageCms.profileToProfile(source, own, ImageCms.createProfile("sRGB"), outputMode=target)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image.convert(mode)
    return (turned or source).convert(mode)
