"""What every request passes: its line in the log, a narrow permissions policy, localhost by name."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect

GetResponse = Callable[[HttpRequest], HttpResponseBase]
log = structlog.get_logger("circletake.request")

QUIET = ("/healthz", "/readyz", "/static/")
NOT_FOR_BROWSERS = ("/api/", "/hooks/", "/healthz", "/readyz")
PERMISSIONS_POLICY = (
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), "
    "microphone=(), midi=(), payment=(), usb=(), publickey-credentials-get=(self), "
    "publickey-credentials-create=(self), fullscreen=(self)"
)


def request_log(get_response: GetResponse) -> GetResponse:
    """Bind an id to all log lines of a request, and log the request with its milliseconds."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=uuid.uuid4().hex[:12]):
            response = get_response(request)
            if not request.path.startswith(QUIET):
                milliseconds = round((time.perf_counter() - started) * 1000, 1)
                log.info(
                    "request",
                    method=request.method,
                    path=request.path,
                    status=response.status_code,
                    milliseconds=milliseconds,
                )
        return response

    return middleware


def permissions_policy(get_response: GetResponse) -> GetResponse:
    """Switch off what no page uses; passkeys and the player's full screen stay."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        return response

    return middleware


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
