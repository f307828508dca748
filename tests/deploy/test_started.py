"""Exactly the commands of units and Compose file, as processes against PostgreSQL 15, Redis and a bucket."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from cryptography.fernet import Fernet

from tests import servers
from tests.circletake.running import ROOT, free_port, wait_for
from tests.deploy import deployed
from tests.emulators import s3 as emulator

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("deploy")]


class Site:
    """A site of several hosts on this machine: each process has a folder of its own, as hosts have."""

    def __init__(self, folder: Path, **differs: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.processes: list[subprocess.Popen[bytes]] = []
        self.environment = {
            **deployed.environment(),
            "PATH": os.environ["PATH"], "PORT": str(self.port), "SECRET_KEY": "deployed-" + "k7" * 30,
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(), "EMAIL_URL": "memorymail://", "WORKERS": "6",
            "WEB_PROCESSES": "1", "RENDER_PROCESSES": "1", "DRAIN_SECONDS": "20", **differs,
        }  # fmt: skip

    def run(self, words: list[str], host: str = "host") -> str:
        done = subprocess.run(
            self.command(words), env=self.of(host), cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, words: list[str], host: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{host}.log").open("ab") as log:
            process = subprocess.Popen(
                self.command(words),
                env=self.of(host),
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def command(self, words: list[str]) -> list[str]:
        return [str(deployed.python()), "manage.py", *words]

    def of(self, host: str) -> dict[str, str]:
        return {**self.environment, "DATA_DIR": str(self.folder / host)}

    def stop(self) -> list[int]:
        """As systemd and Compose do it: SIGTERM, and then patience."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        return [process.wait(60) for process in self.processes]

    def answers(self) -> bool:
        headers = {"Host": "studio.example", "X-Forwarded-Proto": "https"}
        with contextlib.suppress(httpx.TransportError):
            return (
                httpx.get(f"http://127.0.0.1:{self.port}/readyz", headers=headers, timeout=5).status_code
                == 200
            )
        return False

    def api(self, token: str) -> httpx.Client:
        """A client behind the proxy that ends TLS."""
        headers = {
            "Host": "studio.example", "X-Forwarded-Proto": "https", "X-Real-IP": "192.0.2.7",
            "Authorization": f"Token {token}",
        }  # fmt: skip
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}/api/v1", headers=headers, timeout=60)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with (
        servers.database(servers.postgres_15()) as database,
        servers.redis() as (redis, _),
        emulator.running("circletake-media") as (bucket, _),
    ):
        made = Site(
            tmp_path, DATABASE_URL=database, REDIS_URL=redis, MEDIA_ENDPOINT_URL=bucket,
            AWS_ACCESS_KEY_ID=emulator.KEY, AWS_SECRET_ACCESS_KEY=emulator.SECRET,
        )  # fmt: skip
        try:
            yield made
        finally:
            for process in made.processes:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)


def test_a_take_comes_through_with_the_very_commands_of_the_files(site: Site) -> None:
    words = deployed.commands()
    for step in ("migrate", "createcachetable", "load_catalogue"):
        site.run(words[f"compose prepare {step}"])
    asked = ["--currency", "EUR", "--time-zone", "Europe/Berlin", "--owner", "owner@example.com"]
    token = site.run(["create_workspace", "lumen", *asked]).split()[-1]
    assert words["compose web"] == words["circletake-web.service"]
    assert words["compose work"] == words["circletake-work.service"]
    site.start(words["circletake-web.service"], "web-1")
    site.start(words["circletake-work.service"], "work-1")
    site.start(words["compose work"], "work-2")
    wait_for(site.answers, seconds=120, what="readyz")
    with site.api(token) as api:
        takes = made_takes(api)
        ended = wait_for(lambda: all_ended(api, takes), seconds=180, what="two takes")
        assert [take["state"] for take in ended] == ["ready", "ready"]
        file = api.get(ended[0]["assets"][0]["url"].partition("/api/v1")[2])
        assert (file.status_code, file.headers["Content-Type"].partition("/")[0]) == (200, "image")
    said = site.run(words["circletake-backup.service"], "backup")
    assert ": the database and " in said
    assert site.stop() == [0, 0, 0]
    assert "Traceback" not in "".join(path.read_text() for path in site.folder.glob("*.log"))


def made_takes(api: httpx.Client) -> list[str]:
    """Two drafts of one deliverable of a new campaign."""
    post(api, "/projects/", {"key": "acme", "name": "Acme"})
    post(api, "/campaigns/", {"project": "acme", "key": "autumn", "name": "Autumn"})
    shape = api.get("/formats/").raise_for_status().json()["results"][0]["key"]
    still = {
        "campaign": "acme/autumn",
        "key": "one",
        "name": "One",
        "category": "product-still",
        "format": shape,
    }
    post(api, "/deliverables/", {**still, "brief": "A lighthouse at dusk"})
    asked = {"phase": "draft", "count": 2}
    return [take["id"] for take in post(api, "/deliverables/acme/autumn/one/takes/", asked)["takes"]]


def post(api: httpx.Client, path: str, body: dict[str, Any]) -> Any:
    answer = api.post(path, json=body, headers={"Idempotency-Key": uuid.uuid4().hex})
    assert answer.status_code == 201, answer.text
    return answer.json()


def all_ended(api: httpx.Client, takes: list[str]) -> list[dict[str, Any]]:
    """The takes once none of them is under way."""
    found = [api.get(f"/takes/{take}/").raise_for_status().json() for take in takes]
    time.sleep(0.5)
    return found if all(take["state"] in ("ready", "failed") for take in found) else []


QUICK = {"SWEEP_SECONDS": "2", "LEASE_SECONDS": "4", "CANARY_SECONDS": "30"}


def test_a_host_that_vanishes_and_a_redis_that_is_lost_lose_no_take(site: Site) -> None:
    """One of two worker hosts is killed whole while takes are made; then Redis is emptied, twice."""
    site.environment.update(QUICK)
    words = deployed.commands()
    for step in ("migrate", "createcachetable", "load_catalogue"):
        site.run(words[f"compose prepare {step}"])
    asked = ["--currency", "EUR", "--time-zone", "Europe/Berlin", "--owner", "owner@example.com"]
    token = site.run(["create_workspace", "lumen", *asked]).split()[-1]
    site.start(words["compose web"], "web-1")
    first = site.start(words["compose work"], "work-1")
    site.start(words["compose work"], "work-2")
    wait_for(site.answers, seconds=120, what="readyz")
    with site.api(token) as api:
        takes = made_takes(api)
        vanish(first)
        ended = wait_for(lambda: all_ended(api, takes), seconds=180, what="the takes of a host that vanished")
        assert [take["state"] for take in ended] == ["ready", "ready"]
        subprocess.run(["redis-cli", "-u", site.environment["REDIS_URL"], "flushall"], check=True)
        more = post(api, "/deliverables/acme/autumn/one/takes/", {"phase": "draft", "count": 1})["takes"]
        subprocess.run(["redis-cli", "-u", site.environment["REDIS_URL"], "flushall"], check=True)
        (last,) = wait_for(
            lambda: all_ended(api, [more[0]["id"]]), seconds=120, what="a take without its bell"
        )
        assert last["state"] == "ready"
        booked = api.get(f"/ledger/?month={last['requested_at'][:7]}").raise_for_status().json()["results"]
        assert len({row["call"] for row in booked}) == len(booked) > 0  # no call is booked twice


def vanish(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL of a host's processes, stopped first so that nobody starts anybody anew."""
    everybody = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for one in everybody:
        one.suspend()
    for one in everybody:
        one.kill()
    process.wait()
