"""Fetching results over real HTTP on loopback: limits of size, time, type and place."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import http.server
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from generation.media import download, store
from generation.media.limits import DEFAULT, Limits, MalformedMedia, StorageAway, TooLarge
from generation.providers import clients

BODY = b"\x89PNG" + b"pixels" * 20_000


class Answers(http.server.BaseHTTPRequestHandler):
    """What a provider's file host may do, well or badly."""

    def do_GET(self) -> None:
        name = self.path.strip("/").partition("/")[0]
        getattr(self, f"give_{name}")()

    def log_message(self, format: str, *arguments: Any) -> None:
        pass

    def give(self, status: int = 200, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        headers.setdefault("Content_Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def give_good(self) -> None:
        self.give(body=BODY, Content_Type="image/png")

    def give_gone(self) -> None:
        self.give(404)

    def give_busy(self) -> None:
        self.give(503)

    def give_empty(self) -> None:
        self.give()

    def give_half(self) -> None:
        self.give(body=BODY[:100], Content_Length=str(len(BODY)))

    def give_endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(bytes(65_536))
        except OSError:
            return

    def give_slow(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        time.sleep(1)

    def give_moved(self) -> None:
        self.give(302, Location="/good")

    def give_round(self) -> None:
        self.give(302, Location="/round")

    def give_inside(self) -> None:
        self.give(302, Location="https://169.254.169.254/latest/meta-data/")

    def give_file(self) -> None:
        self.give(302, Location="file:///etc/passwd")


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _loopback_is_meant(settings: Any) -> None:
    settings.PRIVATE_HOSTS = ["127.0.0.1"]


def fetch(url: str, *, limits: Limits = DEFAULT, **options: Any) -> store.Stored:
    async def work() -> store.Stored:
        async with clients.opened() as client:
            options.setdefault("look", lambda path, sha256: None)
            stored, _ = await download.fetch(client, url, limits=limits, **options)
            return stored

    return asyncio.run(work())


def kept() -> list[Path]:
    root = Path(django_settings.MEDIA_ROOT)
    return [path for path in root.rglob("*") if path.is_file()]


def refused(url: str, **options: Any) -> download.DownloadFailed:
    with pytest.raises(download.DownloadFailed) as caught:
        fetch(url, **options)
    assert kept() == []
    return caught.value


def test_a_file_is_fetched_into_the_store(host: str) -> None:
    found = fetch(f"{host}/good")
    assert found.size == len(BODY)
    with store.open(found.name) as file:
        assert file.read() == BODY


def test_a_redirect_to_the_same_kind_of_host_is_followed(host: str) -> None:
    assert fetch(f"{host}/moved").size == len(BODY)


def test_redirects_end(host: str) -> None:
    assert refused(f"{host}/round").detail == "The address redirects more than 5 times."


def test_a_redirect_inwards_is_refused(host: str) -> None:
    error = refused(f"{host}/inside")
    assert "169.254.169.254 is not a public host" in error.detail
    assert not error.retryable


def test_a_redirect_to_a_file_is_refused(host: str) -> None:
    assert "begins with 'file'" in refused(f"{host}/file").detail


def test_a_private_host_is_refused_unless_named(host: str, settings: Any) -> None:
    settings.PRIVATE_HOSTS = []
    assert "PRIVATE_HOSTS" in refused(f"{host}/good").detail
    port = host.rpartition(":")[2]
    assert "127.0.0.1 is not a public host" in refused(f"https://127.0.0.1:{port}/good").detail
    assert "localhost is not a public host" in refused(f"https://localhost:{port}/good").detail


@pytest.mark.parametrize("address", ["10.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "192.168.1.1", "0.0.0.0"])
def test_addresses_of_private_networks_are_refused(address: str) -> None:
    assert "is not a public host" in refused(f"https://{address}/a.png").detail


@pytest.mark.parametrize(("name", "status", "retryable"), [("gone", 404, False), ("busy", 503, True)])
def test_an_error_says_whether_trying_again_helps(host: str, name: str, status: int, retryable: bool) -> None:
    error = refused(f"{host}/{name}")
    assert (error.status, error.retryable) == (status, retryable)


def test_a_file_that_breaks_off_may_be_tried_again(host: str) -> None:
    assert refused(f"{host}/half").retryable


def test_a_file_that_comes_too_slowly_may_be_tried_again(host: str) -> None:
    error = refused(f"{host}/slow", timeout_seconds=0.2)
    assert (error.detail, error.retryable) == ("The file did not arrive within 0.2 s.", True)


def test_a_file_without_end_is_cut_at_the_limit(host: str) -> None:
    with pytest.raises(TooLarge):
        fetch(f"{host}/endless", limits=dataclasses.replace(DEFAULT, bytes=300_000))
    assert kept() == []


def test_a_file_that_declares_too_many_bytes_is_not_begun(host: str) -> None:
    with pytest.raises(TooLarge):
        fetch(f"{host}/good", limits=dataclasses.replace(DEFAULT, bytes=1000))
    assert kept() == []


def test_success_without_media_is_refused(host: str) -> None:
    with pytest.raises(MalformedMedia, match="empty"):
        fetch(f"{host}/empty")
    assert kept() == []


def test_a_file_is_looked_into_before_it_is_kept(host: str) -> None:
    seen = []

    def look(path: Path, sha256: str) -> None:
        seen.append((path.read_bytes(), sha256))
        raise MalformedMedia("It is no picture.")

    with pytest.raises(MalformedMedia, match="It is no picture"):
        fetch(f"{host}/good", look=look)
    assert seen == [(BODY, hashlib.sha256(BODY).hexdigest())]
    assert kept() == []


def test_a_storage_that_is_slow_is_no_fault_of_the_provider(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is waited for without end, while a provider's file is given up after some tries."""
    monkeypatch.setattr(download, "KEEP_SECONDS", 0.1)
    monkeypatch.setattr(store.Incoming, "keep", lambda self: time.sleep(0.5))
    with pytest.raises(StorageAway, match="did not take a file within"):
        fetch(f"{host}/good", timeout_seconds=0.2)
