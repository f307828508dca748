"""The demo's mailbox: what would have been mailed, read from the folder that it landed in."""

from __future__ import annotations

import dataclasses
import datetime
import email
import email.policy
import re
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

from django.conf import settings

MOST_FILES = 300
SEPARATOR = re.compile(rb"^-{79}\n", re.MULTILINE)
"""What Django's file backend writes behind each message."""


@dataclasses.dataclass(frozen=True)
class Mail:
    """One mail; `name` is its file and its place in it."""

    name: str
    to: str
    subject: str
    sent_at: datetime.datetime | None
    body: str


def mails() -> list[Mail]:
    """The mails of the newest MOST_FILES files, the newest first."""
    folder = Path(settings.EMAIL_FILE_PATH)
    files = sorted(folder.glob("*.log"), reverse=True)[:MOST_FILES] if folder.is_dir() else []
    found = [mail for file in files for mail in _read(file)]
    return sorted(found, key=_instant, reverse=True)


def find(name: str) -> Mail | None:
    return next((mail for mail in mails() if mail.name == name), None)


def _read(file: Path) -> Iterator[Mail]:
    for number, part in enumerate(SEPARATOR.split(file.read_bytes())):
        if part.strip():
            message = email.message_from_bytes(part.strip(), policy=email.policy.default)
            yield _mail(f"{file.stem}-{number}", message)


def _mail(name: str, message: EmailMessage) -> Mail:
    body = message.get_body(preferencelist=("plain",))
    date = message["Date"]
    sent_at = date.datetime if date else None
    if sent_at and sent_at.tzinfo is None:
        sent_at = sent_at.replace(tzinfo=datetime.UTC)  # "-0000" says that the zone is not told
    return Mail(
        name=name,
        to=str(message["To"] or ""),
        subject=str(message["Subject"] or ""),
        sent_at=sent_at,
        body=str(body.get_content()) if body else "",
    )


def _instant(mail: Mail) -> datetime.datetime:
    return mail.sent_at or datetime.datetime.min.replace(tzinfo=datetime.UTC)
