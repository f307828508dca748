"""`manage.py create_workspace`: a furnished workspace, its owner with all roles, and a token."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.urls import reverse

from generation import workspaces
from projects import tokens
from projects.models import Person
from projects.problems import Refused


class Command(BaseCommand):
    help = (
        "Makes a workspace. A person who is not known yet is made, and gets a link to set a password. "
        "The last word printed is a token of the owner."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="Short name in addresses: lower-case letters, digits, hyphens.")
        parser.add_argument("--currency", required=True, help="Reporting currency, such as EUR.")
        parser.add_argument("--time-zone", required=True, help="Such as Europe/Berlin; months follow it.")
        parser.add_argument("--owner", required=True, help="E-mail of the person who gets all roles.")
        parser.add_argument("--name", default="", help="What people call it; made from SLUG otherwise.")

    def handle(
        self, *args: Any, slug: str, currency: str, time_zone: str, owner: str, **options: Any
    ) -> None:
        call_command("load_catalogue", stdout=self.stderr)  # what the workspace's first prices come from
        try:
            with transaction.atomic():
                workspace, member = workspaces.create_workspace(
                    slug=slug,
                    currency=currency,
                    time_zone=time_zone,
                    owner_email=owner,
                    name=options["name"],
                )
                secret = tokens.issue(membership=member, label="create_workspace")
        except Refused as refused:
            raise CommandError(f"{refused.title}: {refused.detail} {refused.remedy}".strip()) from None
        self.stdout.write(f"The workspace {workspace.name} is at {settings.PUBLIC_URL}/w/{workspace.slug}/")
        if not member.person.has_usable_password():
            self.stdout.write(f"{member.person.email} sets a password at {_password_link(member.person)}")
        self.stdout.write(f"API token, shown once: {secret}")


def _password_link(person: Person) -> str:
    """The address at which the person sets a password; who opens it has the e-mail confirmed."""
    EmailAddress.objects.get_or_create(
        user=person, email=person.email, defaults={"verified": True, "primary": True}
    )
    path = reverse(
        "account_reset_password_from_key",
        kwargs={
            "uidb36": user_pk_to_url_str(person),
            "key": default_token_generator.make_token(person),
        },
    )
    return f"{settings.PUBLIC_URL}{path}"
