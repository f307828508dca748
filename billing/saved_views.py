"""Saving the filters of a page under a name, and finding them again.

A view is its person's: that person alone renames, shares and deletes it. What is shared is offered to
everybody in the workspace, and shows them what they may see anyway. One of one's own can be the default.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from billing.models import SavedView
from billing.models.views import ViewedPage
from projects.models import Membership
from projects.models.rows import WorkspaceQuerySet
from projects.problems import Invalid, Refused

MOST = 100
"""Of one person in a workspace."""
LONGEST_QUERY, LONGEST_NAME = 500, 80
#: What of an address belongs to a view; the month is the one that is looked at.
FILTERS: dict[str, tuple[str, ...]] = {
    ViewedPage.MONTH: ("by", "all"),
    ViewedPage.EXCEPTIONS: ("kind", "campaign", "by"),
    ViewedPage.ACCEPTED: ("by", "key", "place", "week", "over", "within"),
    ViewedPage.ENTRIES: ("outcome", "by", "key"),
    ViewedPage.COMPARE: ("what", "before", "after", "first", "second", "within"),
}


class Offered(NamedTuple):
    """The views of a page that a member sees, and the query that would be saved now."""

    page: str
    query: str
    own: list[SavedView]
    others: list[SavedView]


def query_of(page: str, asked: Mapping[str, str]) -> str:
    """The filters among what was asked for, as they are kept."""
    return urlencode([(name, asked[name]) for name in FILTERS[page] if asked.get(name)])


def offered(member: Membership, page: str, asked: Mapping[str, str]) -> Offered:
    """A member's own views of the page and those that others share, by name, in one query."""
    rows = list(_seen_by(member).filter(page=page).select_related("saved_by").order_by("name", "pk"))
    own = [row for row in rows if row.saved_by_id == member.person_id]
    return Offered(
        page, query_of(page, asked), own, [row for row in rows if row.saved_by_id != member.person_id]
    )


def default_query(member: Membership, page: str) -> str:
    """The query with which the page opens for this member; empty without a default."""
    rows = SavedView.objects.visible_to(member).filter(saved_by=member.person_id, page=page, is_default=True)
    return rows.values_list("query", flat=True).first() or ""


def listed(member: Membership) -> Offered:
    """All of a member's own views and those that others share, by page and name."""
    rows = list(_seen_by(member).select_related("saved_by").order_by("page", "name", "pk"))
    own = [row for row in rows if row.saved_by_id == member.person_id]
    return Offered("", "", own, [row for row in rows if row.saved_by_id != member.person_id])


def save(*, by: Membership, page: str, name: str, query: str, shared: bool = False) -> SavedView:
    """Keeps a query under a name; under the same name again it takes the place of what was there.

    Of two at once the later one stays. Raises Invalid (422) for another page, without a name or a filter, and
    Refused (409) after MOST views.
    """
    name = _checked_name(name)
    query = query_of(page, dict(parse_qsl(query))) if page in FILTERS else ""
    if not query or len(query) > LONGEST_QUERY:
        raise Invalid({"query": ["Choose at least one filter first; then it can be saved."]})
    own = SavedView.objects.filter(workspace=by.workspace_id, saved_by=by.person_id)
    known = own.filter(page=page, name=name)
    if not known.exists() and own.count() >= MOST:
        raise Refused(f"You have {MOST} saved views.", remedy="Delete one that you need no more.")
    row = SavedView(workspace=by.workspace, saved_by=by.person, page=page, name=name)
    row.query, row.shared, row.saved_at = query, shared, timezone.now()
    with transaction.atomic():
        SavedView.objects.bulk_create(
            [row],
            update_conflicts=True,
            unique_fields=["workspace", "page", "saved_by", "name"],
            update_fields=["query", "shared", "saved_at"],
        )
        return known.get()


def rename(*, view_id: uuid.UUID, by: Membership, name: str) -> SavedView:
    """Raises Refused (404) for a view that is not this person's, Invalid (422) for a name that is taken."""
    row = _own(view_id, by)
    row.name = _checked_name(name)
    try:
        with transaction.atomic():
            row.save(update_fields=["name"])
    except IntegrityError:
        raise Invalid({"name": [f"You have a view “{name}” of this page already."]}) from None
    return row


def share(*, view_id: uuid.UUID, by: Membership, shared: bool) -> SavedView:
    """Shows a view to the whole workspace, or to its person alone again. Raises Refused (404)."""
    row = _own(view_id, by)
    row.shared = shared
    row.save(update_fields=["shared"])
    return row


def make_default(*, view_id: uuid.UUID, by: Membership, default: bool) -> SavedView:
    """Opens the page with this view from now on, or no longer; the one before gives way."""
    row = _own(view_id, by)
    with transaction.atomic():
        own = SavedView.objects.filter(workspace=by.workspace_id, saved_by=by.person_id, page=row.page)
        list(own.order_by("pk").select_for_update().values_list("pk"))
        own.filter(is_default=True).update(is_default=False)
        row.is_default = default
        row.save(update_fields=["is_default"])
    return row


def delete(*, view_id: uuid.UUID, by: Membership) -> str:
    """Deletes a view and answers its name. Raises Refused (404) for one that is not this person's."""
    row = _own(view_id, by)
    row.delete()
    return row.name


def _seen_by(member: Membership) -> WorkspaceQuerySet[SavedView]:
    rows: WorkspaceQuerySet[SavedView] = SavedView.objects.visible_to(member).filter(
        Q(saved_by=member.person_id) | Q(shared=True)
    )
    return rows


def _own(view_id: uuid.UUID, by: Membership) -> SavedView:
    own = SavedView.objects.visible_to(by).filter(pk=view_id, saved_by=by.person_id)
    row: SavedView | None = own.first()
    if row is None:
        raise Refused("There is no such view of yours.", status=404, remedy="Reload the page.")
    return row


def _checked_name(name: str) -> str:
    plain = " ".join(name.split())
    if not plain or len(plain) > LONGEST_NAME:
        raise Invalid({"name": [f"Give it a name of 1 to {LONGEST_NAME} characters."]})
    return plain
