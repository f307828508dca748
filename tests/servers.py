"""Servers that some tests need beside the run's own: a fresh database, PostgreSQL 15, a Redis."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.circletake.running import free_port

POSTGRES_15 = os.environ.get("POSTGRES15_URL", "postgres://postgres@127.0.0.1:5432/postgres")
"""A server of version 15 whose user may create databases."""


def postgres_15() -> str:
    """Its address; a test that needs it is skipped where none answers, and fails with CI set."""
    try:
        with psycopg.connect(POSTGRES_15, connect_timeout=3) as connection:
            version = connection.info.server_version // 10_000
    except psycopg.OperationalError as error:
        return _lacks(f"No PostgreSQL 15 answers at {POSTGRES_15}: {error}")
    return POSTGRES_15 if version == 15 else _lacks(f"POSTGRES15_URL is version {version}, not 15")


def _lacks(words: str) -> str:
    pytest.fail(words, pytrace=False) if os.environ.get("CI") else pytest.skip(words)
    return ""


@contextlib.contextmanager
def database(server: str) -> Iterator[str]:
    """A fresh database on a server, removed with the block; its address."""
    name = f"circletake_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'")
        try:
            yield renamed(server, name)
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def renamed(server: str, name: str) -> str:
    return urllib.parse.urlunsplit(urllib.parse.urlsplit(server)._replace(path=f"/{name}"))


@contextlib.contextmanager
def redis() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A Redis of this test alone, that may be stopped and emptied; its address and its process."""
    program = shutil.which("redis-server")
    if program is None:
        _lacks("redis-server is missing (Debian: apt-get install redis-server)")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        process = start_redis(port, Path(folder))
        try:
            yield f"redis://127.0.0.1:{port}/0", process
        finally:
            process.kill()
            process.wait()


def start_redis(port: int, folder: Path) -> subprocess.Popen[bytes]:
    """Redis without persistence; returns once it listens."""
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 10
    ping = ["redis-cli", "-p", str(port), "ping"]
    while subprocess.run(ping, capture_output=True, check=False).stdout.strip() != b"PONG":
        assert time.monotonic() < until, "Redis did not start."
        time.sleep(0.05)
    return process
