"""Google's webhooks: one asked for with a request carries a signed token, one of the account a signature.

The token (a JSON web token, RS256 by a published key) says whom it is for and until when, and nothing of the
body. That, and how thin a message is, make it a reason to poll.
"""

from __future__ import annotations

import base64
import binascii
import json
import urllib.parse
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

from generation.providers import webhooks
from generation.providers.protocol import Delivery, WebhookEvent, WebhookRejected


def event(delivery: Delivery) -> WebhookEvent:
    """The operation that a verified message is about; raises WebhookRejected."""
    signature = delivery.headers.get("webhook-signature", "")
    if not signature:
        raise WebhookRejected("The signature header is missing.")
    if signature.count(".") == 2 and "," not in signature:
        require_token(signature, delivery)
    else:
        webhooks.require_standard(delivery)
    try:
        name = json.loads(delivery.body)["data"].get("id")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WebhookRejected("The signed message cannot be read.") from error
    # Only an operation's whole name can be polled; without it the next poll tells.
    return WebhookEvent(name if isinstance(name, str) and "/operations/" in name else "", None)


def require_token(token: str, delivery: Delivery) -> None:
    """Raises WebhookRejected unless a key of Google's signed this token for this very address, not too old.

    The address ends in the call's own token, which nobody else was given. Who is named as the issuer is not
    looked at: it is not documented.
    """
    head, claims, signature = token.split(".")
    named, said = _object(head), _object(claims)
    if named.get("alg") != "RS256":
        raise WebhookRejected("The token is not signed with RS256.")
    keys = [key for key in delivery.keys.get("keys", ()) if key.get("kid") == named.get("kid")]
    if not any(_signed_by(key, f"{head}.{claims}".encode(), signature) for key in keys):
        raise webhooks.SignatureMismatch("No key of the provider signed this token.")
    ends_at = said.get("exp")
    if not isinstance(ends_at, int | float) or delivery.now.timestamp() > ends_at:
        raise WebhookRejected("The token has ended.")
    path = urllib.parse.urlsplit(str(said.get("aud", ""))).path
    if not delivery.token or path.rstrip("/").rpartition("/")[2] != delivery.token:
        raise WebhookRejected("The token is for another address.")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _object(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(_bytes(text))
    except (ValueError, binascii.Error) as error:
        raise WebhookRejected("The token cannot be read.") from error
    return found if isinstance(found, dict) else {}


def _signed_by(key: Mapping[str, Any], message: bytes, signature: str) -> bool:
    try:
        exponent, modulus = (int.from_bytes(_bytes(str(key.get(name, "")))) for name in ("e", "n"))
        public = RSAPublicNumbers(exponent, modulus).public_key()
        public.verify(_bytes(signature), message, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True
