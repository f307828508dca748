"""The embedded server: on closed folders, long paths, and on data that a killed one left behind."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from circletake import postgres


@pytest.fixture
def server(tmp_path: Path) -> Iterator[postgres.Server]:
    """A server in a folder that nobody but its owner may enter."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = postgres.Server(closed / "data", extra=postgres.THROWAWAY)
    yield server
    server.stop()
    server.stop_left_behind()


def ask(server: postgres.Server, query: str) -> str:
    with psycopg.connect(postgres.url(server.data_dir)) as connection:
        return str(connection.execute(query).fetchone()[0])  # type: ignore[index]


def test_it_runs_as_an_ordinary_user_even_where_root_alone_may_enter(server: postgres.Server) -> None:
    server.start()
    assert ask(server, "SELECT current_database()") == "circletake"
    owner = server.directory.stat().st_uid
    assert owner != 0
    assert os.geteuid() in (0, owner)


def test_it_is_durable_and_answers_no_network(tmp_path: Path) -> None:
    server = postgres.Server(tmp_path / "data")
    server.start()
    try:
        shown = [ask(server, f"SHOW {name}") for name in ("fsync", "listen_addresses", "max_connections")]
        assert shown == ["on", "", "200"]
    finally:
        server.stop()


def test_a_path_too_long_for_a_socket_gets_a_short_one(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    server = postgres.Server(deep, extra=postgres.THROWAWAY)
    server.start()
    try:
        assert str(postgres.socket_dir(deep)).startswith("/tmp/circletake-")
        assert ask(server, "SELECT 1") == "1"
    finally:
        server.stop()


def test_a_server_left_behind_is_stopped_and_its_data_are_kept(server: postgres.Server) -> None:
    server.start()
    with psycopg.connect(postgres.url(server.data_dir), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    left = server.process
    assert left is not None
    again = postgres.Server(server.data_dir, extra=postgres.THROWAWAY)
    again.start()
    try:
        assert left.wait(10) == 0
        assert ask(again, "SELECT number FROM kept") == "7"
    finally:
        again.stop()


def test_a_half_made_cluster_is_made_anew(server: postgres.Server) -> None:
    half = server.data_dir / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18")
    server.start()
    assert ask(server, "SELECT 1") == "1"
    assert not half.exists()


def test_what_is_wrong_with_its_settings_is_shown(tmp_path: Path) -> None:
    server = postgres.Server(tmp_path / "data", extra={"shared_buffers": "many"})
    with pytest.raises(postgres.PostgresError, match='invalid value for parameter "shared_buffers": "many"'):
        server.start()


def test_it_ends_with_its_supervisor(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        postgres.Server(tmp_path / "data", extra=postgres.THROWAWAY).start()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    deadline = time.monotonic() + 10
    while (tmp_path / "data" / "postgres" / "postmaster.pid").exists():
        assert time.monotonic() < deadline, "the server outlived its supervisor by ten seconds"
        time.sleep(0.05)
