"""Refusals as problem documents (RFC 9457): every error of the API has this one shape.

`type` is a relative address that stays the same; `title`, `status` and `detail` are always there, `remedy`
where something can be done, `errors` by field or `lines` by line where values do not fit, and what the
refusal itself adds (the amounts of a budget, the use of a cap).
"""

from __future__ import annotations

import http
import logging
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import connections
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response

from billing.budgets import BudgetRefused
from circletake import reach
from generation.caps import CapReached
from projects.access import MissingRight, policy
from projects.decisions import AgainstGrammar
from projects.problems import BadLines, Invalid, Refused

MEDIA_TYPE = "application/problem+json"
log = logging.getLogger("circletake.api")

#: Refusals that clients tell apart. All others are told apart by their status.
TYPES: dict[type[Exception], str] = {
    BudgetRefused: "budget",
    CapReached: "cap",
    AgainstGrammar: "grammar-of-decisions",
    BadLines: "bad-lines",
    Invalid: "invalid",
    MissingRight: "missing-right",
}
BY_STATUS: dict[int, tuple[str, str]] = {
    400: ("bad-request", "The request cannot be read"),
    401: ("token", "A token is needed"),
    402: ("budget", "The budget does not allow this"),
    403: ("forbidden", "This is not allowed"),
    404: ("not-found", "There is no such thing here"),
    405: ("method", "This address does not do that"),
    406: ("not-acceptable", "It cannot be answered in that form"),
    409: ("conflict", "This does not fit the present state"),
    410: ("gone", "This is gone"),
    413: ("too-large", "The request is too large"),
    415: ("media-type", "The body is in a form that is not understood"),
    422: ("invalid", "Some values do not fit"),
    429: ("too-many", "Too many requests"),
    500: ("server-error", "Something broke here"),
    503: ("unavailable", "The database does not answer"),
    507: ("no-room", "There is no room"),
}


def handler(error: Exception, context: Mapping[str, Any]) -> Response:
    """The answer to any exception of an API view; what nobody foresaw is logged and answered 500."""
    _roll_back()
    if isinstance(error, Refused):
        return _refused(error)
    if isinstance(error, MissingRight):
        return answer(
            403,
            type_=TYPES[MissingRight],
            detail=str(error),
            extra={"right": error.right, "roles": error.roles},
        )
    if isinstance(error, exceptions.ValidationError):
        return _invalid(error)
    if isinstance(error, exceptions.APIException):
        return _framework(error)
    if isinstance(error, Http404):
        detail = str(error.args[0]) if error.args and isinstance(error.args[0], str) else ""
        return answer(404, detail=detail)
    if isinstance(error, PermissionDenied):
        return answer(403, detail=str(error))
    if isinstance(error, RequestDataTooBig):
        return answer(413, detail="The body is larger than 10 MiB.", remedy="Send it in several parts.")
    if isinstance(error, SuspiciousOperation | BadRequest):
        return answer(400, detail=str(error))
    if isinstance(error, RecursionError):
        return answer(400, detail="The body is nested too deeply.")
    if reach.is_away(error):
        return _unavailable()
    return _broken(error, context)


def document(
    status: int, *, type_: str = "", title: str = "", detail: str = "", remedy: str = "", **extra: Any
) -> dict[str, Any]:
    """A problem document as plain JSON."""
    name, usual = BY_STATUS.get(status, ("problem", http.HTTPStatus(status).phrase))
    found = {
        "type": f"/problems/{type_ or name}",
        "title": title or usual,
        "status": status,
        "detail": detail or f"{usual}.",
    }
    if remedy:
        found["remedy"] = remedy
    return {**found, **extra}


def answer(status: int, *, extra: Mapping[str, Any] | None = None, **words: str) -> Response:
    return Response(document(status, **words, **dict(extra or {})), status=status, content_type=MEDIA_TYPE)


@csrf_exempt
@policy("public")
def unknown_address(request: HttpRequest, path: str = "") -> JsonResponse:
    """Addresses below /api/ that do not exist answer as all others do."""
    remedy = "" if request.path.endswith("/") else "Addresses end with a slash."
    found = document(404, detail=f"There is no address {request.path}.", remedy=remedy)
    return JsonResponse(found, status=404, content_type=MEDIA_TYPE)


def _refused(error: Refused) -> Response:
    extra = dict(error.extra)
    retry_after = extra.pop("retry_after", None)
    type_ = next((TYPES[kind] for kind in type(error).__mro__ if kind in TYPES), "")
    response = answer(
        error.status,
        type_=type_,
        title=error.title,
        detail=error.detail,
        remedy=error.remedy,
        extra=extra,
    )
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    return response


def _invalid(error: exceptions.ValidationError) -> Response:
    errors = by_field(error.detail)
    said = " ".join(f"{name}: {' '.join(texts)}" for name, texts in errors.items())
    return answer(
        422, detail=said, remedy="Correct the named values and send it again.", extra={"errors": errors}
    )


def by_field(detail: Any, name: str = "") -> dict[str, list[str]]:
    """Errors as nested by the framework, flat: `deliverables.0` names the first of a list."""
    if isinstance(detail, Mapping):
        nested = [by_field(inner, f"{name}.{key}" if name else str(key)) for key, inner in detail.items()]
    elif isinstance(detail, list) and any(isinstance(inner, Mapping | list) for inner in detail):
        nested = [by_field(inner, f"{name}.{place}") for place, inner in enumerate(detail) if inner]
    else:
        texts = detail if isinstance(detail, list) else [detail]
        return {name or "body": [str(text) for text in texts]}
    return {key: texts for found in nested for key, texts in found.items()}


def _framework(error: exceptions.APIException) -> Response:
    status = error.status_code
    detail = error.detail if isinstance(error.detail, str) else str(error.detail)
    remedies = {
        401: "Send the header “Authorization: Token …” with a token of yours that is in force.",
        406: "Accept application/json.",
        429: "Wait for as many seconds as Retry-After says; the operator sets API_RATE and API_SPEND_RATE.",
    }
    response = answer(status, detail=detail, remedy=remedies.get(status, ""))
    if challenge := getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        response["Retry-After"] = str(int(wait))
    return response


def _broken(error: Exception, context: Mapping[str, Any]) -> Response:
    request = context.get("request")
    path = getattr(request, "path", "")
    log.error("%s broke: %r", path, error, exc_info=error)
    return answer(
        500,
        detail="The request was not carried out; it is in the log.",
        remedy="Send it again later with the same Idempotency-Key, or tell the operator.",
    )


AGAIN_SECONDS = 5


def away() -> dict[str, Any]:
    """The problem document of every address while the database does not answer."""
    return document(
        503,
        detail="The database does not answer; whether it took the request in is not known.",
        remedy="Send it again, with the same Idempotency-Key, after as many seconds as Retry-After says.",
    )


def _unavailable() -> Response:
    response = Response(away(), status=503, content_type=MEDIA_TYPE)
    response["Retry-After"] = str(AGAIN_SECONDS)
    return response


def _roll_back() -> None:
    """As Django does for views in a transaction of their own."""
    for connection in connections.all(initialized_only=True):
        if connection.settings_dict["ATOMIC_REQUESTS"] and connection.in_atomic_block:
            connection.set_rollback(True)
