"""A flag that the queue's main process raises and its workers see: finish what is in hand, begin nothing.

One byte of memory shared over fork: django-q2 tells its workers of a stop only between two tasks.
"""

from __future__ import annotations

import mmap

_flag = mmap.mmap(-1, 1)


def announce() -> None:
    """Raise the flag, for this process and all that were forked from it."""
    _flag[0] = 1


def is_stopping() -> bool:
    return _flag[0] == 1
