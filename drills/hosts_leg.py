"""One leg of the drill with several hosts, in a process of its own; `drills.hosts` says what each does."""

from __future__ import annotations

import datetime
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import stage
from drills import network
from drills.kill import calm, grant, say, settle, tell

IN_FLIGHT = 16
WORKING_SECONDS = 12.0
"""How long takes flow before, between and after what a leg does."""


def main() -> None:
    name, options = sys.argv[1], json.loads(sys.argv[2])
    folder = Path(options["folder"])
    data = folder / name
    if data.exists():
        shutil.rmtree(data)
    data.mkdir(mode=0o711)
    os.environ.setdefault("SECRET_KEY", "drill-" + "0123456789" * 5)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    from drills import site

    begun = time.monotonic()
    with network.laid(2) as cables, site.servers(data) as servers:
        os.environ.update(servers["environment"], DATA_DIR=str(data / "drill"))
        found = leg(name, options, cables, servers)
    found["seconds"] = round(time.monotonic() - begun)
    (folder / f"{name}.json").write_text(json.dumps(found, indent=1))
    say(f"{name}: {json.dumps(found)}")


def leg(name: str, options: dict[str, Any], cables: list[Any], servers: dict[str, Any]) -> dict[str, Any]:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connections

    from drills import site, studio

    for command in ("migrate", "createcachetable", "load_catalogue"):
        call_command(command, verbosity=0)
    data = servers["data"].parent
    differs = {"DJANGO_SETTINGS_MODULE": "drills.settings_ahead"} if name == "clock" else {}
    hosts = [site.Host(cables[0], data / "host1"), site.Host(cables[1], data / "host2", **differs)]
    place = site.Site(site.Web(data / "web", servers["ports"]["web"]), hosts)
    url = servers["provider"]
    tell(url, {"defaults": {"stall": 0.4}})
    try:
        place.start()
        studios = [
            studio.Studio("asks", f"{url}/fal", webhooks=True, doubtful="0"),
            studio.Studio("doubts", f"{url}/fal", webhooks=False, doubtful="1"),
        ]
        feed = studio.Feed(studios, many=IN_FLIGHT, dice=random.Random(options["seed"]), url=place.url)
        notes: dict[str, Any] = {}
        wrong: list[str] = []
        flow(feed)
        for number in range(1 if name == "rolling" else options["rounds"]):
            say(f"{name}: round {number + 1}")
            wrong += DOES[name](place, feed, servers, options, notes) or []
        flow(feed)
        return judged(place, feed, studios, url, wrong, notes)
    finally:
        connections.close_all()
        place.stop()


def flow(feed: Any, seconds: float = WORKING_SECONDS) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        feed.fill()
        time.sleep(0.5)


def vanish(place: Any, feed: Any, servers: Any, options: Any, notes: dict[str, Any]) -> list[str]:
    """One host dies whole; the other goes on alone, and the first comes back."""
    host = place.hosts[notes.get("vanished", 0) % 2]
    notes["vanished"] = notes.get("vanished", 0) + 1
    notes.setdefault("processes", []).append(host.vanish())
    wrong = moves_on(feed, notes, "seconds_until_a_take_was_ready")
    flow(feed)
    host.start()
    return wrong + both_work(feed)


def both_work(feed: Any) -> list[str]:
    """Lets takes flow until both hosts' queues have stamped their canaries just now."""
    from django.utils import timezone

    from generation.models import Canary

    until = time.monotonic() + UP_SECONDS
    while time.monotonic() < until:
        flow(feed, 2)
        lately = timezone.now() - datetime.timedelta(seconds=8)
        if Canary.objects.filter(stamped_at__gt=lately).count() >= 2:
            return []
    return [f"A host that came back did not work within {UP_SECONDS:.0f} s."]


def cut(place: Any, feed: Any, servers: Any, options: Any, notes: dict[str, Any]) -> list[str]:
    """One host's network falls silent; the other has to take up its lanes meanwhile."""
    host = place.hosts[notes.get("cuts", 0) % 2]
    notes["cuts"] = notes.get("cuts", 0) + 1
    host.cable.pull()
    begun = time.monotonic()
    try:
        wrong = moves_on(feed, notes, "seconds_until_a_take_was_ready")
        flow(feed, max(0.0, options["cut_seconds"] - (time.monotonic() - begun)))
    finally:
        host.cable.plug()
    if not host.is_up():
        wrong.append("The host that was cut off ended its workers.")
    flow(feed)
    return wrong


