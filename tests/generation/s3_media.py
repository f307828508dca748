"""Media on the emulated S3, for tests that name the fixture `s3`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.storage import default_storage

from generation.media.bucket import Bucket
from tests.emulators import s3 as emulator


def options(url: str, **more: Any) -> dict[str, Any]:
    return {
        "bucket_name": "media",
        "endpoint_url": url,
        "public_url": url,
        "access_key": emulator.KEY,
        "secret_key": emulator.SECRET,
        "region_name": "eu-central-1",
        "patience_seconds": 4.0,
        **more,
    }


@pytest.fixture
def s3(settings: Any) -> Iterator[emulator.Store]:
    """Media of this test lie in a bucket of an S3 of its own."""
    with emulator.running() as (url, store):
        settings.STORAGES = {
            **settings.STORAGES,
            "default": {"BACKEND": "generation.media.bucket.Bucket", "OPTIONS": options(url)},
        }
        yield store


def bucket() -> Bucket:
    found = default_storage._wrapped  # type: ignore[attr-defined]
    assert isinstance(found, Bucket)
    return found
