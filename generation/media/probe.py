"""What a file is, by its content alone: `glance` reads the container, `probe` decodes it as well."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from generation.media import films, pictures, sounds
from generation.media.limits import DEFAULT, Limits, MalformedMedia, TooLarge

HEAD = 4_096
CHUNK = 1024 * 1024


@dataclasses.dataclass(frozen=True)
class Probe:
    """A file that was looked into. Sizes are as shown, after the rotation that the file asks for."""

    kind: str  # "image", "video" or "audio"
    media_type: str
    width: int  # 0 of a sound, as is the height
    height: int
    duration_seconds: Decimal | None  # None for a picture
    frames: int | None  # None for a picture, or where only a full look could tell
    codec: str
    sha256: str
    size_bytes: int


def probe(path: Path, *, limits: Limits = DEFAULT, sha256: str = "") -> Probe:
    """Decodes the whole file; raises MalformedMedia in plain words for what is not whole, sound media.

    `sha256` saves hashing where the store has done it already.
    """
    return _look(path, limits, sha256, pictures.verify, films.verify)


def glance(path: Path, *, limits: Limits = DEFAULT, sha256: str = "") -> Probe:
    """Reads headers and checks that the container is whole, without decoding a frame; a sound is decoded."""
    return _look(path, limits, sha256, pictures.glance, films.glance)


def _look(
    path: Path,
    limits: Limits,
    sha256: str,
    picture: Callable[[Path, Limits], pictures.Picture],
    film: Callable[[Path, str, Limits], films.Film],
) -> Probe:
    media_type = sniff(path, limits)
    size, digest = path.stat().st_size, sha256 or hash_of(path)
    if media_type.startswith("image/"):
        still = picture(path, limits)
        return Probe("image", still.media_type, still.width, still.height, None, None, "", digest, size)
    if media_type.startswith("audio/"):
        heard = sounds.verify(path, media_type, limits)
        length = heard.duration_seconds
        return Probe("audio", media_type, 0, 0, length, None, heard.codec, digest, size)
    moving = film(path, media_type, limits)
    return Probe(
        "video", media_type, moving.width, moving.height, moving.duration_seconds, moving.frames,
        moving.codec, digest, size,
    )  # fmt: skip


def sniff(path: Path, limits: Limits = DEFAULT) -> str:
    """The media type by the first bytes; refuses what is empty, too long, or nothing that is taken in."""
    size = path.stat().st_size
    if size == 0:
        raise MalformedMedia("The file is empty.")
    if size > limits.bytes:
        raise TooLarge(limits.bytes)
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return "image/png"
    if head[:3] == b"\xff\xd8\xff":
        return "image/jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return _movie_type(head)
    if head[:4] == b"\x1aE\xdf\xa3":
        return "video/webm"
    if limits.sounds and (sound := sounds.media_type(head)):
        return sound
    raise MalformedMedia(_refusal(head))


def _movie_type(head: bytes) -> str:
    brand = head[8:12]
    if brand in (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1"):
        raise MalformedMedia(
            "HEIC and AVIF pictures are not taken in; export the picture as PNG, JPEG or WebP."
        )
    return "video/quicktime" if brand == b"qt  " or head[4:8] != b"ftyp" else "video/mp4"


def _refusal(head: bytes) -> str:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in start:
        return "This is an SVG drawing, which can carry script; export it as PNG, JPEG or WebP."
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<script")):
        return "This is a web page, not a picture or video, whatever its name says."
    if start.startswith(b"<"):
        return "This is markup, not a picture or video."
    if start.startswith(b"gif8"):
        return "GIF is not taken in; export a still as PNG, or the animation as MP4."
    if start.startswith(b"%pdf"):
        return "This is a PDF; export the page as PNG or JPEG."
    return "This is no picture (PNG, JPEG, WebP) and no video (MP4, MOV, WebM)."


def hash_of(path: Path) -> str:
    """SHA-256 of a file as 64 lower-case hex digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
