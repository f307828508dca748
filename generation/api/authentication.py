"""Tokens in requests: each is bound to one membership, and works while that lasts."""

from __future__ import annotations

import binascii
import datetime
from hmac import compare_digest

from django.db.models import QuerySet
from django.utils import timezone
from knox.crypto import hash_token
from knox.settings import CONSTANTS
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from projects.models import ApiToken, Person

SCHEME = "Token"
#: How exactly the last use of a token is kept; a write with each request would cost more than it tells.
NOTED_EACH = datetime.timedelta(minutes=5)


class MemberToken(BaseAuthentication):
    """`Authorization: Token …`: the person is the request's user, the token its `auth`."""

    def authenticate(self, request: Request) -> tuple[Person, ApiToken] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != SCHEME.lower().encode():
            return None
        if len(words) != 2:
            raise AuthenticationFailed("The header is “Authorization: Token …”, with one token.")
        token = find(words[1])
        if token is None:
            raise AuthenticationFailed("This token is not known, or no longer in force.")
        _note_use(token)
        return token.membership.person, token

    def authenticate_header(self, request: Request) -> str:
        return SCHEME


def find(secret: bytes) -> ApiToken | None:
    """The token in force of this secret, with its member and workspace; one query."""
    try:
        text = secret.decode("ascii")
        digest = hash_token(text)
    except (UnicodeDecodeError, TypeError, binascii.Error):
        return None
    rows: QuerySet[ApiToken] = ApiToken.objects.filter(
        token_key=text[: CONSTANTS.TOKEN_KEY_LENGTH],
        membership__ended_at__isnull=True,
        membership__person__is_active=True,
    ).select_related("membership__workspace", "membership__person")
    now = timezone.now()
    for row in rows:
        if compare_digest(digest, row.digest) and (row.expiry is None or row.expiry > now):
            return row
    return None


def _note_use(token: ApiToken) -> None:
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > NOTED_EACH:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
