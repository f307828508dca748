"""Hosts on this machine as network namespaces, each on a cable of its own that can be pulled.

A pulled cable ends no connection: both ends find silence, as when a host loses its power or its switch. Needs
root and `ip`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

NUMBER = int(os.environ.get("DRILL_NETWORK", "16"))
"""Which of a machine's drill networks this is; two drills run beside each other on two of them."""

BRIDGE = f"ctdrill{NUMBER}"
LOCK = Path(f"/run/circletake-drill-{NUMBER}.lock")
PREFIX = f"10.77.{NUMBER}"
HERE = f"{PREFIX}.1"
"""The address of this machine on the drill's network: database, Redis, storage, provider and web server."""


def possible() -> bool:
    """Whether namespaces can be made here."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        return False
    probe = f"ctprobe{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, check=False).returncode == 0
    if made:
        ip("netns", "del", probe)
    return made


def ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")


class Cable:
    """One host's cable; `host` is its namespace, `address` its own."""

    def __init__(self, number: int) -> None:
        self.host = f"ctdrill{NUMBER}-host{number}"
        self.address = f"{PREFIX}.{10 + number}"
        self.near, self.far = f"ctd{NUMBER}near{number}", f"ctd{NUMBER}far{number}"

    def lay(self) -> None:
        ip("netns", "add", self.host)
        ip("link", "add", self.near, "type", "veth", "peer", "name", self.far, "netns", self.host)
        ip("link", "set", self.near, "master", BRIDGE, "up")
        for words in (
            ("addr", "add", f"{self.address}/24", "dev", self.far),
            ("link", "set", self.far, "up"),
            ("link", "set", "lo", "up"),
        ):
            ip("-n", self.host, *words)

    def pull(self) -> None:
        """Every packet is dropped; the host itself does not notice that its link is gone."""
        ip("link", "set", self.near, "nomaster")

    def plug(self) -> None:
        ip("link", "set", self.near, "master", BRIDGE)

    def inside(self, command: list[str]) -> list[str]:
        """The command as it is run on that host."""
        return ["ip", "netns", "exec", self.host, *command]


@contextlib.contextmanager
def laid(hosts: int) -> Iterator[list[Cable]]:
    """A network of so many hosts and this machine; what a killed drill left of one is taken away first."""
    cables = [Cable(number) for number in range(1, hosts + 1)]
    with _alone(), contextlib.ExitStack() as stack:
        _take_away(cables)
        stack.callback(_take_away, cables)
        ip("link", "add", BRIDGE, "type", "bridge")
        ip("addr", "add", f"{HERE}/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        for cable in cables:
            cable.lay()
        yield cables


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Each of these networks is there once; raises RuntimeError where another process has it."""
    with LOCK.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError("Another process drills on this machine's network.") from None
        yield


def _take_away(cables: list[Cable]) -> None:
    for cable in cables:
        if Path("/run/netns", cable.host).exists():
            ip("netns", "del", cable.host)  # the cable goes with it
        with contextlib.suppress(RuntimeError):  # unless it went with the host a moment ago
            ip("link", "del", cable.near)
    if Path("/sys/class/net", BRIDGE).exists():
        ip("link", "del", BRIDGE)
