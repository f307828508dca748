"""The address in an invitation's mail: into the workspace, with an account if there is none yet."""

from __future__ import annotations

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from generation import invitations
from generation.forms.people import JoinForm
from generation.views.refusals import shows_refusals
from generation.views.saving import status
from projects import people
from projects.access import policy
from projects.models import Membership

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@never_cache
@require_http_methods(["GET", "POST"])
@policy("public")
@shows_refusals
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """Whoever is signed in joins; whoever has an account signs in; anybody else makes one."""
    found = people.find_invitation(secret)
    if request.user.is_authenticated:
        if request.method == "POST":
            return _welcome(people.accept_invitation(secret=secret, person=request.user))
        return _page(request, found=found, own=request.user.email.lower() == found.email.lower())
    if invitations.known_person(found):
        return _page(request, found=found, known=True)
    form = JoinForm(request.POST or None, email=found.email)
    if request.method == "POST" and form.is_valid():
        membership = invitations.join(secret=secret, **form.cleaned_data)
        login(request, membership.person, backend=BACKEND)
        return _welcome(membership)
    return _page(request, found=found, form=form, code=status(form))


def _welcome(membership: Membership) -> HttpResponse:
    return redirect("generation:home", membership.workspace.slug)


def _page(request: HttpRequest, *, code: int = 200, **context: object) -> HttpResponse:
    return render(request, "generation/invitation.html", context, status=code)
