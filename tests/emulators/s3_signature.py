"""Signature version 4 of S3 requests, in headers or in the address, computed anew and compared.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import re
import urllib.parse
from collections.abc import Mapping
from typing import Any

HEADER = re.compile(
    r"^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$"
)


class Wrong(Exception):
    """The request is not signed, or not with the right key; the text is the error's code."""


def check(method: str, target: str, headers: Mapping[str, str], *, key: str, secret: str) -> None:
    """Raises Wrong unless the request is signed by `key` and `secret`, and a signed address is still good."""
    path, _, query = target.partition("?")
    pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
    told = dict(pairs)
    if "X-Amz-Signature" in told:
        credential, names, signature = (
            told["X-Amz-Credential"], told["X-Amz-SignedHeaders"], told["X-Amz-Signature"],
        )  # fmt: skip
        stamp, payload = told["X-Amz-Date"], "UNSIGNED-PAYLOAD"
        pairs = [pair for pair in pairs if pair[0] != "X-Amz-Signature"]
        _require_in_time(stamp, int(told["X-Amz-Expires"]))
    else:
        match = HEADER.match(headers.get("Authorization", ""))
        if match is None:
            raise Wrong("AccessDenied")
        credential, names, signature = match.groups()
        stamp, payload = headers["X-Amz-Date"], headers["X-Amz-Content-SHA256"]
    if not credential.startswith(f"{key}/"):
        raise Wrong("InvalidAccessKeyId")
    asked = [method, path, _canonical(pairs), _headers(headers, names), names, payload]
    if not hmac.compare_digest(signature, _signature("\n".join(asked), stamp, credential, secret)):
        raise Wrong("SignatureDoesNotMatch")


def _require_in_time(stamp: str, seconds: int) -> None:
    made = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    if datetime.datetime.now(datetime.UTC) > made + datetime.timedelta(seconds=seconds):
        raise Wrong("ExpiredToken")


def _canonical(pairs: list[tuple[str, str]]) -> str:
    quoted = [[urllib.parse.quote(word, safe="-_.~") for word in pair] for pair in pairs]
    return "&".join(f"{name}={value}" for name, value in sorted(quoted))


def _headers(headers: Mapping[str, str], names: str) -> str:
    return "".join(f"{name}:{' '.join((headers.get(name) or '').split())}\n" for name in names.split(";"))


def _signature(asked: str, stamp: str, credential: str, secret: str) -> str:
    _, day, region, service, end = credential.split("/")
    made: Any = f"AWS4{secret}".encode()
    for part in (day, region, service, end):
        made = hmac.new(made, part.encode(), hashlib.sha256).digest()
    digest = hashlib.sha256(asked.encode()).hexdigest()
    words = f"AWS4-HMAC-SHA256\n{stamp}\n{day}/{region}/{service}/{end}\n{digest}"
    return hmac.new(made, words.encode(), hashlib.sha256).hexdigest()
