"""The people of the demo, and how they sign in."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.conf import settings
from django.http import HttpRequest

from projects.models import Role, Workspace

SLUG = "demo"
PASSWORD = "circletake-demo"  # noqa: S105 - shown on the demo's sign-in page

ASK_A_PASSWORD = ("account_login", "account_reauthenticate")
"""Names of the pages that ask for a password: to sign in, and once more before sign-in security changes."""


class Character(NamedTuple):
    """One person of the demo; `does` is one sentence for the sign-in page."""

    name: str
    email: str
    role: Role
    does: str


ANA = Character("Ana Rossi", "ana@example.com", Role.PRODUCER, "Makes takes and asks for hero renders.")
BEN = Character("Ben Okafor", "ben@example.com", Role.PRODUCER, "Makes takes for the other clients.")
CHLOE = Character(
    "Chloé Martin", "chloe@example.com", Role.REVIEWER, "Chooses drafts and signs sketches off."
)
DARIO = Character("Dario Weiss", "dario@example.com", Role.MANAGER, "Approves spending and signs off.")
EMI = Character("Emi Tanaka", "emi@example.com", Role.MANAGER, "Approves what Dario asks for.")
FARAH = Character("Farah Haddad", "farah@example.com", Role.FINANCE, "Reads the month and keeps the books.")
GUS = Character("Gus Lindqvist", "gus@example.com", Role.ADMIN, "Invites people and keeps the settings.")
HANA = Character("Hana Novak", "hana@example.com", Role.VIEWER, "Looks at everything, changes nothing.")
EVERYBODY = (ANA, BEN, CHLOE, DARIO, EMI, FARAH, GUS, HANA)


def people() -> list[dict[str, str]]:
    """The cast as the sign-in page lists it."""
    return [
        {
            "name": one.name,
            "email": one.email,
            "roles": f"{one.role.label}. {one.does}",
        }
        for one in EVERYBODY
    ]


def for_sign_in(request: HttpRequest) -> dict[str, Any]:
    """What the pages of a demo that ask for a password know beside; nothing elsewhere."""
    match = request.resolver_match
    if not settings.DEMO or match is None or match.url_name not in ASK_A_PASSWORD:
        return {}
    if not Workspace.objects.filter(slug=SLUG, is_demo=True).exists():
        return {}
    if match.url_name == "account_login":
        return {"demo_people": people(), "demo_password": PASSWORD}
    ours = getattr(request.user, "email", "") in {one.email for one in EVERYBODY}
    return {"demo_password": PASSWORD} if ours else {}
