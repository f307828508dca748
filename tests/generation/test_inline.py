"""Outputs that come inside an answer, answers that bring the end at once, and files that want the key."""

from __future__ import annotations

import asyncio
import dataclasses
import http.server
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from generation import inline
from generation.media import download, store
from generation.media.limits import MalformedMedia, StorageFull
from generation.models import Call, ProviderAccount
from generation.providers import clients, fal
from generation.providers.protocol import ErrorClass, Job, JobState, Output, Status, Submitted
from projects.models import Take
from tests.cast import Cast
from tests.emulators import media
from tests.generation import engine_rows
from tests.generation.conftest import Fal
from tests.generation.engine_rows import FLUX, Engine

PICTURE = media.jpeg(seed="inline", width=320, height=192, size=20_000)


def kept(*outputs: Output) -> Status:
    return asyncio.run(inline.kept(Status(JobState.SUCCEEDED, outputs=outputs)))


def test_bytes_are_stored_under_their_hash_and_go_no_further() -> None:
    status = kept(Output(data=PICTURE, media_type="image/jpeg"), Output(text="words"))
    first, second = status.outputs
    assert (first.data, first.url[:6], second.text) == (b"", "store:", "words")
    assert store.open(first.url[6:]).read() == PICTURE
    assert inline.row(first)["url"] == first.url
    with pytest.raises(ValueError, match="stored before"):
        inline.row(Output(data=PICTURE))


def test_a_file_that_is_too_large_fails_the_job_and_was_charged(monkeypatch: pytest.MonkeyPatch) -> None:
    def put(source: Any) -> Any:
        raise MalformedMedia("The file is larger than it may be.")

    monkeypatch.setattr(store, "put", put)
    status = kept(Output(data=PICTURE))
    assert status.error is not None
    assert (status.state, status.outputs) == (JobState.FAILED, ())
    assert (status.error.error_class, status.error.charged) == (ErrorClass.MALFORMED_OUTPUT, True)


def test_a_full_disk_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, tried = store.put, []

    def put(source: Any) -> Any:
        tried.append(1)
        if len(tried) < 3:
            raise StorageFull(28, "no room")
        return plain(source)

    monkeypatch.setattr(store, "put", put)
    monkeypatch.setattr(inline, "ROOM_PAUSE_SECONDS", 0.01)
    assert kept(Output(data=PICTURE)).state is JobState.SUCCEEDED
    assert len(tried) == 3


# -- the end with the answer ----------------------------------------------------------------------


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets fal answer a submit with more than a job's id."""
    plain = fal.provider.submit

    def with_status(status: Status) -> None:
        async def submit(client: Any, *, account: Any, job: Job) -> Submitted:
            answer = await plain(client, account=account, job=job)
            return dataclasses.replace(answer, status=status)

        monkeypatch.setattr(fal.provider, "submit", submit, False)

    return with_status


def ask(cast: Cast) -> Take:
    return engine_rows.take(
        cast.deliverable, engine_rows.step(models=[FLUX], amount="0.05"), person=cast.producer.person
    )


def test_an_answer_that_brings_the_result_is_not_polled(
    cast: Cast, engine: Engine, fal: Fal, answers: Any
) -> None:
    answers(Status(JobState.SUCCEEDED, outputs=(Output(data=PICTURE, media_type="image/jpeg"),)))
    take = ask(cast)
    engine.submit()
    engine.collect()
    take.refresh_from_db()
    assert (take.state, fal.jobs[0]["polls"]) == ("ready", 0)
    assert Call.objects.get().posted == Decimal("0.05")


def test_an_answer_that_brings_a_failure_is_not_polled_either(
    cast: Cast, engine: Engine, fal: Fal, answers: Any
) -> None:
    answers(Status(JobState.BLOCKED, billed_units=Decimal(0)))
    take = ask(cast)
    engine.submit()
    take.refresh_from_db()
    assert (take.state, fal.jobs[0]["polls"], engine_rows.open_holds(take)) == ("failed", 0, 0)


