"""The site under a thousand faults: each ends by itself, and what was killed is started again."""

from __future__ import annotations

import contextlib
import random
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

from circletake import postgres
from drills import aim, kill, network, site
from drills.faults import Fault, rule

LOOK_SECONDS = 0.3


class Ground(site.Site):
    """Web server, hosts, database and Redis; one thread looks after them all until `leave`."""

    def __init__(self, web: site.Web, hosts: list[site.Host], servers: dict[str, Any], shelf: Any) -> None:
        super().__init__(web, hosts)
        self.servers, self.shelf = servers, shelf
        self.under_way: dict[str, tuple[float, Callable[[], Any]]] = {}
        self.gone: set[site.Host] = set()
        self.lock = threading.RLock()
        self.left = False
        self.database_starts = 0
        self.trouble: list[str] = []

    def look_after(self) -> None:
        """Begins to; the thread lives on after `leave`, for the kernel ends a server with who started it."""
        threading.Thread(target=self._look_after, daemon=True).start()

    def _look_after(self) -> None:
        while True:
            if not self.left:
                try:
                    self.keep_up()
                except Exception as error:
                    self.trouble.append(f"{type(error).__name__}: {error}")
            time.sleep(LOOK_SECONDS)

    def keep_up(self) -> None:
        with self.lock:
            if self.left:
                return
            for name, (until, end) in list(self.under_way.items()):
                if time.monotonic() > until:
                    del self.under_way[name]
                    end()
            self._database()
            if not self.web.is_up():
                self.restarts += 1
                self.web.start()
            for host in self.hosts:
                if not host.is_up() and host not in self.gone:
                    self.restarts += 1
                    host.start()

    def _database(self) -> None:
        """A server whose predecessor's processes still go does not start; the next look tries again."""
        server = self.servers["database"]
        if not server.is_running():
            with contextlib.suppress(postgres.PostgresError, subprocess.SubprocessError):
                site.start_on(server, self.servers["ports"]["database"])
                self.database_starts += 1

    def end_all(self) -> None:
        """Ends every fault that is under way."""
        with self.lock:
            for name in list(self.under_way):
                _, end = self.under_way.pop(name)
                end()

    def leave(self) -> None:
        with self.lock:
            self.end_all()
            self.left = True

    def stop(self) -> None:
        self.leave()
        super().stop()
        self.servers["redis"].kill()

    def pids(self) -> list[int]:
        """Of the programs at the top of what can be killed."""
        programs = [
            self.web.process,
            *(host.process for host in self.hosts),
            self.servers["database"].process,
        ]
        return [program.pid for program in programs if program is not None and program.poll() is None]

    def choose(self, dice: random.Random) -> Any:
        return aim.choose(self.pids(), dice)

    # -- faults -------------------------------------------------------------------------------

    def strike(self, fault: Fault, dice: random.Random) -> dict[str, Any] | None:
        """Lets a fault of the site or the provider begin; what it did, or None where such a one is under
        way."""
        if fault.kind == "provider":
            kill.tell(self.servers["provider"], {"append": True, "rules": [rule(fault)]})
            return fault.told()
        with self.lock:
            if fault.name in self.under_way:
                return None
            more, end = getattr(self, f"_{fault.name.replace(' ', '_')}")(dice)
            if end is not None:
                self.under_way[fault.name] = (time.monotonic() + fault.seconds, end)
        return {**fault.told(), **more}

    def _redis_emptied(self, dice: random.Random) -> tuple[dict[str, Any], Any]:
        port = str(self.servers["ports"]["redis"])
        flush = ["redis-cli", "-h", network.HERE, "-p", port, "flushall"]
        done = subprocess.run(flush, check=False, capture_output=True, timeout=10)
        return {"emptied": done.returncode == 0}, None

    def _redis_down(self, dice: random.Random) -> tuple[dict[str, Any], Any]:
        self.servers["redis"].kill()
        self.servers["redis"].wait()
        return {}, self._redis_up

    def _redis_up(self) -> None:
        self.servers["redis"] = subprocess.Popen(self.servers["redis_command"], stdout=subprocess.DEVNULL)

    def _cable_cut(self, dice: random.Random) -> tuple[dict[str, Any], Any]:
        host = dice.choice(self.hosts)
        host.cable.pull()
        return {"host": host.folder.name}, host.cable.plug

    def _host_gone(self, dice: random.Random) -> tuple[dict[str, Any], Any]:
        host = dice.choice(self.hosts)
        self.gone.add(host)
        processes = host.vanish()
        return {"host": host.folder.name, "processes": processes}, lambda: self.gone.discard(host)

    def _storage_full(self, dice: random.Random) -> tuple[dict[str, Any], Any]:
        return {"how": self.shelf.fill(dice)}, self.shelf.free
