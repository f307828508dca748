"""The drill of a frozen queue knows whom to kill, and what is wrong with a round."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from drills import aim, frozen


def wait(pipe: Any) -> None:
    pipe.get()


def test_of_several_idle_workers_the_one_that_holds_the_lock_is_next_in_line() -> None:
    """As django-q2's workers wait: in `get` of a `multiprocessing.Queue`."""
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    workers = [context.Process(target=wait, args=(queue,), daemon=True) for _ in range(4)]
    for worker in workers:
        worker.start()
    late = [context.Process(target=time.sleep, args=(60,), daemon=True) for _ in range(2)]
    time.sleep(0.5)
    for one in late:  # as monitor and pusher, born last
        one.start()
    try:
        me = psutil.Process()
        everybody = [psutil.Process(process.pid) for process in (*workers, *late)]
        holder = frozen.next_in_line(frozen.Group(me, me, everybody))
        assert holder is not None
        holder.kill()
        time.sleep(0.3)
        queue.put("nobody gets this: the lock died with its holder")
        time.sleep(0.5)
        left = [one for one in everybody[:4] if aim.alive(one)]
        assert left == [one for one in everybody[:4] if one != holder]
    finally:
        for process in (*workers, *late):
            process.kill()
        queue.cancel_join_thread()


@pytest.mark.parametrize(
    ("seconds", "wrong", "status"),
    [(70.0, [], 0), (70.0, ["Of the former group there are left: [1]."], 1)],
)
def test_a_round_that_is_not_as_it_must_be_fails_the_drill(
    seconds: float, wrong: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    rounds = [{"kind": "sentinel", "canary": 60, "seconds": seconds, "wrong": wrong}]
    assert frozen.sum_up(rounds) == status
    assert f"{1 - status} of 1 rounds as they must be." in capsys.readouterr().out


def test_a_group_is_not_taken_for_one_while_it_gets_up(tmp_path: Path) -> None:
    assert frozen.group(os.getpid()) is None
