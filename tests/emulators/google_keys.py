"""What vouches for Google's webhooks (1.8): a token of a request, or the signature of an account's hook."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.emulators.hooks import StandardSecret
from tests.emulators.jobs import Job


class GoogleKeys:
    """RS256 tokens by keys that are published; `registered` signs as a hook of the whole account does."""

    stale_seconds = 301
    lasts = 300

    def __init__(self, jobs: Mapping[str, Job]) -> None:
        self.jobs = jobs
        self.made: list[rsa.RSAPrivateKey] = []
        self.asked = 0
        self.registered: StandardSecret | None = None
        self.audience = ""  # another address than the job's own, where a test wants that
        self.stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def keys(self) -> list[rsa.RSAPrivateKey]:
        if not self.made:
            self.rotate(keep=False)
        return self.made

    def rotate(self, *, keep: bool) -> None:
        fresh = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.made = [fresh, *(self.made if keep else [])]

    def key_set(self) -> dict[str, Any]:
        self.asked += 1
        return {"keys": [_published(key) for key in self.keys]}

    def headers(self, *, message_id: str, kind: str, body: bytes, now: float) -> dict[str, str]:
        if self.registered is not None:
            return self.registered.headers(message_id=message_id, kind=kind, body=body, now=now)
        ends_at = int(now) - 1 if kind == "stale" else int(now) + self.lasts
        audience = self.audience or self.jobs[message_id].webhook_url
        claims = {"iss": "https://issuer.example", "aud": audience, "exp": ends_at, "iat": int(now)}
        named = {"alg": "RS256", "typ": "JWT", "kid": _kid(self.keys[0])}
        signed = f"{_text(json.dumps(named).encode())}.{_text(json.dumps(claims).encode())}"
        key = self.stranger if kind == "forged" else self.keys[0]
        signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return {"webhook-id": message_id, "webhook-signature": f"{signed}.{_text(signature)}"}


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _kid(key: rsa.RSAPrivateKey) -> str:
    return f"{key.public_key().public_numbers().n % 10**12:012d}"


def _published(key: rsa.RSAPrivateKey) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    modulus, exponent = (n.to_bytes((n.bit_length() + 7) // 8) for n in (numbers.n, numbers.e))
    return {
        "kty": "RSA",
        "alg": "RS256",
        "use": "sig",
        "kid": _kid(key),
        "n": _text(modulus),
        "e": _text(exponent),
    }
