"""Files are what their content says, within limits, or they are refused in plain words."""

from __future__ import annotations

import dataclasses
import hashlib
import struct
import zlib
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image

from generation.media import mp4
from generation.media.limits import DEFAULT, MalformedMedia, TooLarge
from generation.media.probe import glance, probe
from generation.sketch import film


def picture(path: Path, size: tuple[int, int] = (64, 48), **options: object) -> Path:
    Image.linear_gradient("L").resize(size).convert("RGB").save(path, **options)  # type: ignore[arg-type]
    return path


def movie(path: Path, frames: int = 24) -> Path:
    def drawn() -> Iterator[film.Planes]:
        for number in range(frames):
            yield film.planes_of(Image.new("RGB", (64, 48), (10 * number % 255, 90, 40)))

    film.write(path, drawn(), size=(64, 48), fps=Fraction(24), metadata={})
    return path


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def refusal(path: Path, **changes: object) -> str:
    limits = dataclasses.replace(DEFAULT, **changes)  # type: ignore[arg-type]
    with pytest.raises(MalformedMedia) as caught:
        probe(path, limits=limits)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "media_type"), [("a.png", "image/png"), ("a.jpg", "image/jpeg"), ("a.webp", "image/webp")]
)
def test_a_picture_is_told_by_its_content(tmp_path: Path, name: str, media_type: str) -> None:
    path = picture(tmp_path / name)
    plain = path.rename(tmp_path / "without-a-name")
    found = probe(plain)
    assert (found.kind, found.media_type, found.width, found.height) == ("image", media_type, 64, 48)
    assert found.sha256 == hashlib.sha256(plain.read_bytes()).hexdigest()
    assert found.size_bytes == plain.stat().st_size
    assert glance(plain) == found


def test_a_video_is_told_by_its_content(tmp_path: Path) -> None:
    found = probe(movie(tmp_path / "film.png"))
    assert (found.kind, found.media_type, found.codec) == ("video", "video/mp4", "h264")
    assert (found.width, found.height, found.frames) == (64, 48, 24)
    assert found.duration_seconds == Decimal("1.000")


def test_a_glance_at_a_video_tells_the_same_without_decoding(tmp_path: Path) -> None:
    path = movie(tmp_path / "film.mp4")
    found = glance(path)
    assert (found.width, found.height, found.frames, found.codec) == (64, 48, 24, "avc1")
    assert found.duration_seconds == Decimal("1.000")


def test_a_glance_does_not_need_the_frames_to_be_sound(tmp_path: Path) -> None:
    path = movie(tmp_path / "film.mp4")
    with path.open("rb") as file:
        box = next(box for box in mp4.boxes(file, 0, path.stat().st_size) if box.kind == "mdat")
    data = bytearray(path.read_bytes())
    data[box.start : box.end] = bytes(box.end - box.start)
    path.write_bytes(data)
    assert glance(path).frames == 24
    assert "Send it, or render it, again." in refusal(path)


def test_a_picture_turned_by_its_camera_is_measured_as_shown(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    found = probe(picture(tmp_path / "a.jpg", exif=exif))
    assert (found.width, found.height) == (48, 64)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    assert refusal(tmp_path / "a.png") == "The file is empty."


def test_a_web_page_named_png_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"\n<!DOCTYPE html><script>alert(1)</script>")
    assert refusal(path) == "This is a web page, not a picture or video, whatever its name says."


def test_an_svg_with_script_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    path.write_bytes(b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>')
    assert refusal(path) == "This is an SVG drawing, which can carry script; export it as PNG, JPEG or WebP."


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(1_000_000))
    path = tmp_path / "bomb.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )
    assert refusal(path) == "The picture claims far more pixels than are taken in."


def test_a_picture_over_the_limit_is_refused_with_the_limit(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png", (2000, 1500))
    assert refusal(path, pixels=2_000_000).startswith("2000 × 1500 pixels are too many: at most 2 million")


def test_a_text_chunk_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png")
    whole = path.read_bytes()
    text = chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(80_000_000)))
    path.write_bytes(whole[:33] + text + whole[33:])
    assert "damaged" in refusal(path)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
def test_a_picture_that_breaks_off_is_refused(tmp_path: Path, name: str) -> None:
    path = picture(tmp_path / name, (640, 480))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    assert "broke off" in refusal(path)


@pytest.mark.parametrize("look", [probe, glance])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.999])
def test_a_video_that_breaks_off_is_refused(tmp_path: Path, look: object, share: float) -> None:
    path = movie(tmp_path / "film.mp4")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(MalformedMedia, match="breaks off before its end"):
        look(path)  # type: ignore[operator]


def test_a_video_of_nothing_but_a_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom")
    assert refusal(path) == mp4.TRUNCATED


def test_a_box_that_is_smaller_than_its_own_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"\0\0\0\x10ftypmp42\0\0\0\0" + b"\0\0\0\x04moov")
    assert refusal(path) == mp4.DAMAGED


def test_a_video_longer_than_the_limit_is_refused(tmp_path: Path) -> None:
    words = refusal(movie(tmp_path / "film.mp4"), seconds=Decimal("0.5"))
    assert words == "The video is 1.000 s long; at most 0.5 s are taken in. Cut it shorter."


def test_a_video_larger_than_the_limit_is_refused(tmp_path: Path) -> None:
    assert refusal(movie(tmp_path / "film.mp4"), pixels=1000).startswith("64 × 48 pixels are too many")


def test_a_file_longer_than_the_limit_is_refused(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png")
    with pytest.raises(TooLarge):
        probe(path, limits=dataclasses.replace(DEFAULT, bytes=10))


def test_animated_pictures_are_refused(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (0, 120, 240)]
    for name in ("a.webp", "a.png"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], duration=100)
        assert "animated" in refusal(tmp_path / name)
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert refusal(tmp_path / "a.gif").startswith("GIF is not taken in")


def test_other_files_are_refused(tmp_path: Path) -> None:
    for body, words in (
        (b"%PDF-1.7\n", "This is a PDF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC and AVIF"),
        (b"#EXTM3U\nhttp://example.com/", "This is no picture"),
        (b"PK\x03\x04", "This is no picture"),
    ):
        path = tmp_path / "file"
        path.write_bytes(body)
        assert refusal(path).startswith(words)
