"""The Idempotency-Key: a POST that spends is carried out once, however often it is sent.

The answer is stored in the transaction of the work itself, under a lock on the key's row: a process that
dies midway leaves neither, and its lock goes with it, so that the next request with the key starts anew.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.utils import timezone
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from projects.models import IdempotencyRecord, Membership
from projects.problems import Refused

KEPT = datetime.timedelta(days=30)
LONGEST_KEY = 255
CHUNK = 1 << 20


class KeyMissing(Refused):
    """A POST that spends came without a usable key."""

    status = 400
    title = "An Idempotency-Key is needed"


class KeyTaken(Refused):
    """The key stands for another body, or its first request is still under way."""

    status = 409
    title = "This Idempotency-Key is taken"


class Spending(Protocol):
    """A view whose POST may spend."""

    membership: Membership

    def spends(self, request: Request) -> bool: ...


Handler = Callable[..., HttpResponseBase]


def once(handler: Handler) -> Handler:
    """Makes a `post` of a view answer the same key and body with the same answer for 30 days.

    Refusals are not stored: after one, the key may be used again. Raises KeyMissing or KeyTaken.
    """

    @functools.wraps(handler)
    def answered(view: Spending, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not view.spends(request):
            return handler(view, request, *args, **kwargs)
        key = _key(request)
        record, _ = IdempotencyRecord.objects.get_or_create(
            membership=view.membership, key=key, defaults={"fingerprint": ""}
        )
        work = functools.partial(handler, view, request, *args, **kwargs)
        answer = _carried_out(record, fingerprint(request), work)
        if isinstance(answer, Exception):
            raise answer
        return answer

    answered.needs_key = True  # type: ignore[attr-defined]
    return answered


def fingerprint(request: Request) -> str:
    """SHA-256 of method, path and body as it was understood; files count by their content."""
    parts = {"method": request.method, "path": request.path, "body": _body(request.data)}
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def forget_old(*, now: datetime.datetime) -> int:
    """Deletes answers that are older than they have to be kept; answers how many."""
    deleted, _ = IdempotencyRecord.objects.filter(started_at__lt=now - KEPT).delete()
    return deleted


def _carried_out(
    record: IdempotencyRecord, mark: str, work: Callable[[], HttpResponseBase]
) -> HttpResponseBase | Exception:
    """The stored answer, or that of the work, which is stored; a refusal is handed back, not raised.

    Work functions take back what they had begun before they refuse; what they mean to keep (a hero request
    that is void now) is committed here.
    """
    with transaction.atomic():
        held = IdempotencyRecord.objects.select_for_update(skip_locked=True).filter(pk=record.pk).first()
        if held is None:
            raise KeyTaken(
                "The first request with this key is still being carried out.",
                remedy="Send the same request again in a moment.",
                extra={"retry_after": 1},
            )
        if held.status is not None and timezone.now() - held.started_at < KEPT:
            return _again(held, mark)
        try:
            response = work()
        except Exception as refusal:
            if transaction.get_connection().needs_rollback:
                raise
            held.delete()
            return refusal
        _store(held, mark, response)
        return response


def _again(held: IdempotencyRecord, mark: str) -> HttpResponse:
    if held.fingerprint != mark:
        left = held.started_at + KEPT - timezone.now()
        raise KeyTaken(
            "This key was sent with another body or to another address before.",
            remedy="Take a new key for a new request.",
            extra={"retry_after": max(1, int(left.total_seconds()))},
        )
    response = HttpResponse(held.answer, status=held.status, content_type="application/json")
    response["Idempotency-Replayed"] = "true"
    return response


def _store(held: IdempotencyRecord, mark: str, response: HttpResponseBase) -> None:
    assert isinstance(response, Response)  # noqa: S101 - what every view that spends answers
    held.fingerprint, held.status = mark, response.status_code
    held.answer = JSONRenderer().render(response.data).decode()
    held.started_at = timezone.now()
    held.save(update_fields=["fingerprint", "status", "answer", "started_at"])


def _key(request: Request) -> str:
    key = request.headers.get("Idempotency-Key", "").strip()
    if not key or len(key) > LONGEST_KEY or not key.isprintable():
        raise KeyMissing(
            "This request may spend money, and came without an Idempotency-Key."
            if not key
            else f"An Idempotency-Key has 1 to {LONGEST_KEY} printable characters.",
            remedy="Send the header Idempotency-Key: fresh random text, and the same when you try again.",
        )
    return key


def _body(data: Any) -> Any:
    if isinstance(data, QueryDict):
        return {name: [_part(value) for value in values] for name, values in data.lists()}
    return data if isinstance(data, Mapping | list) else str(data)


def _part(value: Any) -> str:
    if not isinstance(value, UploadedFile):
        return str(value)
    digest = hashlib.sha256()
    for chunk in value.chunks(CHUNK):
        digest.update(chunk)
    value.seek(0)
    return f"sha256:{digest.hexdigest()}"
