"""Notices: told once to each member, in the page and by mail, as that member wishes."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from projects.models import Membership, Notice, NoticePreference, Workspace
from projects.models.notices import NoticeKind
from projects.models.rows import WorkspaceQuerySet

Written = Callable[[Notice], EmailMessage]
MAIL_ATTEMPTS = 5
MAIL_BATCH = 50
WITH_FILES = (NoticeKind.MONTH_ENDED,)
"""Kinds whose mail is more than words; who can make its files sends it, by `mail_with_files`."""

AGAIN_AFTER = datetime.timedelta(minutes=10)
"""A mail with files is tried again after this, then after four and nine times as long."""


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
    return _mailed(~Q(kind__in=WITH_FILES), _plain, now=now or timezone.now())


def mail_with_files(
    *, written: Mapping[str, Callable[[Notice], EmailMessage]], now: datetime.datetime
) -> int:
    """Sends waiting notices of these kinds as `written` makes their mails; answers how many went out."""
    return _mailed(_due(now) & Q(kind__in=written), lambda notice: written[notice.kind](notice), now=now)


def waiting_with_files(*, now: datetime.datetime) -> int:
    """How many mails with files are to be sent."""
    return _waiting().filter(_due(now), kind__in=WITH_FILES).count()


def _mailed(which: Q, written: Written, *, now: datetime.datetime) -> int:
    sent = 0
    for notice in _claim(which):
        try:
            written(notice).send()
        except OSError:
            continue
        Notice.objects.filter(pk=notice.pk).update(mailed_at=now)
        sent += 1
    return sent


def _due(now: datetime.datetime) -> Q:
    due = Q()
    for tried in range(MAIL_ATTEMPTS):
        due |= Q(mail_attempts=tried, created_at__lte=now - tried * tried * AGAIN_AFTER)
    return due


def _waiting() -> WorkspaceQuerySet[Notice]:
    return Notice.objects.filter(
        mailed_at__isnull=True,
        by_mail=True,
        mail_attempts__lt=MAIL_ATTEMPTS,
        membership__ended_at__isnull=True,
    )


def _claim(which: Q) -> list[Notice]:
    with transaction.atomic():
        rows = list(
            _waiting()
            .filter(which)
            .select_for_update(of=("self",), skip_locked=True)
            .select_related("membership__person", "workspace")
            .order_by("created_at")[:MAIL_BATCH]
        )
        Notice.objects.filter(pk__in=[row.pk for row in rows]).update(mail_attempts=F("mail_attempts") + 1)
    return rows


def _plain(notice: Notice) -> EmailMessage:
    return EmailMessage(subject(notice.title), _text(notice), None, [notice.membership.person.email])


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
