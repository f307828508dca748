"""Stored files over HTTP: ranges (RFC 9110, section 14), validators, and headers that disarm content."""

from __future__ import annotations

import re
from typing import Any, BinaryIO

from django.conf import settings
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header, parse_etags

from generation.media import store
from generation.media.limits import StorageTrouble

INLINE = frozenset({"image/webp", "image/png", "image/jpeg", "video/mp4", "video/webm"})
POLICY = "default-src 'none'; media-src 'self'; img-src 'self'; style-src 'unsafe-inline'; sandbox"
RANGE = re.compile(r"^bytes=(?:(?P<first>\d{1,18})-(?P<last>\d{0,18})|-(?P<suffix>\d{1,18}))$")
A_YEAR = 31_536_000
RETRY_SECONDS = 30


def range_response(
    request: HttpRequest,
    file: BinaryIO | Any,
    *,
    media_type: str,
    filename: str,
    etag: str = "",
    attachment: bool = False,
) -> HttpResponseBase:
    """The file, or the one range of it that is asked for; closes the file when it is sent.

    `etag` is the content's SHA-256, without quotes. Whoever calls has checked the permission. Only types that
    carry no script are shown in place; everything else is a download.
    """
    if request.method not in ("GET", "HEAD"):
        file.close()
        return HttpResponseNotAllowed(["GET", "HEAD"])
    size = file.seek(0, 2)
    tag = f'"{etag}"' if etag else ""
    if tag and _matches(request.headers.get("If-None-Match", ""), tag):
        file.close()
        return _dressed(HttpResponse(status=304), media_type, filename, tag, attachment)
    span = _span(request, size, tag)
    if span is not None and span.start >= size:
        file.close()
        refused = HttpResponse(status=416)
        refused["Content-Range"] = f"bytes */{size}"
        return _dressed(refused, media_type, filename, tag, attachment)
    response = _body(request, file, span or range(size))
    if span is not None:
        response.status_code = 206
        response["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{size}"
    return _dressed(response, media_type, filename, tag, attachment)


def redirect(name: str, *, media_type: str, filename: str, attachment: bool) -> HttpResponseBase | None:
    """Sends the browser to the storage itself, with an address that is good for MEDIA_REDIRECT_SECONDS.

    None where that setting is off or the storage gives no addresses: then the file is streamed through here.
    Whoever calls has checked the permission; the address serves everybody who has it, for so long.
    """
    seconds = settings.MEDIA_REDIRECT_SECONDS
    shown, disposition = _shown(media_type, filename, attachment)
    place = store.signed(name, seconds=seconds, media_type=shown, disposition=disposition) if seconds else ""
    if not place:
        return None
    answer = HttpResponseRedirect(place)
    answer["Cache-Control"] = "private, no-store"
    return answer


def unavailable(trouble: StorageTrouble) -> HttpResponse:
    """The storage is away: an answer that says so and asks to come back."""
    words = f"This file cannot be shown now. Waiting for {trouble.waits_for}."
    answer = HttpResponse(words, status=503, content_type="text/plain; charset=utf-8")
    answer["Retry-After"] = str(RETRY_SECONDS)
    answer["Cache-Control"] = "no-store"
    return answer


def _span(request: HttpRequest, size: int, tag: str) -> range | None:
    """The bytes that are asked for, from `size` on where there are none such; None means: all of it.

    Several ranges, another unit, nonsense, and a range of another version are answered with the whole file,
    as the RFC allows.
    """
    match = RANGE.match(request.headers.get("Range", "").replace(" ", ""))
    condition = request.headers.get("If-Range", "")
    if match is None or (condition and condition != tag):
        return None
    if match["suffix"]:
        count = int(match["suffix"])
        return range(max(0, size - count), size) if count else range(size, size)
    first = int(match["first"])
    last = int(match["last"]) if match["last"] else size - 1
    if last < first and match["last"]:
        return None
    return range(first, min(last, size - 1) + 1)


def _body(request: HttpRequest, file: BinaryIO | Any, span: range) -> HttpResponseBase:
    response: HttpResponseBase
    if request.method == "HEAD":
        file.close()
        response = HttpResponse()
    else:
        response = StreamingHttpResponse(store.stream(file, first=span.start, count=len(span)))
    response["Content-Length"] = str(len(span))
    return response


def _matches(header: str, tag: str) -> bool:
    tags = parse_etags(header)
    return "*" in tags or tag in (one.removeprefix("W/") for one in tags)


def _dressed(
    response: HttpResponseBase, media_type: str, filename: str, tag: str, attachment: bool
) -> HttpResponseBase:
    response["Content-Type"], disposition = _shown(media_type, filename, attachment)
    if disposition:
        response["Content-Disposition"] = disposition
    response["Accept-Ranges"] = "bytes"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = POLICY
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Cache-Control"] = f"private, max-age={A_YEAR}, immutable" if tag else "private, no-cache"
    if tag:
        response["ETag"] = tag
    return response


def _shown(media_type: str, filename: str, attachment: bool) -> tuple[str, str]:
    """The type and disposition under which a file is sent: what could carry script is a download."""
    inline = media_type in INLINE and not attachment
    disposition = content_disposition_header(not inline, filename) or ""
    return media_type if media_type in INLINE else "application/octet-stream", disposition
