"""What the shared clients promise: one TLS context, one client a loop, and the truth about what was sent."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable

import httpx
import pytest

from generation.providers import clients, registry
from generation.providers.protocol import Account
from tests.emulators.server import Running


def failing_post(address: str) -> httpx.TransportError:
    async def ask() -> httpx.TransportError:
        async with clients.opened(timeout=httpx.Timeout(0.3)) as client:
            with pytest.raises(httpx.TransportError) as caught:
                await client.post(address, json={"prompt": "A lighthouse"})
            return caught.value

    return asyncio.run(ask())


def one_connection(answer: Callable[[socket.socket], None]) -> str:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener, listener.accept()[0] as connection:
            connection.recv(65536)
            answer(connection)

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}/"


def test_a_refused_connection_was_never_sent(emulator: Running) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = failing_post(f"http://127.0.0.1:{unused.getsockname()[1]}/")
    assert clients.never_sent(error)


def test_a_private_address_that_nobody_named_was_never_sent(emulator: Running) -> None:
    assert clients.never_sent(failing_post("http://10.0.0.1/"))


def test_a_connection_that_was_cut_before_the_answer_may_have_been_sent(emulator: Running) -> None:
    error = failing_post(one_connection(lambda connection: None))
    assert not clients.never_sent(error)


def test_an_answer_that_was_cut_in_the_middle_may_have_been_sent(emulator: Running) -> None:
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"
    error = failing_post(one_connection(lambda connection: connection.sendall(half)))
    assert not clients.never_sent(error)


def test_an_answer_that_did_not_come_in_time_may_have_been_sent(emulator: Running) -> None:
    done = threading.Event()

    def wait(connection: socket.socket) -> None:
        done.wait(2)

    error = failing_post(one_connection(wait))
    done.set()
    assert isinstance(error, httpx.ReadTimeout)
    assert not clients.never_sent(error)


def test_all_clients_share_one_tls_context() -> None:
    assert clients.tls_context() is clients.tls_context()


def test_a_provider_is_found_by_its_name_and_an_unknown_name_says_which_there_are() -> None:
    assert registry.get("fal").name == "fal"
    assert registry.base_url("fal") == "https://queue.fal.run"
    account = Account(id="1", provider="fal", key="", base_url=registry.base_url("fal"))
    assert registry.get("fal").key_set_address(account) == "https://rest.fal.ai/.well-known/jwks.json"
    with pytest.raises(registry.UnknownProvider, match=r"known are .*builtin, .*fal"):
        registry.get("nobody")
