"""S3-compatible storage, by django-storages: read in windows, written whole, its troubles in plain words.

An object is there whole or not at all: an upload that breaks off leaves no object. No more than one window
is under way, and no more than one piece of it in memory.
"""

from __future__ import annotations

import contextlib
import datetime
import io
import os
import threading
from collections.abc import Iterator
from typing import Any, cast

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import File
from storages.backends.s3 import S3Storage

from generation.media import troubles
from generation.media.store import Listed

WINDOW = 1024 * 1024
LARGEST_WINDOW = 16 * 1024 * 1024
PART = 16 * 1024 * 1024
TRIES = 2
CONNECTIONS = 32


class Bucket(S3Storage):  # type: ignore[misc]
    """A bucket as Django's storages are; raises StorageAway, StorageFull and FileNotFoundError."""

    _lock = threading.Lock()

    def __init__(self, *, patience_seconds: float = 20.0, public_url: str = "", **options: Any) -> None:
        self.public_url = public_url
        self._made: dict[tuple[int, str], Any] = {}
        super().__init__(
            file_overwrite=True,  # the same bytes have the same name
            client_config=_config(patience_seconds, options.get("addressing_style")),
            transfer_config=TransferConfig(
                multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=2
            ),
            **options,
        )

    @property
    def client(self) -> Any:
        """One for all threads of a process: it takes a tenth of a second to make, and is safe to share."""
        return self._client(self.endpoint_url, self.client_config)

    def _client(self, endpoint: str | None, config: Config) -> Any:
        key = (os.getpid(), endpoint or "")
        with self._lock:
            if key not in self._made:
                self._made[key] = self._create_session().client(
                    "s3",
                    region_name=self.region_name,
                    use_ssl=self.use_ssl,
                    endpoint_url=endpoint,
                    config=config,
                    verify=self.verify,
                )
            return self._made[key]

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        remote = Remote(self, self._normalize_name(name))
        return File(io.BufferedReader(remote), name=name)

    def _save(self, name: str, content: File[bytes]) -> str:
        if content.seekable():
            content.seek(0)
        with self.spoken():
            self.client.upload_fileobj(
                content, self.bucket_name, self._normalize_name(name), Config=self.transfer_config
            )
        return name

    def delete(self, name: str) -> None:
        with self.spoken():
            self.client.delete_object(Bucket=self.bucket_name, Key=self._normalize_name(name))

    def get_modified_time(self, name: str) -> datetime.datetime:
        """When an object was written last; raises FileNotFoundError."""
        with self.spoken():
            head = self.client.head_object(Bucket=self.bucket_name, Key=self._normalize_name(name))
        return cast(datetime.datetime, head["LastModified"])

    def exists(self, name: str) -> bool:
        """Whether the object is there; raises StorageAway where the bucket is not."""
        try:
            self.get_modified_time(name)
        except FileNotFoundError:
            self.require_bucket()  # a 404 to HEAD has no words
            return False
        return True

    def require_bucket(self) -> None:
        """Raises StorageAway where the bucket is not there or not ours."""
        with self.spoken():
            try:
                self.client.head_bucket(Bucket=self.bucket_name)
            except ClientError as error:
                if troubles.status_of(error) == 404:
                    raise troubles.no_bucket(self.bucket_name) from error
                raise

    def size(self, name: str) -> int:
        with self._open(name) as file:
            return int(file.seek(0, 2))

    def walk(self, prefix: str = "") -> Iterator[Listed]:
        """Every object whose name begins so, by name; the list is fetched by the thousand."""
        lists = self.client.get_paginator("list_objects_v2")
        pages = lists.paginate(Bucket=self.bucket_name, Prefix=prefix)
        with self.spoken():
            for page in pages:
                for entry in page.get("Contents", ()):
                    yield Listed(entry["Key"], entry["Size"], entry["LastModified"])

    def unfinished(self) -> Iterator[tuple[str, str, datetime.datetime]]:
        """Uploads in parts that nobody has completed: key, number, and when they were begun."""
        pages = self.client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket_name)
        with self.spoken():
            for page in pages:
                for entry in page.get("Uploads", ()):
                    yield entry["Key"], entry["UploadId"], entry["Initiated"]

    def abort(self, key: str, upload: str) -> None:
        """Gives up an upload in parts; the storage drops what came of it."""
        with self.spoken():
            self.client.abort_multipart_upload(Bucket=self.bucket_name, Key=key, UploadId=upload)

    def signed(self, name: str, *, seconds: int, media_type: str, disposition: str) -> str:
        """An address at which a browser gets the object, for so long; nothing is asked of the storage."""
        by_path = self.client_config.merge(Config(s3={"addressing_style": "path"}))
        client = self._client(self.public_url, by_path)
        told = {"ResponseContentType": media_type, "ResponseCacheControl": f"private, max-age={seconds}"}
        if disposition:
            told["ResponseContentDisposition"] = disposition
        place = {"Bucket": self.bucket_name, "Key": self._normalize_name(name), **told}
        return str(client.generate_presigned_url("get_object", Params=place, ExpiresIn=seconds))

    @contextlib.contextmanager
    def spoken(self) -> Iterator[None]:
        """Lets out StorageAway, StorageFull or FileNotFoundError instead of the client's own errors."""
        try:
            yield
        except (BotoCoreError, ClientError, Boto3Error) as error:
            raise troubles.told(error, bucket=self.bucket_name) from error


