"""Notices: told once to each member, in the page and by mail, as that member wishes."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from projects.models import Membership, Notice, NoticePreference, Workspace

MAIL_ATTEMPTS = 5
MAIL_BATCH = 50


def notify(
    *,
    members: Iterable[Membership],
    kind: str,
    title: str,
    url: str,
    dedupe: str,
    body: str = "",
    now: datetime.datetime | None = None,
) -> int:
    """Tells each member once per `dedupe`, in the caller's transaction; answers how many were told.

    Who has left is told nothing: what they had asked for may end after they went.
    `url` is a path of this site. Mail goes out later, by `mail_waiting`, so that no mail server is asked
    inside a transaction.
    """
    now = now or timezone.now()
    members = [member for member in members if member.ended_at is None]
    wishes = {
        wish.membership_id: wish
        for wish in NoticePreference.objects.filter(membership__in=members, kind=kind)
    }
    rows = []
    for member in members:
        wish = wishes.get(member.pk)
        in_page, by_mail = (wish.in_page, wish.by_mail) if wish else (True, True)
        if in_page or by_mail:
            rows.append(
                Notice(
                    workspace_id=member.workspace_id,
                    membership=member,
                    kind=kind,
                    title=title[:200],
                    body=body,
                    url=url,
                    dedupe=dedupe,
                    in_page=in_page,
                    by_mail=by_mail,
                    created_at=now,
                )
            )
    return len(Notice.objects.bulk_create(rows, ignore_conflicts=True))


def members_with(workspace: Workspace, role: str) -> list[Membership]:
    """Current members who have the role."""
    return list(
        Membership.objects.filter(
            workspace=workspace, roles__contains=[role], ended_at__isnull=True
        ).order_by("pk")
    )


def mail_waiting(*, now: datetime.datetime | None = None) -> int:
    """Sends notices that wait to be mailed; answers how many went out.

    The attempt is counted before the mail server is asked: a mail is lost rather than sent for ever.
    """
    now = now or timezone.now()
    sent = 0
    for notice in _claim():
        try:
            send_mail(subject(notice.title), _text(notice), None, [notice.membership.person.email])
        except OSError:
            continue
        Notice.objects.filter(pk=notice.pk).update(mailed_at=now)
        sent += 1
    return sent


def _claim() -> list[Notice]:
    with transaction.atomic():
        rows = list(
            Notice.objects.select_for_update(of=("self",), skip_locked=True)
            .filter(mailed_at__isnull=True, by_mail=True, mail_attempts__lt=MAIL_ATTEMPTS)
            .filter(membership__ended_at__isnull=True)
            .select_related("membership__person", "workspace")
            .order_by("created_at")[:MAIL_BATCH]
        )
        Notice.objects.filter(pk__in=[row.pk for row in rows]).update(mail_attempts=F("mail_attempts") + 1)
    return rows


def subject(text: str) -> str:
    """The text as a mail's subject, in one line: names in it may have several."""
    return " ".join(text.split())


def _text(notice: Notice) -> str:
    settings_page = f"{settings.PUBLIC_URL}/w/{notice.workspace.slug}/settings/"
    lines = [notice.body or notice.title, "", f"{settings.PUBLIC_URL}{notice.url}", ""]
    return "\n".join([*lines, f"You can switch these notices off: {settings_page}"])


def read_all(*, membership: Membership, now: datetime.datetime | None = None) -> int:
    """Marks the member's notices as read."""
    return Notice.objects.filter(membership=membership, read_at__isnull=True).update(
        read_at=now or timezone.now()
    )


def set_preferences(*, membership: Membership, wishes: Mapping[str, tuple[bool, bool]]) -> None:
    """Keeps which kinds the member wants in the page and by mail, as (page, mail)."""
    NoticePreference.objects.bulk_create(
        (
            NoticePreference(membership=membership, kind=kind, in_page=in_page, by_mail=by_mail)
            for kind, (in_page, by_mail) in wishes.items()
        ),
        update_conflicts=True,
        unique_fields=["membership", "kind"],
        update_fields=["in_page", "by_mail"],
    )
