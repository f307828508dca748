"""The demo's mailbox; anywhere else there is no such address."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from generation import mailbox as box
from projects.access import policy


@require_safe
@policy("demo")
def mailbox(request: HttpRequest) -> HttpResponse:
    """All mails, the newest first."""
    _demo_only()
    return render(request, "generation/mailbox.html", {"mails": box.mails()})


@require_safe
@policy("demo")
def mail(request: HttpRequest, name: str) -> HttpResponse:
    _demo_only()
    found = box.find(name)
    if found is None:
        raise Http404("There is no such mail.")
    return render(request, "generation/mail.html", {"mail": found})


def _demo_only() -> None:
    if not settings.DEMO:
        raise Http404("Only the demo has a mailbox.")
