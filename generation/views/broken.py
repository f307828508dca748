"""What is answered where a request broke: 503 while the database is away, else 500. Needs no database."""

from __future__ import annotations

import sys

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views.defaults import server_error

from circletake import reach
from generation.api import problems


def broken(request: HttpRequest) -> HttpResponse:
    """Django calls this with the error at hand; with the database away it is worth asking again."""
    if not reach.is_away(sys.exc_info()[1]):
        return server_error(request)
    if request.path.startswith("/api/"):
        answer: HttpResponse = JsonResponse(problems.away(), status=503, content_type=problems.MEDIA_TYPE)
    else:
        again = request.get_full_path() if request.method == "GET" else "/"
        answer = HttpResponse(render_to_string("503.html", {"again": again}), status=503)
    answer["Retry-After"] = str(problems.AGAIN_SECONDS)
    answer["Cache-Control"] = "no-store"
    return answer