def test_an_answer_that_says_that_it_waits_is_polled(
    cast: Cast, engine: Engine, fal: Fal, answers: Any
) -> None:
    answers(Status(JobState.QUEUED))
    take = ask(cast)
    engine.submit()
    fal.finish_all(engine)
    engine.until_quiet()
    take.refresh_from_db()
    assert take.state == "ready"


# -- files that want the key ----------------------------------------------------------------------


class Guarded(http.server.BaseHTTPRequestHandler):
    """Gives a picture to whoever has the key, here or after a redirect elsewhere."""

    seen: list[tuple[int, str, str]] = []

    def do_GET(self) -> None:
        key = self.headers.get("x-key", "")
        port = self.server.server_address[1]
        self.seen.append((port, self.path, key))
        if self.path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.1:{self.path.rpartition('/')[2]}/free")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        right = self.path == "/free" or key == "the-key"
        self.send_response(200 if right else 403)
        self.send_header("Content-Length", str(len(PICTURE) if right else 0))
        self.end_headers()
        self.wfile.write(PICTURE if right else b"")

    def log_message(self, format: str, *arguments: Any) -> None:
        """Keeps the test's output quiet."""


@pytest.fixture
def hosts(settings: Any) -> Iterator[tuple[int, int]]:
    """Two hosts, told apart by their ports."""
    settings.PRIVATE_HOSTS = ["127.0.0.1"]
    Guarded.seen = []
    servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), Guarded) for _ in range(2)]
    for server in servers:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield servers[0].server_address[1], servers[1].server_address[1]
    for server in servers:
        server.shutdown()
        server.server_close()


def fetch(url: str, vouching: download.Vouching | None) -> int:
    async def ask() -> int:
        async with clients.opened() as client:
            stored, _ = await download.fetch(client, url, look=lambda path, sha256: None, vouching=vouching)
            return stored.size

    return asyncio.run(ask())


def test_the_key_goes_to_the_accounts_own_host_alone(hosts: tuple[int, int]) -> None:
    own, other = hosts
    vouching = download.Vouching(f"http://127.0.0.1:{own}/v1", {"x-key": "the-key"})
    assert fetch(f"http://127.0.0.1:{own}/file", vouching) == len(PICTURE)
    with pytest.raises(download.DownloadFailed):
        fetch(f"http://127.0.0.1:{other}/file", vouching)
    with pytest.raises(download.DownloadFailed):
        fetch(f"http://127.0.0.1:{own}/file", None)
    assert [key for port, _, key in Guarded.seen if port == other] == [""]


def test_over_a_redirect_to_another_host_the_key_does_not_go_along(hosts: tuple[int, int]) -> None:
    own, other = hosts
    vouching = download.Vouching(f"http://127.0.0.1:{own}/v1", {"x-key": "the-key"})
    assert fetch(f"http://127.0.0.1:{own}/moved/{other}", vouching) == len(PICTURE)
    assert [(port, key) for port, _, key in Guarded.seen] == [(own, "the-key"), (other, "")]


def test_an_output_that_wants_the_key_is_collected_with_the_accounts_headers(
    cast: Cast, engine: Engine, fal: Fal, hosts: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from generation.providers import fal as adapter

    own, _ = hosts
    take = ask(cast)
    engine.submit()
    fal.program.advance(10)
    engine.later(10)
    engine.poll()
    output = {"url": f"http://127.0.0.1:{own}/file", "media_type": "image/jpeg", "authorized": True}
    Call.objects.update(outputs=[output])
    ProviderAccount.objects.update(base_url=f"http://127.0.0.1:{own}")
    monkeypatch.setattr(
        adapter.provider, "download_headers", lambda account: {"x-key": "the-key"}, raising=False
    )
    engine.collect()
    take.refresh_from_db()
    assert (take.state, Guarded.seen) == ("ready", [(own, "/file", "the-key")])
