"""Who may what: the rights of each role, and the one way for a request to reach a workspace.

A view declares the right that it needs with `@workspace_page(Right.…)`; rows are then reached with
`Model.objects.visible_to(request.membership)`. A workspace that a person does not belong to is 404,
as is every row of another workspace. A missing right is 403 and names the role that has it.
"""

from __future__ import annotations

import functools
import zoneinfo
from collections.abc import Callable, Mapping
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils import timezone

from projects.models import Membership, Role
from projects.plain import is_plain


class Right(models.TextChoices):
    READ = "read", "read"
    MAKE = "make", "make takes"
    ACCEPT_DRAFTS = "accept_drafts", "sign off drafts"
    APPROVE = "approve", "approve spending"
    PROPOSE_TABLES = "propose_tables", "propose routing tables"
    PUBLISH_TABLES = "publish_tables", "publish routing tables"
    SET_BUDGETS = "set_budgets", "set budgets and caps"
    KEEP_BOOKS = "keep_books", "keep the books"
    KEEP_MODELS = "keep_models", "say until when models can be used"
    ADMINISTER = "administer", "administer the workspace"


ROLE_RIGHTS: dict[str, frozenset[str]] = {
    Role.VIEWER: frozenset({Right.READ}),
    Role.PRODUCER: frozenset({Right.READ, Right.MAKE, Right.PROPOSE_TABLES}),
    Role.REVIEWER: frozenset({Right.READ, Right.MAKE, Right.ACCEPT_DRAFTS}),
    Role.MANAGER: frozenset(
        {
            Right.READ,
            Right.MAKE,
            Right.ACCEPT_DRAFTS,
            Right.APPROVE,
            Right.PROPOSE_TABLES,
            Right.PUBLISH_TABLES,
            Right.SET_BUDGETS,
            Right.KEEP_MODELS,
        }
    ),
    Role.FINANCE: frozenset({Right.READ, Right.SET_BUDGETS, Right.KEEP_BOOKS}),
    Role.ADMIN: frozenset({Right.READ, Right.KEEP_MODELS, Right.ADMINISTER}),
}


class MissingRight(PermissionDenied):
    """The member lacks a right; `roles` are those that have it."""

    def __init__(self, right: str) -> None:
        self.right = right
        self.roles = roles_with(right)
        names = " or ".join(Role(role).label.lower() for role in self.roles)
        super().__init__(f"This needs the right to {Right(right).label}: ask an admin for the role {names}.")


class WorkspaceRequest(HttpRequest):
    """A request that has been let into a workspace."""

    membership: Membership


def roles_with(right: str) -> list[str]:
    return [role for role in Role.values if right in ROLE_RIGHTS[role]]


def rights_of(membership: Membership) -> frozenset[str]:
    """All rights of a member; roles add up."""
    return frozenset().union(*(ROLE_RIGHTS[role] for role in membership.roles))


def require(membership: Membership, right: str) -> None:
    """Raises MissingRight unless the member has the right."""
    if right not in rights_of(membership):
        raise MissingRight(right)


def membership_of(person: Any, workspace_slug: str) -> Membership:
    """The person's current membership in the workspace, or Http404."""
    try:
        found: Membership = Membership.objects.select_related("workspace").get(
            workspace__slug=workspace_slug, person=person, ended_at__isnull=True
        )
    except Membership.DoesNotExist:
        raise Http404("There is no such workspace, or you do not belong to it.") from None
    found.person = person
    return found


View = Callable[..., HttpResponseBase]


def workspace_page(right: str) -> Callable[[View], View]:
    """Lets members with the right into a page under /w/<workspace>/; the view gets `request.membership`.

    Times on the page, and days that are asked for, are those of the workspace's zone.
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        @login_required
        def guarded(request: HttpRequest, workspace: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
            membership = membership_of(request.user, workspace)
            require(membership, right)
            _require_plain(request, kwargs)
            entered = cast(WorkspaceRequest, request)
            entered.membership = membership
            with timezone.override(zoneinfo.ZoneInfo(membership.workspace.time_zone)):
                return view(entered, *args, **kwargs)

        guarded.policy = right  # type: ignore[attr-defined]
        return guarded

    return decorate


def _require_plain(request: HttpRequest, kwargs: Mapping[str, Any]) -> None:
    """Raises BadRequest for text that the database cannot hold; no browser sends such."""
    given = [text for query in (request.GET, request.POST) for _, texts in query.lists() for text in texts]
    if not all(is_plain(str(text)) for text in (*given, *kwargs.values())):
        raise BadRequest("Some text has characters that no text has.")


def policy(name: str) -> Callable[[View], View]:
    """Declares the policy of an address outside a workspace: `public`, `signed_in`, `signature`."""

    def decorate(view: View) -> View:
        view.policy = name  # type: ignore[attr-defined]
        return view

    return decorate
