"""Few requests work at a time, none waits for long, and none keeps its place."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from circletake import middleware


class View:
    """Remembers how many were inside at once; waits for `gate`, where there is one."""

    def __init__(self, gate: threading.Event | None = None) -> None:
        self.gate, self.inside, self.most, self.lock = gate, 0, 0, threading.Lock()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        if self.gate:
            self.gate.wait(10)
        else:
            time.sleep(0.005)
        with self.lock:
            self.inside -= 1
        if request.path == "/broken/":
            raise ValueError("broken")
        return HttpResponse()


def asked(path: str = "/", **more: Any) -> HttpRequest:
    return RequestFactory().get(path, **more)


def test_no_more_work_at_once_than_is_set(settings: Any) -> None:
    settings.WEB_AT_ONCE = 2
    view = View()
    turn = middleware.turns(view)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: turn(asked()).status_code, range(40)))
    assert (answers, view.most) == ([200] * 40, 2)


def test_whoever_has_waited_goes_in_beside_one_that_takes_long(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEB_AT_ONCE = 1
    monkeypatch.setattr(middleware, "TURN_SECONDS", 0.01)
    gate = threading.Event()
    view = View(gate)
    turn = middleware.turns(view)
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(turn, asked()) for _ in range(3)]
        while view.inside < 3:
            time.sleep(0.01)
        gate.set()
        assert [one.result(10).status_code for one in waiting] == [200] * 3
    assert view.most == 3


def test_a_place_is_given_back_after_an_error(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.WEB_AT_ONCE = 1
    monkeypatch.setattr(middleware, "TURN_SECONDS", 5)
    turn = middleware.turns(View())
    begun = time.monotonic()
    for _ in range(3):
        with pytest.raises(ValueError, match="broken"):
            turn(asked("/broken/"))
    assert turn(asked()).status_code == 200
    assert time.monotonic() - begun < 5  # nobody waited for a place that was kept


@pytest.mark.parametrize(
    "request_", [asked("/healthz"), asked("/", CONTENT_LENGTH=str(2**30)), asked("/", CONTENT_LENGTH="much")]
)
def test_large_bodies_and_who_asks_for_health_need_no_place(
    settings: Any, monkeypatch: pytest.MonkeyPatch, request_: HttpRequest
) -> None:
    settings.WEB_AT_ONCE = 1
    monkeypatch.setattr(middleware, "TURN_SECONDS", 30)
    gate = threading.Event()
    view = View(gate)
    turn = middleware.turns(view)
    with ThreadPoolExecutor(2) as pool:
        long = pool.submit(turn, asked())
        while view.inside < 1:
            time.sleep(0.01)
        beside = pool.submit(turn, request_)
        while view.inside < 2:
            time.sleep(0.01)
        gate.set()
        assert (long.result(10).status_code, beside.result(10).status_code) == (200, 200)
