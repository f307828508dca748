"""The secret that goes with each call: a webhook brings it back, and some providers know a job by it."""

from __future__ import annotations

import hashlib
import uuid

from django.conf import settings
from django.utils.crypto import salted_hmac

SALT = "circletake.generation.call"


def token(call: uuid.UUID, *, secret: str | None = None) -> str:
    """The call's token, made from its id and the secret key; only its hash is kept in the row."""
    return salted_hmac(SALT, str(call), secret=secret, algorithm="sha256").hexdigest()


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def token_of(call: uuid.UUID, expected_hash: str) -> str:
    """The token that the call was sent with, also when the secret key has been changed since."""
    for secret in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]:
        made = token(call, secret=secret)
        if token_hash(made) == expected_hash:
            return made
    raise LookupError(f"The token of call {call} was made with a secret key that is gone.")
