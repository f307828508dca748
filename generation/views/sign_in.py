"""The sign-in page. In the demo it lists the demo's people, whose password everybody knows."""

from __future__ import annotations

from typing import Any

from allauth.account.views import LoginView
from django.conf import settings
from django.db.models import Prefetch

from generation.demo import cast
from projects.access import policy
from projects.models import Membership, Person, Role

MOST_PEOPLE = 12


class SignIn(LoginView):  # type: ignore[misc]  # allauth has no types
    def get_context_data(self, **context: Any) -> dict[str, Any]:
        found: dict[str, Any] = super().get_context_data(**context)
        if settings.DEMO:
            found |= {"demo": True, "demo_people": demo_people(), "demo_password": cast.PASSWORD}
        return found


def demo_people() -> list[dict[str, str]]:
    """Members of demo workspaces who sign in with the demo's password, with what they do there."""
    current = Membership.objects.filter(workspace__is_demo=True, ended_at__isnull=True)
    people = (
        Person.objects.filter(pk__in=current.values("person"), is_active=True)
        .prefetch_related(Prefetch("memberships", queryset=current, to_attr="in_demo"))
        .order_by("name", "email")[:MOST_PEOPLE]
    )
    return [
        {"email": person.email, "name": str(person), "roles": _roles(person)}
        for person in people
        if person.has_usable_password()
    ]


def _roles(person: Any) -> str:
    roles = {role for membership in person.in_demo for role in membership.roles}
    return ", ".join(Role(role).label for role in Role.values if role in roles)


sign_in = policy("public")(SignIn.as_view())
