"""A letter box for webhooks: keeps what is delivered to it, over real HTTP on the loopback."""

from __future__ import annotations

import contextlib
import http.server
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Letter:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Inbox:
    url: str = ""
    answer: int = 200
    letters: list[Letter] = field(default_factory=list)

    def wait(self, count: int, *, seconds: float = 5.0) -> list[Letter]:
        """The letters, once there are this many; raises AssertionError when they do not come."""
        until = time.monotonic() + seconds
        while len(self.letters) < count:
            assert time.monotonic() < until, f"{len(self.letters)} of {count} webhooks came"
            time.sleep(0.01)
        return list(self.letters)


@contextlib.contextmanager
def open_inbox() -> Iterator[Inbox]:
    inbox = Inbox()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", "0"))
            letter = Letter(self.path, dict(self.headers.items()), self.rfile.read(length))
            inbox.letters.append(letter)
            self.send_response(inbox.answer)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Keeps the test's output quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    inbox.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield inbox
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
