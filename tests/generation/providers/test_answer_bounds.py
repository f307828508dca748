"""Answers without end: none fills the memory, and none keeps a process of the web server."""

from __future__ import annotations

import asyncio
import gzip
import http.server
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from generation import accounts
from generation.providers import answers, clients
from generation.providers.protocol import ErrorClass, ProviderError
from tests.cast import Cast
from tests.generation import engine_rows

MOST = 200_000


class Talker(http.server.BaseHTTPRequestHandler):
    """Answers at /packed with JSON in gzip, at /bomb with far more than it sends, else without end."""

    sent = 0

    def log_message(self, *words: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        packed = {"/packed": {"seed": 7}, "/bomb": "x" * 20_000_000}.get(self.path)
        self.send_response(200)
        self.send_header("X-Request", "r-1")
        if packed is not None:
            body = gzip.compress(json.dumps(packed).encode())
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        self.end_headers()
        try:
            while Talker.sent < 50_000_000:
                Talker.sent += self.wfile.write(b"x" if "drip" in self.path else b"x" * 65_536)
                time.sleep(0.1 if "drip" in self.path else 0)
        except OSError:
            return

    do_POST = do_GET


@pytest.fixture
def talker(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    settings.PRIVATE_HOSTS = ["127.0.0.1"]
    monkeypatch.setattr(answers, "LARGEST", MOST)
    Talker.sent = 0
    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Talker)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listening.server_port}"
    listening.shutdown()
    listening.server_close()


def asked(address: str, *, submit: bool = False) -> httpx.Response:
    async def ask() -> httpx.Response:
        async with clients.opened() as client:
            if submit:
                return await answers.send(client, "POST", address, who="Talker")
            return await answers.ask(client, "GET", address, who="Talker")

    return asyncio.run(ask())


def test_an_answer_is_unpacked_and_keeps_its_headers(talker: str) -> None:
    told = asked(f"{talker}/packed")
    assert (told.json(), told.headers["x-request"], told.request.url.path) == ({"seed": 7}, "r-1", "/packed")


@pytest.mark.parametrize("path", ["/endless", "/bomb"])
def test_an_answer_without_end_is_left_off(talker: str, path: str) -> None:
    with pytest.raises(ProviderError, match="has more than") as caught:
        asked(f"{talker}{path}")
    assert caught.value.error_class is ErrorClass.UNAVAILABLE
    assert Talker.sent < 50_000_000


def test_a_submit_with_an_endless_answer_may_have_been_taken(talker: str) -> None:
    with pytest.raises(ProviderError, match="no answer came") as caught:
        asked(f"{talker}/endless", submit=True)
    assert caught.value.ambiguous


def test_the_test_of_an_account_ends_although_the_answer_does_not(
    cast: Cast, talker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "TEST_SECONDS", 1.0)
    row = engine_rows.account(cast.workspace, f"{talker}/drip", provider="comfyui")
    begun = time.monotonic()
    works, words = accounts.check_connection(account=row, by=cast.admin)
    assert (works, words) == (False, "ComfyUI did not end its answer within 1 s.")
    assert time.monotonic() - begun < 10
