"""Workspaces and the people in them: creating, inviting, roles, leaving."""

from __future__ import annotations

import datetime
import hashlib
import re
import secrets
import zoneinfo
from collections.abc import Sequence
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from projects import access, events
from projects.access import Right
from projects.models import (
    Category,
    Format,
    Invitation,
    Membership,
    Person,
    Phase,
    Role,
    RoleRate,
    Workspace,
)
from projects.problems import Invalid, Refused

INVITATION_LIFE = datetime.timedelta(days=14)
DEFAULT_CATEGORIES = (
    ("brand-film", "Brand film", Phase.HERO),
    ("social-cut", "Social cut", Phase.HERO),
    ("product-still", "Product still", Phase.HERO),
    ("character-scene", "Character scene", Phase.HERO),
    ("explainer", "Explainer", Phase.HERO),
    ("concept-sketch", "Concept sketch", Phase.DRAFT),
)
DEFAULT_FORMATS = (
    ("16x9", "Landscape 16:9", 1280, 720),
    ("9x16", "Portrait 9:16", 720, 1280),
    ("1x1", "Square 1:1", 1024, 1024),
    ("4x5", "Feed 4:5", 896, 1120),
)


class InvitationGone(Refused):
    """The invitation was used, withdrawn, or is too old."""

    status = 410
    title = "This invitation no longer works"


def create_workspace(
    *,
    slug: str,
    currency: str,
    time_zone: str,
    owner_email: str,
    name: str = "",
    is_demo: bool = False,
) -> tuple[Workspace, Membership]:
    """A new workspace with the usual categories and formats; the owner, made if unknown, has all roles."""
    email = check_email(owner_email)
    if len(slug) > 60 or not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug):
        raise Invalid({"slug": ["Give lower-case letters, digits and single hyphens, 60 at most."]})
    if time_zone not in zoneinfo.available_timezones():
        raise Invalid({"time_zone": [f"{time_zone} is no time zone; Europe/Berlin is one."]})
    if len(currency) != 3 or not currency.isalpha() or not currency.isupper():
        raise Invalid({"currency": ["Give three capital letters such as EUR."]})
    try:
        with transaction.atomic():
            workspace = Workspace.objects.create(
                slug=slug,
                name=name or slug.replace("-", " ").capitalize(),
                currency=currency,
                time_zone=time_zone,
                is_demo=is_demo,
                builtin_only=is_demo,
            )
            _furnish(workspace)
            person = find_or_make_person(email)
            membership = Membership.objects.create(
                workspace=workspace, person=person, roles=list(Role.values)
            )
            events.record(workspace=workspace, kind="workspace.created", by=person)
    except IntegrityError:
        raise Invalid({"slug": [f"There is a workspace {slug} already."]}) from None
    return workspace, membership


def _furnish(workspace: Workspace) -> None:
    Category.objects.bulk_create(
        Category(workspace=workspace, key=key, name=name, delivered_in=phase)
        for key, name, phase in DEFAULT_CATEGORIES
    )
    Format.objects.bulk_create(
        Format(workspace=workspace, key=key, name=name, width=width, height=height)
        for key, name, width, height in DEFAULT_FORMATS
    )


def find_or_make_person(email: str, *, name: str = "") -> Person:
    """The person with this e-mail, or a new one who has yet to set a password."""
    known = Person.objects.filter(email__iexact=email).first()
    return known or Person.objects.create_user(email, None, name=name)


def invite(
    *,
    email: str,
    roles: Sequence[str],
    by: Membership,
    now: datetime.datetime | None = None,
) -> tuple[Invitation, str]:
    """An invitation and the secret of its address, which is shown once; mailing it is the caller's.

    A second invitation of the same address withdraws the first.
    """
    access.require(by, Right.ADMINISTER)
    now = now or timezone.now()
    email = check_email(email)
    check_roles(roles)
    if Membership.objects.filter(
        workspace=by.workspace, person__email__iexact=email, ended_at__isnull=True
    ).exists():
        raise Invalid({"email": [f"{email} belongs to {by.workspace} already."]})
    secret = secrets.token_urlsafe(32)
    with transaction.atomic():
        _waiting(by.workspace).filter(email__iexact=email).update(revoked_at=now)
        invitation = Invitation.objects.create(
            workspace=by.workspace,
            email=email,
            roles=list(roles),
            secret_hash=_hash(secret),
            invited_by=by.person,
            expires_at=now + INVITATION_LIFE,
        )
        events.record(
            workspace=by.workspace, kind="person.invited", by=by, at=now, email=email, roles=list(roles)
        )
    return invitation, secret


def find_invitation(secret: str, *, now: datetime.datetime | None = None) -> Invitation:
    """The waiting invitation of this secret; raises InvitationGone."""
    now = now or timezone.now()
    found = Invitation.objects.select_related("workspace", "invited_by").filter(secret_hash=_hash(secret))
    invitation = found.first()
    if invitation is None or invitation.revoked_at or invitation.accepted_at:
        raise InvitationGone("It was used or withdrawn.", remedy="Ask for a new one.")
    if invitation.expires_at <= now:
        raise InvitationGone("It is older than 14 days.", remedy="Ask for a new one.")
    return invitation


