"""Starts the program: as a command, or in a thread of a test on a free port of the loopback."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import socket
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

import uvicorn

from tests.emulators.app import Emulator

HOST = "127.0.0.1"


def server_for(emulator: Emulator, *, certificate: pathlib.Path | None = None) -> uvicorn.Server:
    files: dict[str, Any] = {}
    if certificate is not None:
        files = {"ssl_certfile": str(certificate), "ssl_keyfile": str(certificate)}
    config = uvicorn.Config(
        emulator,
        lifespan="on",
        log_level="warning",
        access_log=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=1,
        backlog=4096,
        **files,
    )
    server = uvicorn.Server(config)
    emulator.connections = lambda: server.server_state.connections
    return server


class Running:
    """A running program, steered over HTTP like any caller would."""

    def __init__(self, url: str, emulator: Emulator) -> None:
        self.url = url
        self.fal_url = self.url_of("fal")
        self.emulator = emulator  # for the log and the clock without a round trip; same process

    def script(self, *rules: Mapping[str, Any], **defaults: Any) -> None:
        """Replaces the script: rules as `{"match": …, "behaviour": …}`, defaults as fields."""
        self.emulator.script.load({"rules": [dict(rule) for rule in rules], "defaults": defaults})

    def log(self) -> list[dict[str, Any]]:
        """Every accepted job, oldest first."""
        jobs: list[dict[str, Any]] = self.emulator.log()["jobs"]
        return jobs

    def url_of(self, provider: str) -> str:
        """The base address of a provider."""
        return f"{self.url}/{provider}"

    def refused(self, provider: str = "fal") -> dict[str, int]:
        return dict(self.emulator.providers[provider].refused)

    def advance(self, seconds: float) -> None:
        """Puts the providers' clock forward."""
        body = json.dumps({"advance": seconds}).encode()
        request = urllib.request.Request(f"{self.url}/_control/clock", body, method="POST")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        opener.open(request, timeout=10).close()

    def reset(self) -> None:
        self.emulator.reset()


@contextlib.contextmanager
def running(
    *,
    seed: int = 1,
    certificate: pathlib.Path | None = None,
    **defaults: Any,
) -> Iterator[Running]:
    """The program in a thread until the block ends; `defaults` are fields of `Behaviour`."""
    emulator = Emulator(seed=seed, defaults=defaults)
    server = server_for(emulator, certificate=certificate)
    listener = socket.socket()
    listener.bind((HOST, 0))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
        if not thread.is_alive():
            raise RuntimeError("The emulated providers did not start.")
    scheme = "http" if certificate is None else "https"
    try:
        yield Running(f"{scheme}://{HOST}:{listener.getsockname()[1]}", emulator)
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.emulators", description=__doc__)
    parser.add_argument("--host", default=HOST)
    parser.add_argument("--port", type=int, default=9100)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3)))
    parser.add_argument("--latency", default="1", help="seconds, or a range such as 60-180")
    parser.add_argument("--certificate", type=pathlib.Path, help="PEM with key: serve https")
    parser.add_argument("--script", type=pathlib.Path, help="JSON as POST /_control/script takes it")
    options = parser.parse_args()
    emulator = Emulator(seed=options.seed, defaults={"latency": options.latency})
    if options.script:
        emulator.script.load(json.loads(options.script.read_text()))
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((options.host, options.port))
    scheme = "https" if options.certificate else "http"
    print(
        f"Emulated providers at {scheme}://{options.host}:{listener.getsockname()[1]}, seed {options.seed}",
        flush=True,
    )
    server_for(emulator, certificate=options.certificate).run([listener])
