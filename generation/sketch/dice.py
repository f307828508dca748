"""Seeded chance: every choice of the renderer is drawn from a named stream, never from the clock."""

from __future__ import annotations

import hashlib

import numpy as np


def digest(*parts: object) -> int:
    """A 128-bit number that depends on the parts and their order alone."""
    joined = "\x1f".join(str(part) for part in parts).encode()
    return int.from_bytes(hashlib.sha256(joined).digest()[:16], "big")


def stream(*parts: object) -> np.random.Generator:
    """A generator of its own for these parts; equal parts give equal draws."""
    return np.random.Generator(np.random.PCG64(digest(*parts)))


def seed_for(prompt: str) -> int:
    """The seed used where nobody gave one: from the prompt, below 2**31."""
    return digest("seed", prompt) % 2**31
