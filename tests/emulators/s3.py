"""A small S3 over real HTTP on loopback: objects, ranges, lists, uploads in parts, signatures, and faults.

As the S3 API has it: https://docs.aws.amazon.com/AmazonS3/latest/API/. Path-style addresses only. A request
must name the right key and carry the signature that the secret gives (version 4); an address that was signed
for a browser must not have run out.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import email.utils
import hashlib
import http.server
import re
import socket
import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from xml.sax.saxutils import escape

from tests.emulators import s3_signature

KEY, SECRET = "emulated-key", "emulated-secret"
RANGE = re.compile(r"^bytes=(\d+)-(\d*)$")


@dataclasses.dataclass
class Fault:
    """What goes wrong with requests that match; `times` of them, and with all where it is None."""

    methods: str = "GET HEAD PUT POST DELETE"
    key: str = ""  # a regular expression; "" matches every key
    status: int = 0
    code: str = ""
    delay: float = 0.0
    cut_after: int | None = None  # bytes of the body, of the upload or the download
    times: int | None = None

    def meets(self, method: str, key: str) -> bool:
        if self.times == 0 or method not in self.methods.split() or not re.search(self.key, key):
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclasses.dataclass
class Object:
    content: bytes
    modified: datetime.datetime

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.content, usedforsecurity=False).hexdigest()}"'


@dataclasses.dataclass
class Upload:
    key: str
    begun: datetime.datetime
    parts: dict[int, bytes]


class Store:
    """Buckets and what is scripted to go wrong; shared by all requests."""

    def __init__(self, *buckets: str) -> None:
        self.buckets: dict[str, dict[str, Object]] = {name: {} for name in buckets}
        self.uploads: dict[str, Upload] = {}
        self.faults: list[Fault] = []
        self.asked: list[str] = []
        self.most_bytes: int | None = None
        self.page = 1000
        self.lock = threading.Lock()
        self.before_put: Callable[[str], None] = lambda key: None

    def objects(self, bucket: str = "media") -> dict[str, bytes]:
        return {key: found.content for key, found in sorted(self.buckets[bucket].items())}

    def age(self, key: str, age: datetime.timedelta, bucket: str = "media") -> None:
        """Lets an object have been written so long ago."""
        self.buckets[bucket][key].modified -= age

    def fault(self, **options: Any) -> Fault:
        self.faults.append(Fault(**options))
        return self.faults[-1]


class Problem(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Store
    fault: Fault | None

    def log_message(self, format: str, *arguments: Any) -> None:
        pass

    def do_any(self) -> None:
        parts = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        bucket, _, key = urllib.parse.unquote(parts.path.lstrip("/")).partition("/")
        self.store.asked.append(f"{self.command} {key}".strip())
        try:
            self.fault = next((f for f in self.store.faults if f.meets(self.command, key)), None)
            if self.fault and self.fault.delay:
                time.sleep(self.fault.delay)
            body = self._body()
            if self.fault and self.fault.status:
                raise Problem(self.fault.status, self.fault.code)
            s3_signature.check(self.command, self.path, self.headers, key=KEY, secret=SECRET)
            self._answer(bucket, key, query, body)
        except s3_signature.Wrong as wrong:
            self._problem(Problem(403, str(wrong)))
        except Problem as problem:
            self._problem(problem)
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_any

    def _body(self) -> bytes:
        left = int(self.headers.get("Content-Length") or 0)
        if self.fault and self.fault.cut_after is not None and self.command in ("PUT", "POST"):
            self.rfile.read(min(left, self.fault.cut_after))
            self._cut()
        body = self.rfile.read(left)
        if len(body) < left:
            raise ConnectionError
        return body

    def _cut(self) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)
        raise ConnectionError

    def _answer(self, bucket: str, key: str, query: dict[str, str], body: bytes) -> None:
        objects = self.store.buckets.get(bucket)
        if objects is None:
            raise Problem(404, "NoSuchBucket")
        if not key:
            self._of_bucket(bucket, objects, query)
        elif "uploads" in query or "uploadId" in query:
            self._in_parts(objects, key, query, body)
        elif self.command == "PUT":
            self.store.before_put(key)
            self._put(objects, key, body)
            self._reply(200, ETag=objects[key].etag)
        elif self.command == "DELETE":
            objects.pop(key, None)
            self._reply(204)
        elif key not in objects:
            raise Problem(404, "NoSuchKey")
        else:
            self._get(objects[key], query)

    def _put(self, objects: dict[str, Object], key: str, body: bytes) -> None:
        with self.store.lock:
            used = sum(len(found.content) for found in objects.values())
            if self.store.most_bytes is not None and used + len(body) > self.store.most_bytes:
                raise Problem(507, "XMinioStorageFull")
            objects[key] = Object(body, now())

    def _get(self, found: Object, query: dict[str, str]) -> None:
        content, status, told = found.content, 200, {}
        if match := RANGE.match(self.headers.get("Range", "")):
            first = int(match[1])
            last = min(int(match[2] or len(content) - 1), len(content) - 1)
            if first > last:
                raise Problem(416, "InvalidRange")
            told["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
            content, status = content[first : last + 1], 206
        for name in ("Content-Type", "Content-Disposition", "Cache-Control"):
            if wanted := query.get(f"response-{name.lower()}"):
                told[name] = wanted
        modified = email.utils.format_datetime(found.modified, usegmt=True)
        told.setdefault("Content-Type", "binary/octet-stream")
        self._reply(status, content, ETag=found.etag, **{"Last-Modified": modified}, **told)

    def _of_bucket(self, bucket: str, objects: dict[str, Object], query: dict[str, str]) -> None:
        if self.command == "HEAD":
            self._reply(200)
        elif "uploads" in query:
            rows = "".join(
                f"<Upload><Key>{escape(up.key)}</Key><UploadId>{name}</UploadId>"
                f"<Initiated>{up.begun:%Y-%m-%dT%H:%M:%S.000Z}</Initiated></Upload>"
                for name, up in self.store.uploads.items()
            )
            listed = f"<Bucket>{bucket}</Bucket><IsTruncated>false</IsTruncated>{rows}"
            self._xml("ListMultipartUploadsResult", listed)
        else:
            self._list(objects, query)

    def _list(self, objects: dict[str, Object], query: dict[str, str]) -> None:
        after = query.get("continuation-token", "")
        prefix = query.get("prefix", "")
        names = [name for name in sorted(objects) if name > after and name.startswith(prefix)]
        page = names[: self.store.page]
        more = len(names) > len(page)
        rows = "".join(
            f"<Contents><Key>{escape(name)}</Key><Size>{len(objects[name].content)}</Size>"
            f"<ETag>{objects[name].etag}</ETag>"
            f"<LastModified>{objects[name].modified:%Y-%m-%dT%H:%M:%S.000Z}</LastModified></Contents>"
            for name in page
        )
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        head = f"<IsTruncated>{str(more).lower()}</IsTruncated><KeyCount>{len(page)}</KeyCount>{token}"
        self._xml("ListBucketResult", head + rows)

    def _in_parts(self, objects: dict[str, Object], key: str, query: dict[str, str], body: bytes) -> None:
        if "uploads" in query:
            name = uuid.uuid4().hex
            self.store.uploads[name] = Upload(key, now(), {})
            self._xml("InitiateMultipartUploadResult", f"<Key>{escape(key)}</Key><UploadId>{name}</UploadId>")
            return
        upload = self.store.uploads.get(query["uploadId"])
        if upload is None:
            raise Problem(404, "NoSuchUpload")
        if self.command == "PUT":
            upload.parts[int(query["partNumber"])] = body
            self._reply(200, ETag=Object(body, now()).etag)
        elif self.command == "DELETE":
            del self.store.uploads[query["uploadId"]]
            self._reply(204)
        else:
            self._put(objects, key, b"".join(upload.parts[number] for number in sorted(upload.parts)))
            del self.store.uploads[query["uploadId"]]
            self._xml("CompleteMultipartUploadResult", f"<ETag>{escape(objects[key].etag)}</ETag>")

    def _xml(self, name: str, content: str) -> None:
        body = (
            f'<?xml version="1.0"?><{name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{content}</{name}>'
        )
        self._reply(200, body.encode(), **{"Content-Type": "application/xml"})

    def _problem(self, problem: Problem) -> None:
        body = f"<Error><Code>{problem.code}</Code><Message>{problem.code}</Message></Error>".encode()
        self._reply(problem.status, body, **{"Content-Type": "application/xml"})

    def _reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.fault and self.fault.cut_after is not None and len(body) > self.fault.cut_after:
            self.wfile.write(body[: self.fault.cut_after])
            self.wfile.flush()
            self._cut()
        self.wfile.write(body)


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def server_of(store: Store, port: int = 0, host: str = "127.0.0.1") -> Server:
    return Server((host, port), type("Emulated", (Handler,), {"store": store}))


@contextmanager
def running(*buckets: str, port: int = 0) -> Iterator[tuple[str, Store]]:
    """Its address and its store, served by threads of this process until the block ends."""
    store = Store(*(buckets or ("media",)))
    server = server_of(store, port)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", store
    finally:
        server.shutdown()
        server.server_close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.emulators.s3", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--bucket", default="media")
    options = parser.parse_args()
    server_of(Store(options.bucket), options.port, options.host).serve_forever()


if __name__ == "__main__":
    main()
