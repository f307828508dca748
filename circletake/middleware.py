"""What every request passes: its line in the log, its turn, a narrow permissions policy, who may send files,
localhost by name."""

from __future__ import annotations

import collections
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.shortcuts import render

GetResponse = Callable[[HttpRequest], HttpResponseBase]
log = structlog.get_logger("circletake.request")

QUIET = ("/healthz", "/readyz", "/metrics", "/static/")
NOT_FOR_BROWSERS = ("/api/", "/hooks/", "/healthz", "/readyz", "/metrics")
WEBHOOK = "generation:webhook"
TURN_SECONDS = 0.5
#: Arguments of addresses that go into every line of their request, and as what.
NAMED = {
    "workspace": "workspace",
    "take_id": "take",
    "take": "take",
    "deliverable_id": "deliverable",
    "deliverable": "deliverable",
    "call_id": "call",
    "batch_id": "batch",
    "account_id": "account",
    "provider": "provider",
}
PERMISSIONS_POLICY = (
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), "
    "microphone=(), midi=(), payment=(), usb=(), publickey-credentials-get=(self), "
    "publickey-credentials-create=(self), fullscreen=(self)"
)


def request_log(get_response: GetResponse) -> GetResponse:
    """Bind an id, and what the address names, to all log lines of a request; log and count it at its end."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=uuid.uuid4().hex[:12])
        response = get_response(request)
        seconds = time.perf_counter() - started
        _count(request, response.status_code, seconds)
        if not request.path.startswith(QUIET):
            log.info(
                "request",
                method=request.method,
                path=request.path,
                status=response.status_code,
                milliseconds=round(seconds * 1000, 1),
            )
        return response  # what is bound stays until the next request: Django logs refusals after this

    def process_view(request: HttpRequest, view: object, args: object, kwargs: dict[str, Any]) -> None:
        named = {NAMED[name]: str(value) for name, value in kwargs.items() if name in NAMED}
        structlog.contextvars.bind_contextvars(**named)

    middleware.process_view = process_view  # type: ignore[attr-defined]
    return middleware


class Places:
    """So many places; one that is given back goes to whoever has waited longest, as no semaphore promises."""

    def __init__(self, number: int) -> None:
        self._lock, self._free = threading.Lock(), number
        self._waiting: collections.deque[threading.Lock] = collections.deque()

    def take(self, seconds: float) -> bool:
        """Whether there was a place within so many seconds."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            called = threading.Lock()
            called.acquire()
            self._waiting.append(called)
        if called.acquire(timeout=seconds):
            return True
        with self._lock:
            if called in self._waiting:
                self._waiting.remove(called)
                return False
        return True  # it was called just now

    def give_back(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1


def turns(get_response: GetResponse) -> GetResponse:
    """Let WEB_AT_ONCE requests of a process work at a time, and the others wait for their turn.

    More only take Python's lock from each other, at every query anew, and all of them are late. Threads are
    many all the same, for what waits: a file that is sent has left its place, a large body is taken in
    without one, and whoever has waited TURN_SECONDS goes in beside one that takes long.
    """
    places = Places(settings.WEB_AT_ONCE)

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(QUIET) or _is_large(request):
            return get_response(request)
        mine = places.take(TURN_SECONDS)
        try:
            return get_response(request)
        finally:
            if mine:
                places.give_back()

    return middleware


def _is_large(request: HttpRequest) -> bool:
    length = request.META.get("CONTENT_LENGTH") or "0"
    return not length.isdecimal() or int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def _count(request: HttpRequest, status: int, seconds: float) -> None:
    """Counts the request for /metrics, by the name of its route; nothing where nobody may read that."""
    if not (settings.METRICS_TOKEN or settings.METRICS_FROM) or request.path.startswith("/static/"):
        return
    from circletake import measures  # its files are opened where they are wanted

    match = request.resolver_match
    route = match.view_name if match and match.view_name else "none"
    provider = str(match.kwargs["provider"]) if match and route == WEBHOOK and status != 404 else ""
    measures.count(route=route, method=str(request.method), status=status, seconds=seconds, provider=provider)


def permissions_policy(get_response: GetResponse) -> GetResponse:
    """Switch off what no page uses; passkeys and the player's full screen stay."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        return response

    return middleware


def files_of_known_people(get_response: GetResponse) -> GetResponse:
    """Take large bodies from people who are signed in, and from tokens: files lie on the disk before anybody
    asks who sent them. From nobody more than LARGEST_BODY_BYTES, whatever a proxy lets through."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length) > settings.LARGEST_BODY_BYTES:
            return _too_large(request, int(length))
        if _is_large(request) and not (_has_token(request) or request.user.is_authenticated):
            return HttpResponse("Sign in before you send files.", status=413, content_type="text/plain")
        return get_response(request)

    return middleware


def _too_large(request: HttpRequest, length: int) -> HttpResponseBase:
    """413 with what was sent, what is taken in and what to do; nothing of the body was read."""
    sent, most = (f"{number / 2**20:,.0f} MB" for number in (length, settings.LARGEST_BODY_BYTES))
    detail = f"The request has {sent}; at most {most} are taken in at once."
    remedy = "Send a smaller file, or several one after the other."
    if request.path.startswith("/api/"):
        said = {"type": "/problems/too-large", "title": "The request is too large", "status": 413}
        body = {**said, "detail": detail, "remedy": remedy}
        return JsonResponse(body, status=413, content_type="application/problem+json")
    return render(request, "413.html", {"detail": detail, "remedy": remedy}, status=413)


def _has_token(request: HttpRequest) -> bool:
    """Whether the API looks at a token first; what it says is looked at there."""
    return request.path.startswith("/api/") and "Authorization" in request.headers


def localhost_by_name(get_response: GetResponse) -> GetResponse:
    """Send browsers from 127.0.0.1 to localhost: passkeys need a name, a session has one of them."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        host, _, port = request.META.get("HTTP_HOST", "").partition(":")
        if (
            host == "127.0.0.1"
            and not settings.PRODUCTION
            and request.method in ("GET", "HEAD")
            and not request.path.startswith(NOT_FOR_BROWSERS)
        ):
            return HttpResponseRedirect(
                f"http://localhost{':' + port if port else ''}{request.get_full_path()}"
            )
        return get_response(request)

    return middleware
