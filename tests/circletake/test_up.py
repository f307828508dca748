"""One foreground program: serves, refuses a double, stops in time, starts again, mends what dies."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from circletake import cluster, postgres
from tests.circletake import running
from tests.circletake.running import Running, up, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("up")]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all tests here: each start after the first is a start on the same data."""
    return tmp_path_factory.mktemp("up") / "data"


def ledger_of_starts(data_dir: Path) -> list[str]:
    """Write a row beside the product's, and return all such rows: what the data folder still knows."""
    with psycopg.connect(postgres.url(data_dir)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS starts (name text)")
        connection.execute("INSERT INTO starts SELECT 'start ' || count(*) + 1 FROM starts")
        return [row[0] for row in connection.execute("SELECT name FROM starts ORDER BY name")]


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_stops_within_ten_seconds_and_leaves_nothing(data_dir: Path, signum: int) -> None:
    with up(data_dir, DEMO="0") as running:
        starts = ledger_of_starts(data_dir)
        assert starts == ["start 1", "start 2"][: len(starts)]
        lanes_give_way = psutil.Process(running.process.pid).nice() + cluster.NICENESS
        assert {worker.nice() for worker in running.workers()} == {min(lanes_give_way, 19)}
        assert running.stop(signum) < 10
        assert (running.process.returncode, running.left()) == (0, [])
        assert "Traceback" not in running.log()


def test_the_second_one_on_the_same_data_is_refused(data_dir: Path, tmp_path: Path) -> None:
    with up(data_dir, DEMO="0") as first:
        log = tmp_path / "second.log"
        second = running.command("up", data_dir, log=log, PORT=str(running.free_port()))
        assert second.wait(60) == 1
        assert log.read_text().strip() == (
            f"CommandError: Circletake already runs on {data_dir} (process {first.process.pid}). "
            "Stop it there, or set DATA_DIR and PORT to start another one."
        )
        assert httpx.get(f"http://localhost:{first.port}/readyz").json() == {
            "database": "ok",
            "workers": "ok",
            "lanes": "ok",
        }


def test_a_taken_port_is_refused_by_name(data_dir: Path, tmp_path: Path) -> None:
    log = tmp_path / "port.log"
    with subprocess.Popen(
        [sys.executable, "-m", "http.server", "0", "--bind", "127.0.0.1"], stderr=subprocess.DEVNULL
    ) as other:
        port = wait_for(
            lambda: [c.laddr.port for c in psutil.Process(other.pid).net_connections("tcp")],
            seconds=10,
            what="a listener",
        )[0]
        refused = running.command("up", data_dir, log=log, PORT=str(port)).wait(60)
        other.kill()
    assert refused == 1
    assert f"Port {port} cannot be used (Address already in use)." in log.read_text()


def test_a_browser_at_the_number_is_sent_to_the_name_and_an_api_client_is_not(data_dir: Path) -> None:
    with up(data_dir, DEMO="0") as it:
        page = httpx.get(f"http://127.0.0.1:{it.port}/accounts/login/?next=/w/")
        assert page.status_code == 302
        assert page.headers["location"] == f"http://localhost:{it.port}/accounts/login/?next=/w/"
        assert httpx.get(f"http://127.0.0.1:{it.port}/healthz").text == "ok\n"


def test_a_frozen_queue_is_started_anew(data_dir: Path) -> None:
    """SIGKILL of both idle workers surely hits the one that holds the lock, which then is never freed."""
    with up(data_dir, DEMO="0", CANARY_SECONDS="6") as it:
        before = it.workers()
        time.sleep(8)
        assert it.workers() == before, "a healthy group was restarted"
        for worker in before[2:4]:
            worker.kill()
        replaced(it, before, within_seconds=30)
        assert "reason='no task was taken for " in it.log()


def test_a_dead_sentinel_leaves_no_orphans_and_is_replaced(data_dir: Path) -> None:
    with up(data_dir, DEMO="0") as it:
        before = it.workers()
        before[1].kill()
        replaced(it, before, within_seconds=20)


def test_a_dead_database_is_started_again(data_dir: Path) -> None:
    with up(data_dir, DEMO="0") as it:
        postmaster = int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        psutil.Process(postmaster).kill()
        wait_for(
            lambda: "started again" in it.log() and it.answers(),
            seconds=30,
            what=f"an answer after the database's death, see {it.log_path}",
        )
        it.see()


def test_a_dead_supervisor_takes_everything_with_it_and_can_be_started_again(data_dir: Path) -> None:
    with up(data_dir, DEMO="0") as it:
        it.stop(signal.SIGKILL)
        wait_for(lambda: it.left() == [], seconds=15, what="the end of all processes")
    with up(data_dir, DEMO="0") as again:
        assert again.stop() < 10


def test_a_web_server_killed_just_before_its_supervisor_leaves_no_port_taken(data_dir: Path) -> None:
    """Nobody is left then to end its group: its workers have to end by themselves."""
    with up(data_dir, DEMO="0") as it:
        (web,) = [p for p in it.see().values() if f"--port={it.port}" in running.words(p) and p.children()]
        psutil.Process(it.process.pid).suspend()
        web.kill()
        it.stop(signal.SIGKILL)
        wait_for(lambda: it.left() == [], seconds=15, what="the end of all processes")


def replaced(it: Running, before: list[psutil.Process], *, within_seconds: float) -> None:
    """Wait until six new processes of the queue run, and none of the former ones does."""

    def done() -> bool:
        now = it.workers()
        return len(now) == 6 and not any(running.alive(process) for process in before)

    wait_for(done, seconds=within_seconds, what=f"a new group of workers, see {it.log_path}")
