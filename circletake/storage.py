"""Where files lie, from the environment: a folder, or a bucket of S3-compatible storage."""

from __future__ import annotations

import urllib.parse
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured


def media(env: environ.Env) -> dict[str, Any]:
    """The storage of media as `STORAGES` takes it: `MEDIA_BUCKET` names a bucket, else it is `MEDIA_ROOT`."""
    bucket = env.str("MEDIA_BUCKET", "")
    if not bucket:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    return {
        "BACKEND": "generation.media.bucket.Bucket",
        "OPTIONS": {
            "bucket_name": bucket,
            "endpoint_url": env.str("MEDIA_ENDPOINT_URL", "") or None,
            "addressing_style": env.str("MEDIA_ADDRESSING", "auto"),
            "patience_seconds": env.float("MEDIA_PATIENCE_SECONDS", 20.0),
            "public_url": public_url(env),
        },
    }


def redirect_seconds(env: environ.Env) -> int:
    """How long a signed address of a file is good for; 0 streams every file through the web server."""
    seconds = int(env.int("MEDIA_REDIRECT_SECONDS", 0))
    if seconds and not (env.str("MEDIA_BUCKET", "") and public_url(env)):
        raise ImproperlyConfigured(
            "MEDIA_REDIRECT_SECONDS sends browsers to the storage: set MEDIA_BUCKET, and MEDIA_PUBLIC_URL to "
            "the address at which browsers reach it (https://s3.eu-central-1.amazonaws.com, for one)."
        )
    return seconds


def public_url(env: environ.Env) -> str:
    """The storage as browsers reach it, without a path; the endpoint itself unless said otherwise."""
    parts = urllib.parse.urlsplit(env.str("MEDIA_PUBLIC_URL", "") or env.str("MEDIA_ENDPOINT_URL", ""))
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