def accept_invitation(*, secret: str, person: Person, now: datetime.datetime | None = None) -> Membership:
    """Makes the person a member. The e-mail must be the one that was invited.

    Any other invitation of the address works no longer: later it would bring old roles back.
    """
    now = now or timezone.now()
    with transaction.atomic():
        invitation = find_invitation(secret, now=now)
        if invitation.email.lower() != person.email.lower():
            raise InvitationGone(
                f"This invitation is for {invitation.email}.",
                title="This invitation is for somebody else",
                remedy=f"Sign in as {invitation.email}, or ask for one of your own.",
                status=403,
            )
        waiting = _waiting(invitation.workspace).filter(pk=invitation.pk)
        if not waiting.update(accepted_at=now, accepted_by=person):
            raise InvitationGone("It was used or withdrawn a moment ago.", remedy="Ask for a new one.")
        _waiting(invitation.workspace).filter(email__iexact=invitation.email).update(revoked_at=now)
        membership, made = Membership.objects.get_or_create(
            workspace=invitation.workspace, person=person, defaults={"roles": invitation.roles}
        )
        if not made:
            membership.roles, membership.ended_at = invitation.roles, None
            membership.save(update_fields=["roles", "ended_at"])
        events.record(workspace=invitation.workspace, kind="person.joined", by=person, roles=membership.roles)
    return membership


def withdraw_invitation(*, invitation: Invitation, by: Membership) -> None:
    access.require(by, Right.ADMINISTER)
    changed = _waiting(by.workspace).filter(pk=invitation.pk)
    if changed.update(revoked_at=timezone.now()):
        events.record(
            workspace=by.workspace,
            kind="person.invitation_withdrawn",
            by=by,
            email=invitation.email,
        )


def set_roles(*, membership: Membership, roles: Sequence[str], by: Membership) -> None:
    """Replaces a member's roles. The last admin keeps that role, so that nobody is locked out."""
    access.require(by, Right.ADMINISTER)
    check_roles(roles)
    with transaction.atomic():
        row = _locked(membership)
        if Role.ADMIN in row.roles and Role.ADMIN not in roles:
            _another_admin(row)
        before, row.roles = row.roles, list(roles)
        row.save(update_fields=["roles"])
        events.record(
            workspace=by.workspace,
            kind="person.roles_changed",
            by=by,
            email=row.person.email,
            before=before,
            roles=list(roles),
        )


def end_membership(*, membership: Membership, by: Membership) -> None:
    """Takes a person out of the workspace: tokens stop working, history stays."""
    access.require(by, Right.ADMINISTER)
    with transaction.atomic():
        row = _locked(membership)
        if Role.ADMIN in row.roles:
            _another_admin(row)
        row.ended_at = timezone.now()
        row.save(update_fields=["ended_at"])
        row.api_tokens.all().delete()
        events.record(workspace=by.workspace, kind="person.left", by=by, email=row.person.email)


def set_role_rate(*, role: str, hourly_rate: Decimal, starts_on: datetime.date, by: Membership) -> RoleRate:
    """What an hour of a role is worth from a day on; a second rate for the day is refused."""
    access.require(by, Right.KEEP_BOOKS)
    check_roles([role])
    if hourly_rate < 0:
        raise Invalid({"hourly_rate": ["A rate cannot be negative."]})
    try:
        with transaction.atomic():
            return RoleRate.objects.create(
                workspace=by.workspace,
                role=role,
                hourly_rate=hourly_rate,
                starts_on=starts_on,
                set_by=by.person,
            )
    except IntegrityError:
        raise Invalid({"starts_on": [f"There is a rate for {role} from {starts_on} already."]}) from None


def change_wishes(*, person: Person, name: str, theme: str, single_key_shortcuts: bool) -> None:
    """One's own name and wishes, in every workspace."""
    person.name, person.theme, person.single_key_shortcuts = name.strip(), theme, single_key_shortcuts
    person.save(update_fields=["name", "theme", "single_key_shortcuts"])


def check_email(email: str) -> str:
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise Invalid({"email": [f"{email or 'Nothing'} is no e-mail address."]}) from None
    return email


def check_roles(roles: Sequence[str]) -> None:
    unknown = [role for role in roles if role not in Role.values]
    if unknown or not roles:
        raise Invalid({"roles": [f"Choose at least one of {', '.join(Role.values)}."]})


def _locked(membership: Membership) -> Membership:
    """The membership under a lock on its workspace, so that two admins cannot remove each other."""
    Workspace.objects.select_for_update(no_key=True).get(pk=membership.workspace_id)
    return Membership.objects.select_related("person").get(pk=membership.pk)


def _another_admin(membership: Membership) -> None:
    others = Membership.objects.filter(
        workspace=membership.workspace_id, roles__contains=[Role.ADMIN], ended_at__isnull=True
    ).exclude(pk=membership.pk)
    if not others.exists():
        raise Refused(f"{membership.person} is the only admin.", remedy="Give somebody else that role first.")


def _waiting(workspace: Workspace) -> QuerySet[Invitation]:
    return Invitation.objects.filter(workspace=workspace, accepted_at__isnull=True, revoked_at__isnull=True)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
