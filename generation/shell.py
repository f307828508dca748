"""What stands around every page: the navigation with its counts, as the context `shell`."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.http import HttpRequest
from django.urls import reverse

from generation.demo import cast
from projects import access
from projects.access import Right
from projects.models import Membership
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
            ("Outlook", "generation:exposure", "eye", "", "g>o"),
            ("Budgets", "billing:budgets", "wallet", "", "g>b"),
            ("Prices", "billing:prices", "coin", "", ""),
            ("Passing on", "billing:chargeback", "folder", "", ""),
            ("Invoices", "generation:invoices", "upload", "", "g>i"),
        ),
    ),
    (
        "Making",
        (
            ("Routing", "generation:routing", "route", "", "g>r"),
            ("Catalogue", "routing:catalogue", "catalogue", "", ""),
            ("Health", "generation:health", "activity", "", ""),
        ),
    ),
    (
        "Workspace",
        (
            ("Activity", "generation:activity", "clock", "", ""),
            ("People", "generation:people", "people", "", "g>p"),
            ("Settings", "generation:settings", "settings", "", "g>s"),
        ),
    ),
)


#: Pages that are reached by the tabs of another.
ALSO: dict[str, tuple[str, ...]] = {
    "prices": ("rates", "credits", "agreements"),
    "exposure": ("what-if", "outages", "forecast", "stability", "evidence"),
    "chargeback": ("shared", "journal", "time"),
}

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
    ), mine.names, mine.slugs
    FROM (
        SELECT array_agg(w.name ORDER BY w.name, w.slug) AS names,
               array_agg(w.slug ORDER BY w.name, w.slug) AS slugs
        FROM projects_workspace w JOIN projects_membership m ON m.workspace_id = w.id
        WHERE m.person_id = %(person)s AND m.ended_at IS NULL
    ) AS mine
"""


def shell(request: HttpRequest) -> dict[str, Any]:
    """Navigation for the member that `workspace_page` let in; a short one for everybody else."""
    membership: Membership | None = getattr(request, "membership", None)
    if membership is None:
        bare = {"home": "/", "account": _account(None), "sections": []}
        return {"shell": bare, **cast.for_sign_in(request)}
    counts, workspaces = waiting(membership)
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
            "workspaces": [
                {"name": name, "href": f"/w/{other}/", "current": other == slug} for name, other in workspaces
            ],
            "sections": [
                {"label": label, "links": [_link(link, request, counts) for link in links]}
                for label, links in _sections(slug)
            ],
            "account": _account(slug),
            "notices": counts["notices"],
        },
    }


def waiting(membership: Membership) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """What waits for this member, and name and slug of each of the person's workspaces, in one query."""
    approves = Right.APPROVE in access.rights_of(membership)
    values: dict[str, Any] = {
        "workspace": membership.workspace_id,
        "person": membership.person_id,
        "membership": membership.pk,
        "review": str(BoardColumn.REVIEW),
    }
    with connection.cursor() as cursor:
        cursor.execute(WAITING, values)
        asked, running, notices, names, slugs = cursor.fetchone()
    counts = {"approvals": asked if approves else 0, "running": running, "notices": notices}
    return counts, list(zip(names, slugs, strict=True))


@functools.lru_cache(maxsize=256)  # of a workspace they never change, and every page has them all
def _sections(slug: str) -> list[tuple[str, list[dict[str, Any]]]]:
    names = ("label", "href", "icon", "counted", "key")
    return [
        (
            label,
            [
                dict(zip(names, (text, reverse(view, args=[slug]), *more), strict=True))
                for text, view, *more in links
            ],
        )
        for label, links in SECTIONS
    ]


def _link(link: Mapping[str, Any], request: HttpRequest, counts: Mapping[str, int]) -> dict[str, Any]:
    href, home = link["href"], link["icon"] == "home"
    return {
        **link,
        "count": counts.get(link["counted"], 0),
        "due": link["counted"] == "approvals",
        "current": request.path == href if home else request.path.startswith((href, *_also(href))),
    }


def _also(href: str) -> tuple[str, ...]:
    """Further addresses of the pages that stand behind a link, by its last part."""
    root, _, last = href.rstrip("/").rpartition("/")
    return tuple(f"{root}/{part}/" for part in ALSO.get(last, ()))


@functools.lru_cache(maxsize=256)
def _account(slug: str | None) -> list[dict[str, Any]]:
    links = [
        {"label": "E-mail addresses", "href": reverse("account_email"), "icon": "mail"},
        {"label": "Password", "href": reverse("account_change_password"), "icon": "lock"},
        {"label": "Second factor and passkeys", "href": reverse("mfa_index"), "icon": "key"},
    ]
    if slug is None:
        return links
    return [
        {"label": "Notices", "href": f"/w/{slug}/notices/", "icon": "bell"},
        {"label": "API tokens", "href": f"/w/{slug}/settings/tokens/", "icon": "bolt"},
        *links,
    ]
