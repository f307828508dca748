"""Outputs that cost nearly nothing: real pictures and videos made once, each copy made distinct.

A JPEG gets its own comment segment, an MP4 its own `free` box: the container stays valid, every copy
has its own SHA-256, and files are padded to the size that was asked for.
"""

from __future__ import annotations

import functools
import hashlib
import io
import random
import struct
import wave
import zlib

import av
import numpy
from PIL import Image

VARIANTS = 6
FRAMES_PER_SECOND = 12
SAMPLES_PER_SECOND = 22_050
HTML = b"<!doctype html><title>Not a picture</title><p>This file was named .png.</p>"


def _filling(seed: str, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


@functools.lru_cache(maxsize=64)
def _picture(width: int, height: int, variant: int) -> Image.Image:
    rng = numpy.random.default_rng(variant)
    across = numpy.linspace(0, 2.5 + variant, width)[None, :, None]
    down = numpy.linspace(0, 1.5 + variant / 2, height)[:, None, None]
    phase = rng.uniform(0, 6, 3)[None, None, :]
    waves = numpy.sin(across + phase) * numpy.cos(down - phase)
    grain = rng.normal(0, 4, (height, width, 1))
    return Image.fromarray(numpy.clip(128 + 100 * waves + grain, 0, 255).astype("uint8"))


@functools.lru_cache(maxsize=64)
def _jpeg(width: int, height: int, variant: int, size: int) -> bytes:
    picture = _picture(width, height, variant)
    for quality in (85, 60, 35, 15, 5):
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality)
        if buffer.tell() <= size - 64:
            break
    return buffer.getvalue()


def jpeg(*, seed: str, width: int, height: int, size: int) -> bytes:
    """A decodable JPEG of exactly `size` bytes where that is possible, distinct by seed."""
    plain = _jpeg(width, height, zlib.crc32(seed.encode()) % VARIANTS, size)
    missing = max(size - len(plain), 36)
    comments = []
    while missing > 0:
        length = min(missing, 60_000)
        if 0 < missing - length < 8:
            length -= 8
        comments.append(b"\xff\xfe" + struct.pack(">H", length - 2))
        comments.append(_filling(f"{seed}{missing}", length - 4))
        missing -= length
    return plain[:2] + b"".join(comments) + plain[2:]


def png(*, seed: str, width: int, height: int) -> bytes:
    """A small PNG, distinct by seed through a text chunk before its end."""
    plain = _png(width, height, zlib.crc32(seed.encode()) % VARIANTS)
    data = b"tEXt" + b"Seed\x00" + hashlib.sha256(seed.encode()).hexdigest().encode()
    chunk = struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
    return plain[:-12] + chunk + plain[-12:]


@functools.lru_cache(maxsize=32)
def _png(width: int, height: int, variant: int) -> bytes:
    buffer = io.BytesIO()
    _picture(width, height, variant).quantize(32).save(buffer, "PNG")
    return buffer.getvalue()


@functools.lru_cache(maxsize=2)
def black(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height)).save(buffer, "JPEG")
    return buffer.getvalue()


@functools.lru_cache(maxsize=1)
def bomb() -> bytes:
    """A PNG of 30,000 by 30,000 black pixels in about 110 kB."""
    side = 30_000
    packer, row = zlib.compressobj(9), b"\x00" * (side // 8 + 1)
    data = b"".join(packer.compress(row * 100) for _ in range(side // 100)) + packer.flush()
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)), (b"IDAT", data)]
    body = b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in [*chunks, (b"IEND", b"")]
    )
    return b"\x89PNG\r\n\x1a\n" + body


@functools.lru_cache(maxsize=32)
def _mp4(width: int, height: int, seconds: int, variant: int) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "40"}
        still = numpy.asarray(_picture(width // 4, height // 4, variant).resize((width, height)))
        for number in range(seconds * FRAMES_PER_SECOND):
            moved = numpy.ascontiguousarray(numpy.roll(still, number * 2, axis=1))
            for packet in stream.encode(av.VideoFrame.from_ndarray(moved, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return buffer.getvalue()


def mp4(*, seed: str, width: int, height: int, seconds: int, size: int) -> bytes:
    """A decodable H.264 MP4 of at least its natural size, padded to `size`, distinct by seed."""
    plain = _mp4(width // 2 * 2, height // 2 * 2, seconds, zlib.crc32(seed.encode()) % 2)
    padding = max(size - len(plain), 40)
    return plain + struct.pack(">I", padding) + b"free" + _filling(seed, padding - 8)


@functools.lru_cache(maxsize=32)
def webp(*, seed: str, width: int, height: int) -> bytes:
    """A small WebP, distinct by seed through its grain."""
    rng = numpy.random.default_rng(zlib.crc32(seed.encode()))
    still = numpy.asarray(_picture(width, height, zlib.crc32(seed.encode()) % VARIANTS)).copy()
    still[:16, :16] = rng.integers(0, 255, (min(16, height), min(16, width), 3), dtype="uint8")
    buffer = io.BytesIO()
    Image.fromarray(still).save(buffer, "WEBP", quality=60)
    return buffer.getvalue()


def _tone(seed: str, seconds: int) -> numpy.ndarray:
    pitch = 220 + zlib.crc32(seed.encode()) % 400
    at = numpy.arange(seconds * SAMPLES_PER_SECOND) / SAMPLES_PER_SECOND
    return (numpy.sin(2 * numpy.pi * pitch * at) * 8000).astype("<i2")


def wav(*, seed: str, seconds: int) -> bytes:
    """One tone, its pitch by seed."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLES_PER_SECOND)
        file.writeframes(_tone(seed, seconds).tobytes())
    return buffer.getvalue()


def mp3(*, seed: str, seconds: int) -> bytes:
    """The same tone as MP3."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=SAMPLES_PER_SECOND)
        frame = av.AudioFrame.from_ndarray(_tone(seed, seconds)[None, :], format="s16", layout="mono")
        frame.sample_rate = SAMPLES_PER_SECOND
        for packet in [*stream.encode(frame), *stream.encode()]:
            container.mux(packet)
    return buffer.getvalue()
