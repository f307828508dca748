"""The mail to finance after a month's end: once, to whom it concerns, with chart and statement."""

from __future__ import annotations

import datetime
from email.message import EmailMessage

import pytest
from django.core import mail
from pytest_django.fixtures import Settings

from billing.exports import month_mail
from generation import mailbox
from projects import notices
from projects.models import Membership, Notice
from tests import factories
from tests.billing import written
from tests.billing.exports.test_workbook import imported
from tests.cast import Cast
from tests.factories import utc

FIRST = utc("2025-10-31T23:00")  # midnight of 1 November in Berlin


@pytest.fixture
def october(cast: Cast) -> Cast:
    charges = written.charges_file(*written.OCTOBER_CHARGES, *written.SEPTEMBER_CHARGES)
    decisions = written.decisions_file(*written.OCTOBER_DECISIONS, *written.SEPTEMBER_DECISIONS)
    imported(cast.workspace, charges, decisions)
    Membership.objects.update(joined_at=utc("2025-01-01T00:00"))
    return cast


def told() -> list[tuple[str, str]]:
    rows = Notice.objects.filter(kind="month_ended").order_by("created_at")
    return list(rows.values_list("membership__person__email", "title"))


def test_finance_is_told_once_when_the_month_has_ended_by_the_workspaces_clock(october: Cast) -> None:
    almost = FIRST - datetime.timedelta(minutes=1)
    month_mail.tell(now=almost)
    assert "October 2025" not in str(told())
    Notice.objects.all().delete()
    assert month_mail.tell(now=FIRST) == 1
    assert month_mail.tell(now=FIRST + datetime.timedelta(hours=1)) == 0
    assert told() == [(october.finance.person.email, "October 2025: 2.50 EUR per acceptable deliverable")]


def test_a_month_long_gone_and_one_without_anything_are_not_told(october: Cast) -> None:
    assert month_mail.tell(now=FIRST + month_mail.CATCH_UP + datetime.timedelta(minutes=1)) == 0
    assert month_mail.tell(now=utc("2024-03-01T00:00")) == 0
    assert told() == []


def test_who_came_after_the_month_is_not_told_of_it(october: Cast) -> None:
    late = factories.membership(october.workspace, "finance")
    Membership.objects.filter(pk=late.pk).update(joined_at=FIRST + datetime.timedelta(hours=1))
    month_mail.tell(now=FIRST + datetime.timedelta(hours=2))
    assert [email for email, _ in told()] == [october.finance.person.email]


def test_the_mail_has_the_headline_what_moved_it_a_chart_a_link_and_the_statement(october: Cast) -> None:
    month_mail.tell(now=FIRST)
    assert notices.mail_waiting(now=FIRST) == 0
    assert (month_mail.send(now=FIRST), month_mail.send(now=FIRST)) == (1, 0)
    (sent,) = mail.outbox
    assert sent.to == [october.finance.person.email]
    assert sent.subject == "Studio: October 2025: 2.50 EUR per acceptable deliverable"
    for words in (
        "2.50 EUR",
        "+0.45 EUR against September 2025",
        "/w/studio/month/2025-10/",
        "settings/notices/",
    ):
        assert words in sent.body, words
    message: EmailMessage = sent.message()  # type: ignore[assignment]
    parts = {part.get_content_type(): part for part in message.walk()}
    assert "cid:moved" in parts["text/html"].get_payload(decode=True).decode()
    assert parts["image/png"]["Content-ID"] == "<moved>"
    assert parts["application/pdf"].get_filename() == "studio-2025-10-statement.pdf"
    assert parts["application/pdf"].get_payload(decode=True)[:5] == b"%PDF-"


def test_each_person_may_switch_it_off(october: Cast) -> None:
    notices.set_preferences(membership=october.finance, wishes={"month_ended": (True, False)})
    month_mail.tell(now=FIRST)
    assert month_mail.send(now=FIRST) == 0
    assert len(told()) == 1
    Notice.objects.all().delete()
    notices.set_preferences(membership=october.finance, wishes={"month_ended": (False, False)})
    month_mail.tell(now=FIRST)
    assert told() == []


def test_a_mail_server_that_is_away_is_asked_again_later(october: Cast, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "tests.generation.mailing.Refusing"
    month_mail.tell(now=FIRST)
    assert month_mail.send(now=FIRST) == 0
    assert notices.waiting_with_files(now=FIRST + datetime.timedelta(minutes=9)) == 0
    assert notices.waiting_with_files(now=FIRST + datetime.timedelta(minutes=10)) == 1
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert month_mail.send(now=FIRST + datetime.timedelta(minutes=10)) == 1


def test_it_lands_in_the_demos_mail_folder(october: Cast, settings: Settings, tmp_path: object) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path)
    month_mail.tell(now=FIRST)
    month_mail.send(now=FIRST)
    (found,) = mailbox.mails()
    assert found.to == october.finance.person.email
    assert "2.50 EUR" in found.body
