"""A flag that the queue's main process raises and its workers see: finish what is in hand, begin nothing.

One byte of memory shared over fork: django-q2 tells its workers of a stop only between two tasks. A drain
waits for the calls that are open; a stop gives them a moment and then gives them up.
"""

from __future__ import annotations

import mmap

DRAIN, STOP = 1, 2

_flag = mmap.mmap(-1, 1)


def announce() -> None:
    """Raise the flag, for this process and all that were forked from it: open calls are given up soon."""
    _flag[0] = STOP


def announce_drain() -> None:
    """Raise the flag so that nothing new begins, and open calls are waited for; a stop is not taken back."""
    _flag[0] = max(_flag[0], DRAIN)


def is_stopping() -> bool:
    """Whether nothing new is to begin."""
    return _flag[0] != 0


def gives_up() -> bool:
    """Whether open calls are no longer waited for."""
    return _flag[0] == STOP


def take_back() -> None:
    """Lowers the flag; for tests."""
    _flag[0] = 0