def redis(place: Any, feed: Any, servers: Any, options: Any, notes: dict[str, Any]) -> list[str]:
    """Redis is emptied; then it is down for as long as takes flow, and comes back empty."""
    ports, here = servers["ports"], network.HERE
    flush = ["redis-cli", "-h", here, "-p", str(ports["redis"]), "flushall"]
    subprocess.run(flush, check=True, capture_output=True)
    wrong = moves_on(feed, notes, "seconds_after_emptying")
    servers["redis"].kill()
    servers["redis"].wait()
    notes["down"] = notes.get("down", 0) + 1
    flow(feed)
    servers["redis"] = subprocess.Popen(servers["redis_command"], stdout=subprocess.DEVNULL)
    return wrong + moves_on(feed, notes, "seconds_after_it_came_back")


def rolling(place: Any, feed: Any, servers: Any, options: Any, notes: dict[str, Any]) -> list[str]:
    """Migrate, then a new web server, then the workers host by host: new ones start, old ones drain."""
    from drills import site

    new = {"DJANGO_SETTINGS_MODULE": "drills.settings_next"}
    words = [sys.executable, str(stage.ROOT / "manage.py"), "migrate", "--noinput", "--verbosity=0"]
    subprocess.run(words, env={**os.environ, **new}, check=True)
    wrong = moves_on(feed, notes, "seconds_by_old_code_on_the_new_schema")
    old_web, number = place.web, notes.get("deployments", 0) + 1
    notes["deployments"] = number
    port = servers["ports"]["web_next" if number % 2 else "web"]
    place.web = site.Web(old_web.folder.with_name(f"web-{number}"), port, **new)
    place.web.start()
    place.wait_until_ready()
    feed.url = place.url
    old_web.stop()
    for place_of, old in list(enumerate(place.hosts)):
        fresh = site.Host(
            old.cable, old.folder.with_name(f"{old.folder.name.partition('-')[0]}-{number}"), **new
        )
        fresh.start()
        flow(feed, 6)
        old.ask_to_end()
        flow(feed, 6)
        if status := old.ended():
            wrong.append(f"Workers that were drained ended with status {status}.")
        place.hosts[place_of] = fresh
    return wrong


def off(place: Any, feed: Any, servers: Any, options: Any, notes: dict[str, Any]) -> list[str]:
    flow(feed, 3 * WORKING_SECONDS)
    return []


DOES: dict[str, Callable[..., list[str]]] = {
    "vanish": vanish,
    "cut": cut,
    "redis": redis,
    "rolling": rolling,
    "clock": off,
}
MOVING_SECONDS = 90.0
UP_SECONDS = 120.0


def moves_on(feed: Any, notes: dict[str, Any], key: str) -> list[str]:
    """Lets takes flow until one that was asked for from now on is ready; how long that took is noted."""
    from django.db import Error, connection
    from django.utils import timezone

    from projects.models import Take
    from projects.models.takes import TakeState

    begun, since = time.monotonic(), timezone.now()
    while time.monotonic() - begun < MOVING_SECONDS:
        try:
            feed.fill()
            if Take.objects.filter(requested_at__gt=since, state=TakeState.READY).exists():
                notes.setdefault(key, []).append(round(time.monotonic() - begun, 1))
                return []
        except Error:
            connection.close()
        time.sleep(0.3)
    return [f"For {MOVING_SECONDS:.0f} s no new take was made ({key})."]


def judged(
    place: Any, feed: Any, studios: Any, url: str, wrong: list[str], notes: dict[str, Any]
) -> dict[str, Any]:
    """Peace, settlement by the provider's log, and the kill drill's judge."""
    from drills import asked, truth

    wrong = [*wrong, *grant(feed), *calm(place)]
    settled, more = settle(place, studios, url)
    wrong += more
    jobs = truth.ended_log(url)
    wrong += truth.violations(studios, jobs)
    wrong += asked.violations(feed.promised)
    return {
        "takes": len(feed.promised),
        "jobs": len(jobs),
        "settled_by_the_log": settled,
        **truth.figures(),
        "restarts_of_workers": place.restarts,
        **notes,
        "violations": wrong,
    }


if __name__ == "__main__":
    main()
