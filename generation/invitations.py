"""Invitations by mail, and the account of whoever follows one."""

from __future__ import annotations

from collections.abc import Sequence

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.urls import reverse

from projects import notices, people
from projects.models import Invitation, Membership, Person, Role
from projects.problems import Refused


class MailFailed(Refused):
    """The mail server did not take the invitation; the invitation was withdrawn."""

    status = 502
    title = "The mail could not be sent"


def invite(*, email: str, roles: Sequence[str], by: Membership) -> Invitation:
    """Invites and mails the address with its secret; what cannot be mailed is withdrawn. Raises Invalid."""
    invitation, secret = people.invite(email=email, roles=roles, by=by)
    try:
        send_mail(*_mail(invitation, secret, by), None, [invitation.email])
    except OSError:
        people.withdraw_invitation(invitation=invitation, by=by)
        raise MailFailed(
            f"The mail server refused the mail to {invitation.email}.",
            remedy="Have the operator look at EMAIL_URL, then invite again.",
        ) from None
    return invitation


def _mail(invitation: Invitation, secret: str, by: Membership) -> tuple[str, str]:
    roles = ", ".join(Role(role).label.lower() for role in invitation.roles)
    address = f"{settings.PUBLIC_URL}{reverse('generation:invitation', args=[secret])}"
    lines = [
        f"{by.person} invites you to {invitation.workspace} on Circletake as {roles}.",
        "",
        address,
        "",
        f"The link works once, until {invitation.expires_at:%d %B %Y}, for {invitation.email} alone.",
    ]
    return notices.subject(f"{by.person} invites you to {invitation.workspace}"), "\n".join(lines)


def known_person(invitation: Invitation) -> Person | None:
    """The person of the invited address who can sign in already; None where an account is to be made."""
    person = Person.objects.filter(email__iexact=invitation.email).first()
    return person if person and person.has_usable_password() else None


def join(*, secret: str, name: str, password: str) -> Membership:
    """Makes the invited address an account and a member; the mail itself proves the address.

    Raises InvitationGone; refuses an address that has an account with a password already.
    """
    with transaction.atomic():
        invitation = people.find_invitation(secret)
        if known_person(invitation):
            raise Refused(
                f"{invitation.email} has an account already.", remedy="Sign in, then open the link again."
            )
        person = people.find_or_make_person(invitation.email)
        person.name = name
        person.set_password(password)
        person.save(update_fields=["name", "password"])
        EmailAddress.objects.update_or_create(
            user=person, email=person.email, defaults={"verified": True, "primary": True}
        )
        return people.accept_invitation(secret=secret, person=person)
