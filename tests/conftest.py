"""What every test has: a blocked network, and files of its own."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db.backends.postgresql.operations import DatabaseOperations

pytest_plugins = ["tests.cast", "tests.committed", "tests.studio", "tests.design.browser"]

LOCAL_NAMES = ("localhost", "")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def is_local(address: Any) -> bool:
    """True for a Unix socket, loopback, and names of this machine."""
    if not isinstance(address, tuple):
        return True
    host = str(address[0])
    try:
        return ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        return host in LOCAL_NAMES


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Without Chromium a browser test is skipped on a person's machine, and fails in CI."""
    if item.get_closest_marker("browser") and not any(map(shutil.which, BROWSERS)):
        words = "Chromium is missing (Debian: apt-get install chromium)"
        pytest.fail(words, pytrace=False) if os.environ.get("CI") else pytest.skip(words)


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    """Only loopback may be reached; names are resolved for this machine alone."""
    patch = pytest.MonkeyPatch()
    resolve = socket.getaddrinfo

    def guarded(method: Any) -> Any:
        def connect(self: socket.socket, address: Any) -> Any:
            if not is_local(address):
                raise RuntimeError(f"A test tried to reach {address}; tests stay on this machine.")
            return method(self, address)

        return connect

    def guarded_resolve(host: Any, *arguments: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name is not None and not is_local((name,)):
            raise socket.gaierror(f"A test tried to look up {name}; tests stay on this machine.")
        return resolve(host, *arguments, **options)

    patch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
    patch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
    patch.setattr(socket, "getaddrinfo", guarded_resolve)
    yield
    patch.undo()


@pytest.fixture(autouse=True, scope="session")
def _flush_past_guards() -> Iterator[None]:
    """Tests with real transactions empty all tables at their end; append-only ones refuse that."""
    plain = DatabaseOperations.execute_sql_flush

    def flush(self: DatabaseOperations, sql_list: list[str]) -> None:
        cascading = [f"{sql.removesuffix(';')} CASCADE;" for sql in sql_list]
        plain(self, ["SET session_replication_role = replica", *cascading, "RESET session_replication_role"])

    patch = pytest.MonkeyPatch()
    patch.setattr(DatabaseOperations, "execute_sql_flush", flush)
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def _own_files(settings: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Media of one test are not seen by the next."""
    folder = tmp_path_factory.mktemp("files")
    settings.MEDIA_ROOT = folder / "media"
    return folder
