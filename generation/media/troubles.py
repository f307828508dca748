"""What is wrong with a bucket, in words that name the remedy; and what of it is worth waiting for."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ReadTimeoutError,
)

from generation.media.limits import StorageAway, StorageFull

REFUSED = (401, 403)
FULL_STATUS = 507
FULL = frozenset({"QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "InsufficientCapacity"})
NO_KEY = "no key is set for it (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)"


def status_of(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def no_bucket(name: str) -> StorageAway:
    return StorageAway(f"there is no bucket {name}: create it, or mend MEDIA_BUCKET")


def cut_off() -> StorageAway:
    return StorageAway("it broke off in the midst of a file")


def told(error: Any, *, bucket: str) -> OSError:
    """The error of the storage's client as one of ours. A missing object is FileNotFoundError."""
    if isinstance(error, ClientError):
        return _answered(error, bucket)
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return StorageAway(NO_KEY)
    if isinstance(error, EndpointConnectionError | ConnectTimeoutError):
        return StorageAway("it cannot be reached")
    if isinstance(error, ReadTimeoutError):
        return StorageAway("it does not answer in time")
    return StorageAway(f"the connection failed ({type(error).__name__})")


def _answered(error: ClientError, bucket: str) -> OSError:
    code, status = str(error.response.get("Error", {}).get("Code", "")), status_of(error)
    if code == "NoSuchBucket":
        return no_bucket(bucket)
    if status == 404:
        return FileNotFoundError(f"The object is not in the bucket {bucket}.")
    if status == FULL_STATUS or code in FULL:
        return StorageFull("There is no room left in the bucket; nothing was kept. Make room and try again.")
    if status in REFUSED:
        return StorageAway(f"it refuses our key ({code or status}): mend the AWS_… settings or its policy")
    return StorageAway(f"it answers {status} {code}".strip())
