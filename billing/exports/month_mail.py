"""The mail to finance when a month is over: headline, what moved it, a chart, the statement as PDF.

Whoever has the role finance is told once for each month, in the page and by mail, as that person wishes.
The notice is written within the hour after the month's end by the workspace's clock; the mail follows it.
"""

from __future__ import annotations

import datetime
from email.mime.image import MIMEImage
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from billing import audit, months
from billing.exports import files, pictures, signing, words
from billing.exports.forms import Form, file_name
from projects import notices
from projects.models import Membership, Notice, Role, Workspace
from projects.models.notices import NoticeKind

CATCH_UP = datetime.timedelta(days=7)
"""So long after its end a month is still told, where no worker ran before."""

KIND = NoticeKind.MONTH_ENDED
CHART = "moved"
Document = dict[str, Any]


def tell(*, now: datetime.datetime) -> int:
    """Writes the notices of the months that have ended; answers how many people were told."""
    return sum(_tell(workspace, now) for workspace in Workspace.objects.order_by("pk"))


def send(*, now: datetime.datetime) -> int:
    """Sends the mails that wait, each with its statement; answers how many went out."""
    return notices.mail_with_files(now=now, written={KIND: written})


def _tell(workspace: Workspace, now: datetime.datetime) -> int:
    month = months.before(months.month_of(workspace, now))
    if now - months.span(workspace, month).end > CATCH_UP:
        return 0
    members = _untold(workspace, month)
    if not members:
        return 0
    document = audit.month_document(workspace=workspace, month=month)
    if not _has_something(document):
        return 0
    found = words.headline(document)
    with transaction.atomic():
        return notices.notify(
            members=members,
            kind=KIND,
            title=f"{words.month_name(month)}: {found.figure} per acceptable deliverable"
            if document["totals"]["accepted"]
            else f"{words.month_name(month)}: no acceptance",
            body=words.moved(found),
            url=reverse("billing:month", args=[workspace.slug, month]),
            dedupe=_dedupe(month),
            now=now,
        )


def _untold(workspace: Workspace, month: str) -> list[Membership]:
    """People of finance who belonged to the workspace when the month ended, and were not told yet."""
    end = months.span(workspace, month).end
    members = [each for each in notices.members_with(workspace, Role.FINANCE) if each.joined_at < end]
    told = Notice.objects.filter(membership__in=members, kind=KIND, dedupe=_dedupe(month))
    known = set(told.values_list("membership_id", flat=True))
    return [member for member in members if member.pk not in known]


def _has_something(document: Document) -> bool:
    totals, terms = document["totals"], document["roll_forward"]
    return bool(totals["accepted"]) or any(float(terms[name]) for name in ("opening_wip", "spend"))


def written(notice: Notice) -> EmailMultiAlternatives:
    """The mail of one notice, in words and as a page, with the statement beside it."""
    workspace, month = notice.workspace, notice.dedupe.removeprefix("month:")
    document = audit.month_document(workspace=workspace, month=month)
    found = words.headline(document)
    context = {
        "workspace": workspace,
        "month": words.month_name(month),
        "headline": found,
        "accepted": document["totals"]["accepted"],
        "moved": words.moved(found),
        "spent": words.amount(document["roll_forward"]["spend"], workspace.currency),
        "state": signing.of(workspace, month).said,
        "address": f"{settings.PUBLIC_URL}{notice.url}",
        "wishes": f"{settings.PUBLIC_URL}{reverse('generation:notice_preferences', args=[workspace.slug])}",
    }
    chart = _chart(document, found)
    mail = EmailMultiAlternatives(
        notices.subject(f"{workspace.name}: {notice.title}"),
        render_to_string("billing/month_mail.txt", context),
        None,
        [notice.membership.person.email],
    )
    mail.attach_alternative(
        render_to_string("billing/month_mail.html", {**context, "chart": CHART}), "text/html"
    )
    mail.attach(_inline(chart))
    pdf = files.whole(workspace=workspace, month=month, form=Form.PDF)
    mail.attach(file_name(workspace=workspace, month=month, form=Form.PDF), pdf, "application/pdf")
    return mail


def _chart(document: Document, found: words.Headline) -> bytes:
    """What moved the figure; where nothing can be compared, what the month's cash became."""
    if found.parts:
        bars = [(label.capitalize(), float(moved), said) for label, moved, said in found.parts]
        return pictures.png(pictures.bars(bars, signed=True))
    return pictures.png(
        pictures.bars([(label, float(cash), said) for label, cash, said in words.outcomes(document)])
    )


def _inline(picture: bytes) -> MIMEImage:
    part = MIMEImage(picture, "png")
    part.add_header("Content-ID", f"<{CHART}>")
    part.add_header("Content-Disposition", "inline", filename="moved.png")
    return part


def _dedupe(month: str) -> str:
    return f"month:{month}"
