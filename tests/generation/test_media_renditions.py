"""Renditions are made from pixels alone, at the sizes that pages use."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from generation.media import renditions
from generation.media.probe import probe
from generation.sketch import film


def movie(path: Path, size: tuple[int, int], shades: list[int], fps: int = 24) -> Path:
    def drawn() -> Iterator[film.Planes]:
        for shade in shades:
            yield film.planes_of(Image.new("RGB", size, (shade, shade, shade)))

    film.write(path, drawn(), size=size, fps=Fraction(fps), metadata={"comment": "secret"})
    return path


@pytest.mark.parametrize(
    ("file", "size", "shown"),
    [
        ("a.png", (2000, 1000), (640, 320)),
        ("a.jpg", (1920, 1080), (640, 360)),
        ("a.jpg", (1000, 3000), (213, 640)),
        ("a.jpg", (641, 3), (640, 3)),
        ("a.jpg", (5000, 1), (640, 1)),
    ],
)
def test_a_picture_gets_a_thumbnail(
    tmp_path: Path, file: str, size: tuple[int, int], shown: tuple[int, int]
) -> None:
    path = tmp_path / file
    Image.linear_gradient("L").resize(size).convert("RGB").save(path)
    (made,) = renditions.make(path, probe(path), tmp_path)
    found = probe(made.path)
    assert (made.kind, made.width, made.height) == ("thumbnail", *shown)
    assert (found.media_type, found.width, found.height) == ("image/jpeg", *shown)
    assert found.size_bytes == made.size_bytes


def test_a_thumbnail_of_a_jpeg_decoded_small_looks_like_the_picture(tmp_path: Path) -> None:
    """Decoded at half its size and shrunk from there, it differs from the plain way by less than one sees."""
    path = tmp_path / "a.jpg"
    Image.effect_mandelbrot((1920, 1080), (-2, -1.5, 1, 1.5), 60).convert("RGB").save(path, quality=95)
    (made,) = renditions.make(path, probe(path), tmp_path)
    with Image.open(path) as whole, Image.open(made.path) as small:
        plain = whole.resize(small.size, Image.Resampling.LANCZOS)
        assert ImageStat.Stat(ImageChops.difference(plain, small.convert("RGB"))).mean < [4.0] * 3


def test_a_small_picture_is_not_enlarged(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (100, 50)).save(path)
    assert {(one.width, one.height) for one in renditions.make(path, probe(path), tmp_path)} == {(100, 50)}


def test_nothing_beside_the_pixels_is_carried_over(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "<script>alert(1)</script>"
    exif[0x0112] = 6
    path = tmp_path / "a.jpg"
    Image.new("RGB", (640, 480), (200, 30, 30)).save(path, exif=exif, comment=b"<script>")
    path.write_bytes(path.read_bytes() + b"<script>alert(2)</script>")
    for made in renditions.make(path, probe(path), tmp_path):
        assert b"script" not in made.path.read_bytes()
        with Image.open(made.path) as image:
            assert image.size == (480, 640)
            assert dict(image.getexif()) == {}
            assert "icc_profile" not in image.info


def test_transparency_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGBA", (64, 64), (255, 0, 0, 0)).save(path)
    thumbnail = renditions.make(path, probe(path), tmp_path)[0]
    assert thumbnail.media_type == "image/webp"
    with Image.open(thumbnail.path) as image:
        assert image.convert("RGBA").getpixel((5, 5))[3] == 0  # type: ignore[index]


def test_a_video_gets_a_poster_of_its_first_frame_that_is_not_black(tmp_path: Path) -> None:
    path = movie(tmp_path / "a.mp4", (320, 180), [0] * 6 + [180] * 6)
    made = {one.kind: one for one in renditions.make(path, probe(path), tmp_path)}
    assert set(made) == {"thumbnail", "poster", "proxy"}
    with Image.open(made["poster"].path) as image:
        red = image.convert("RGB").getpixel((160, 90))[0]  # type: ignore[index]
    assert abs(red - 180) <= 3


def test_a_black_video_still_has_a_poster(tmp_path: Path) -> None:
    path = movie(tmp_path / "a.mp4", (64, 48), [0] * 5)
    assert renditions.make(path, probe(path), tmp_path)[1].kind == "poster"


def test_a_proxy_is_small_and_carries_no_metadata(tmp_path: Path) -> None:
    path = movie(tmp_path / "a.mp4", (1920, 1080), [30, 60, 90, 120, 150, 180])
    made = renditions.proxy(path, probe(path), tmp_path / "proxy.mp4")
    found = probe(made.path)
    assert (found.media_type, found.width, found.height, found.frames) == ("video/mp4", 1280, 720, 6)
    whole = made.path.read_bytes()
    assert b"secret" not in whole
    assert whole.index(b"moov") < whole.index(b"mdat")


def test_a_proxy_of_a_fast_video_has_thirty_frames_a_second(tmp_path: Path) -> None:
    path = movie(tmp_path / "a.mp4", (64, 48), [10 * n for n in range(24)], fps=60)
    made = renditions.proxy(path, probe(path), tmp_path / "proxy.mp4")
    assert film.facts(made.path).fps == 30
    assert probe(made.path).frames in (12, 13)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1280, 720), (1280, 720)),
        ((1080, 1920), (720, 1280)),
        ((1023, 1023), (720, 720)),
        ((65, 33), (64, 32)),
    ],
)
def test_a_proxy_has_even_sides_in_proportion(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert renditions.proxy_size(*size) == expected
