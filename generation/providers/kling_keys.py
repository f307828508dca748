"""How Kling knows an account: by an API key, or by a token signed with an access key and its secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

from generation.providers.protocol import Account

VALID_SECONDS = 1800
EARLIER_SECONDS = 5
"""A token holds from a little before now on, for clocks that differ."""


def bearer(account: Account, *, older_route: bool) -> str:
    """What goes into the header; "" without a key. Older routes prefer the access key."""
    access_key, secret_key = account.part("access_key"), account.part("secret_key")
    pair = token(access_key, secret_key, now=int(time.time())) if access_key and secret_key else ""
    api_key = account.part("api_key")
    return (pair or api_key) if older_route else (api_key or pair)


def token(access_key: str, secret_key: str, *, now: int) -> str:
    """A JSON Web Token by HMAC-SHA256. One is made for every request, so that none can have expired."""
    claims = {"iss": access_key, "exp": now + VALID_SECONDS, "nbf": now - EARLIER_SECONDS}
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    made = hmac.new(secret_key.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_text(made)}"


def _part(data: dict[str, Any]) -> str:
    return _text(json.dumps(data, separators=(",", ":")).encode())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
