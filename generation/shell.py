"""What stands around every page: the navigation with its counts, as the context `shell`."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from generation.demo import cast
from projects import access
from projects.access import Right
from projects.models import Membership, Workspace
from projects.models.work import BoardColumn

#: Sections of links: label, address, icon, name of the count, key.
SECTIONS: tuple[tuple[str, tuple[tuple[str, str, str, str, str], ...]], ...] = (
    (
        "",
        (
            ("Home", "generation:home", "home", "", "g>h"),
            ("Clients", "generation:projects", "folder", "", "g>c"),
            ("Approvals", "generation:approvals", "inbox", "approvals", "g>a"),
            ("Queue", "generation:queue", "queue", "running", "g>q"),
        ),
    ),
    (
        "Money",
        (
            ("Month", "billing:month", "month", "", "g>m"),
            ("Budgets", "billing:budgets", "wallet", "", "g>b"),
            ("Prices", "billing:prices", "coin", "", ""),
        ),
    ),
    (
        "Making",
        (
            ("Routing", "generation:routing", "route", "", "g>r"),
            ("Catalogue", "routing:catalogue", "catalogue", "", ""),
        ),
    ),
    (
        "Workspace",
        (
            ("Activity", "generation:activity", "activity", "", ""),
            ("People", "generation:people", "people", "", "g>p"),
            ("Settings", "generation:settings", "settings", "", "g>s"),
        ),
    ),
)


#: Written out: every page asks it, and putting it together took longer than answering it.
WAITING = """
    SELECT (
        SELECT count(*) FROM projects_herorequest WHERE workspace_id = %(workspace)s AND state = 'waiting'
    ) + (
        SELECT count(*) FROM projects_caprequest WHERE workspace_id = %(workspace)s AND state = 'waiting'
    ) + (
        SELECT count(*) FROM projects_deliverable
        WHERE workspace_id = %(workspace)s AND board_column = %(review)s
    ), (
        SELECT count(*) FROM projects_take
        WHERE workspace_id = %(workspace)s AND requested_by_id = %(person)s
          AND state IN ('planned', 'queued', 'rendering')
    ), (
        SELECT count(*) FROM projects_notice
        WHERE membership_id = %(membership)s AND read_at IS NULL AND in_page
    )
"""


def shell(request: HttpRequest) -> dict[str, Any]:
    """Navigation for the member that `workspace_page` let in; a short one for everybody else."""
    membership: Membership | None = getattr(request, "membership", None)
    if membership is None:
        bare = {"home": "/", "account": _account(None), "sections": []}
        return {"shell": bare, **cast.for_sign_in(request)}
    counts = waiting(membership)
    slug = membership.workspace.slug
    return {
        "membership": membership,
        "workspace": membership.workspace,
        "currency": membership.workspace.currency,
        "rights": access.rights_of(membership),
        "shell": {
            "home": f"/w/{slug}/",
            "search": f"/w/{slug}/search/",
            "workspace": {"name": membership.workspace.name},
            "workspaces": _workspaces(membership),
            "sections": [_section(*section, request, slug, counts) for section in SECTIONS],
            "account": _account(membership),
            "notices": counts["notices"],
        },
    }


def waiting(membership: Membership) -> dict[str, int]:
    """What waits for this member, in one query: approvals, own running takes, unread notices."""
    approves = Right.APPROVE in access.rights_of(membership)
    values: dict[str, Any] = {
        "workspace": membership.workspace_id,
        "person": membership.person_id,
        "membership": membership.pk,
        "review": str(BoardColumn.REVIEW),
    }
    with connection.cursor() as cursor:
        cursor.execute(WAITING, values)
        asked, running, notices = cursor.fetchone()
    return {"approvals": asked if approves else 0, "running": running, "notices": notices}


def _section(
    label: str,
    links: tuple[tuple[str, str, str, str, str], ...],
    request: HttpRequest,
    slug: str,
    counts: dict[str, int],
) -> dict[str, Any]:
    made = [_link(link, request, slug, counts) for link in links if _exists(link[1], slug)]
    return {"label": label, "links": made}


def _exists(name: str, slug: str) -> bool:
    try:
        reverse(name, args=[slug])
    except NoReverseMatch:
        return False
    return True


def _link(
    link: tuple[str, str, str, str, str], request: HttpRequest, slug: str, counts: dict[str, int]
) -> dict[str, Any]:
    label, name, icon, counted, key = link
    href = reverse(name, args=[slug])
    home = name == "generation:home"
    here = request.path == href if home else request.path.startswith(href)
    return {
        "label": label,
        "href": href,
        "icon": icon,
        "count": counts.get(counted, 0) if counted else 0,
        "due": counted == "approvals",
        "current": here,
        "key": key,
    }


def _workspaces(membership: Membership) -> list[dict[str, Any]]:
    rows = Workspace.objects.filter(
        memberships__person=membership.person_id, memberships__ended_at__isnull=True
    )
    return [
        {"name": name, "href": f"/w/{slug}/", "current": pk == membership.workspace_id}
        for pk, name, slug in rows.order_by("name").values_list("pk", "name", "slug")
    ]


def _account(membership: Membership | None) -> list[dict[str, Any]]:
    links = [
        {"label": "E-mail addresses", "href": reverse("account_email"), "icon": "mail"},
        {"label": "Password", "href": reverse("account_change_password"), "icon": "lock"},
        {"label": "Second factor and passkeys", "href": reverse("mfa_index"), "icon": "key"},
    ]
    if membership is None:
        return links
    slug = membership.workspace.slug
    return [
        {"label": "Notices", "href": f"/w/{slug}/notices/", "icon": "bell"},
        {"label": "API tokens", "href": f"/w/{slug}/settings/tokens/", "icon": "bolt"},
        *links,
    ]
