"""A site of several hosts under a drill: servers and web on this machine, workers on hosts of their own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from bench import stage
from drills import network
from drills.network import Cable

SECONDS = {"SWEEP_SECONDS": "2", "LEASE_SECONDS": "4", "CANARY_SECONDS": "20", "HERO_UNDO_SECONDS": "0"}
ENDING_SECONDS = 90.0


class Host:
    """A worker host: `manage.py work --drain` in its namespace, with a folder of its own."""

    def __init__(self, cable: Cable, folder: Path, **differs: str) -> None:
        self.cable, self.folder, self.differs = cable, folder, differs
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        environment = {**os.environ, "DATA_DIR": str(self.folder), **self.differs}
        words = self.cable.inside([sys.executable, str(stage.ROOT / "manage.py"), "work", "--drain"])
        with (self.folder / "work.log").open("ab") as log:
            self.process = subprocess.Popen(
                words, cwd=stage.ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def vanish(self) -> int:
        """SIGKILL of everything on the host, from the leaves up so that nobody restarts anybody."""
        everybody = self._everybody()
        for process in everybody:
            with contextlib.suppress(psutil.Error):
                process.suspend()
        for process in everybody:
            with contextlib.suppress(psutil.Error):
                process.kill()
        assert self.process is not None
        self.process.wait()
        return len(everybody)

    def _everybody(self) -> list[psutil.Process]:
        assert self.process is not None
        with contextlib.suppress(psutil.Error):
            top = psutil.Process(self.process.pid)
            return [top, *top.children(recursive=True)]
        return []

    def ask_to_end(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    def ended(self) -> int:
        """Its exit status once it has ended; raises TimeoutExpired."""
        assert self.process is not None
        return self.process.wait(ENDING_SECONDS)

    def is_up(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Web:
    """`manage.py web` on this machine, on the drill's network."""

    def __init__(self, folder: Path, port: int, **differs: str) -> None:
        self.folder, self.port, self.differs = folder, port, differs
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{network.HERE}:{self.port}"

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        environment = {**os.environ, "DATA_DIR": str(self.folder), "PORT": str(self.port), **self.differs}
        with (self.folder / "web.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(stage.ROOT / "manage.py"), "web"], cwd=stage.ROOT, env=environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)

    def is_up(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def answers(self, page: str = "readyz") -> bool:
        with contextlib.suppress(urllib.error.URLError, OSError):
            return bool(urllib.request.urlopen(f"{self.url}/{page}", timeout=5).status == 200)
        return False


class Site:
    """Web server and worker hosts; `keep_up` starts again what has ended and was not meant to."""

    def __init__(self, web: Web, hosts: list[Host]) -> None:
        self.web, self.hosts = web, hosts
        self.restarts = 0

    @property
    def url(self) -> str:
        return self.web.url

    def start(self) -> None:
        self.web.start()
        for host in self.hosts:
            host.start()
        self.wait_until_ready()

    def keep_up(self) -> None:
        if not self.web.is_up():
            self.restarts += 1
            self.web.start()
        for host in self.hosts:
            if not host.is_up():
                self.restarts += 1
                host.start()

    def wait_until_ready(self, seconds: float = 180) -> None:
        until = time.monotonic() + seconds
        while not self.web.answers():
            if time.monotonic() > until:
                raise TimeoutError(f"The site was not ready within {seconds:g} s.")
            time.sleep(0.5)

    def stop(self) -> None:
        for host in self.hosts:
            if host.is_up():
                host.vanish()
        self.web.stop()


@contextlib.contextmanager
def servers(folder: Path, *, bucket: bool = True) -> Iterator[dict[str, Any]]:
    """PostgreSQL, Redis, the emulated provider and, if wanted, a bucket on the drill's network; how to reach
    them."""
    from circletake import postgres

    data = folder / "servers"
    data.mkdir(mode=0o711)
    ports = {
        name: stage.free_port() for name in ("database", "redis", "bucket", "provider", "web", "web_next")
    }
    database = postgres.Server(data, extra={"listen_addresses": network.HERE, "port": str(ports["database"])})
    with contextlib.ExitStack() as stack:
        _start_open(database, ports["database"])
        stack.callback(database.stop)
        python, here = sys.executable, network.HERE
        provider = [*stage.emulators(ports["provider"], latency="0.5-5"), "--host", here]
        redis = ["redis-server", "--bind", here, "--port", str(ports["redis"]), "--save", "",
                 "--protected-mode", "no", "--dir", str(data)]  # fmt: skip
        environment = _environment(ports)
        if bucket:
            store = [python, "-m", "tests.emulators.s3", "--host", here, "--port", str(ports["bucket"])]
            stack.enter_context(stage.started(store, log=data / "bucket.log"))
            environment |= bucket_environment(ports["bucket"])
        stack.enter_context(stage.started(provider, log=data / "provider.log"))
        running = stack.enter_context(stage.started(redis, log=data / "redis.log"))
        url = f"http://{here}:{ports['provider']}"
        stage.wait_for(f"{url}/_control/health")
        found: dict[str, Any] = {"environment": environment, "provider": url, "ports": ports,
                 "redis": running, "redis_command": redis, "database": database, "data": data}  # fmt: skip
        stack.callback(lambda: found["redis"].kill())  # the last one: a drill may have started another
        yield found


def _start_open(server: Any, port: int) -> None:
    """The embedded server, open to the drill's network, which nobody else can reach."""
    server._make_folders()
    server._initialise()
    with (server.directory / "pg_hba.conf").open("a") as rules:
        rules.write(f"host all all {network.PREFIX}.0/24 trust\n")
    start_on(server, port)


def start_on(server: Any, port: int) -> None:
    """Starts it, also again after it was killed; raises PostgresError, as while the killed one still goes."""
    os.environ["PGPORT"] = str(port)
    try:
        server.start()
    finally:
        del os.environ["PGPORT"]


def _environment(ports: dict[str, int]) -> dict[str, str]:
    here = network.HERE
    return {
        **SECONDS,
        "DATABASE_URL": f"postgres://circletake@{here}:{ports['database']}/circletake",
        "REDIS_URL": f"redis://{here}:{ports['redis']}/0",
        "HOST": here, "PORT": str(ports["web"]), "PUBLIC_URL": f"http://{here}:{ports['web']}",
        "ALLOWED_HOSTS": here, "PRIVATE_HOSTS": here, "DEMO": "0", "LOG_LEVEL": "WARNING",
        "EMAIL_URL": "memorymail://", "WORKERS": "5", "WEB_PROCESSES": "1", "RENDER_PROCESSES": "1",
        "DATABASE_KEEPALIVE_SECONDS": "5", "DRAIN_SECONDS": "60", "DJANGO_SETTINGS_MODULE": "drills.settings",
    }  # fmt: skip


def bucket_environment(port: int) -> dict[str, str]:
    """What lets media lie in the emulated bucket on this port of the drill's network."""
    return {
        "MEDIA_BUCKET": "media", "MEDIA_ENDPOINT_URL": f"http://{network.HERE}:{port}",
        "AWS_ACCESS_KEY_ID": "emulated-key", "AWS_SECRET_ACCESS_KEY": "emulated-secret",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }  # fmt: skip