class Remote(io.RawIOBase):
    """An object that is read from any place, in windows that grow while one reads on.

    A window that breaks off is asked for once more from where it broke. Raises FileNotFoundError at once.
    """

    def __init__(self, bucket: Bucket, key: str) -> None:
        self._bucket, self._key = bucket, key
        self._place = 0
        self._body: Any = None
        self._left = 0
        self._window = WINDOW
        self._size = self._measured()

    def _measured(self) -> int:
        """By a range and not by HEAD, whose 404 cannot tell a missing object from a missing bucket."""
        with self._bucket.spoken():
            try:
                got = self._get("bytes=0-0")
            except ClientError as error:
                if troubles.status_of(error) == 416:
                    return 0
                raise
        got["Body"].read()
        return int(got["ContentRange"].rpartition("/")[2])

    def _get(self, span: str) -> Any:
        return self._bucket.client.get_object(Bucket=self._bucket.bucket_name, Key=self._key, Range=span)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        place = max(0, base + offset)
        if place != self._place:
            self._drop()
            self._window = WINDOW
        self._place = place
        return place

    def readinto(self, buffer: Any, /) -> int:
        wanted = min(len(buffer), self._size - self._place)
        if wanted <= 0:
            return 0
        piece = self._piece(wanted)
        buffer[: len(piece)] = piece
        self._place += len(piece)
        self._left -= len(piece)
        return len(piece)

    def _piece(self, wanted: int) -> bytes:
        for last in (False, True):
            try:
                with self._bucket.spoken():
                    if not self._left:
                        self._next_window()
                    if piece := self._body.read(min(wanted, self._left)):
                        return bytes(piece)
                raise troubles.cut_off()
            except OSError as error:
                self._drop()
                if last or isinstance(error, FileNotFoundError):
                    raise
        raise AssertionError

    def _next_window(self) -> None:
        self._drop()
        end = min(self._place + self._window, self._size)
        self._body = self._get(f"bytes={self._place}-{end - 1}")["Body"]
        self._left = end - self._place
        self._window = min(self._window * 2, LARGEST_WINDOW)

    def _drop(self) -> None:
        if self._body is not None:
            self._body.close()
        self._body, self._left = None, 0

    def close(self) -> None:
        self._drop()
        super().close()


def _config(patience_seconds: float, addressing: str | None) -> Config:
    return Config(
        signature_version="s3v4",
        connect_timeout=min(5.0, patience_seconds),
        read_timeout=patience_seconds,
        retries={"total_max_attempts": TRIES, "mode": "standard"},
        max_pool_connections=CONNECTIONS,
        request_checksum_calculation="when_required",  # others than Amazon's do not know the newer ones
        response_checksum_validation="when_required",
        s3={"addressing_style": addressing or "auto"},
    )
