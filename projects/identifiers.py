"""Identifiers that sort by time, so that indexes on large tables stay compact."""

from __future__ import annotations

import contextlib
import contextvars
import random
import secrets
import time
import uuid
from collections.abc import Iterator

_repeated: contextvars.ContextVar[Iterator[uuid.UUID] | None] = contextvars.ContextVar(
    "repeated", default=None
)


def new_id() -> uuid.UUID:
    """A version 7 UUID (RFC 9562): Unix milliseconds, 12 bits of their fraction, then 62 random bits."""
    repeated = _repeated.get()
    if repeated is not None:
        return next(repeated)
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    return of(milliseconds, (rest * 4096 // 1_000_000) << 62 | secrets.randbits(62))


def of(milliseconds: int, bits: int) -> uuid.UUID:
    """The identifier of an instant with these 74 bits."""
    value = (milliseconds & (2**48 - 1)) << 80 | 0x7 << 76
    value |= (bits >> 62) << 64 | 0b10 << 62 | bits & (2**62 - 1)
    return uuid.UUID(int=value)


@contextlib.contextmanager
def repeatable(*, seed: int, milliseconds: int) -> Iterator[None]:
    """Within the block, new identifiers follow from the seed: for made-up data that comes out the same."""
    dice = random.Random(seed)  # noqa: S311 - nothing secret

    def drawn() -> Iterator[uuid.UUID]:
        at = milliseconds
        while True:
            yield of(at, dice.getrandbits(74))
            at += 1

    token = _repeated.set(drawn())
    try:
        yield
    finally:
        _repeated.reset(token)
