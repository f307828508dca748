"""A host whose network falls silent: PostgreSQL gives its locks back within seconds, not hours."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from circletake import links, postgres
from drills import network, site
from tests.circletake.running import free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("network"),
    pytest.mark.skipif(not network.possible(), reason="needs root and iproute2"),
]
KEEPER = """
import sys, time, psycopg
with psycopg.connect(sys.argv[1], **eval(sys.argv[2])) as connection:
    connection.execute("SELECT pg_advisory_lock(7, 7)")
    print("held", flush=True)
    time.sleep(300)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, network.Cable, str]]:
    """A server on a network with one other host; its address there, and on this machine."""
    tmp_path.chmod(0o711)
    for folder in (tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o711)
    port = free_port()
    with network.laid(1) as (cable,):
        data = tmp_path / "data"
        data.mkdir(mode=0o711)
        listening = {"listen_addresses": network.HERE, "port": str(port), **postgres.THROWAWAY}
        running = postgres.Server(data, extra=listening)
        site._start_open(running, port)
        try:
            there = f"host={network.HERE} port={port} user=circletake dbname=circletake"
            yield there, cable, f"{postgres.url(data)}&port={port}"
        finally:
            running.stop()


@pytest.mark.parametrize(("seconds", "free"), [(1, True), (0, False)])
def test_a_host_that_is_cut_off_holds_no_lock_for_long(
    server: tuple[str, network.Cable, str], seconds: int, free: bool
) -> None:
    """With what the settings ask of both ends; and, to see that it is this, without."""
    there, cable, here = server
    options = links.database_options({"HOST": network.HERE}, keepalive_seconds=seconds)
    keeper = subprocess.Popen(
        cable.inside([sys.executable, "-c", KEEPER, there, repr(options)]), stdout=subprocess.PIPE, text=True
    )
    try:
        assert keeper.stdout is not None
        assert keeper.stdout.readline() == "held\n"
        cable.pull()
        assert is_free_within(here, seconds + links.PROBES * links.PAUSE_SECONDS + 6) is free
    finally:
        keeper.kill()
        keeper.wait()


def is_free_within(url: str, seconds: float) -> bool:
    until = time.monotonic() + seconds
    with psycopg.connect(url, autocommit=True) as connection:
        while time.monotonic() < until:
            if connection.execute("SELECT pg_try_advisory_lock(7, 7)").fetchone() == (True,):
                return True
            time.sleep(0.5)
    return False


def test_nothing_of_the_network_is_left() -> None:
    with network.laid(2):
        assert os.path.exists(f"/sys/class/net/{network.BRIDGE}")
    assert not os.path.exists(f"/sys/class/net/{network.BRIDGE}")
