"""Connections to servers on other hosts: none of them may hang, on either side, when a host vanishes."""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from typing import Any

CONNECT_SECONDS = 10
PROBES, PAUSE_SECONDS = 3, 5


def database_options(config: Mapping[str, Any], *, keepalive_seconds: int) -> dict[str, Any]:
    """`OPTIONS` of a database that is reached over a network; of a Unix socket they stay as they are.

    A host that loses its power or its network ends no connection. PostgreSQL would keep its sessions for two
    hours, and with them the locks by which a lane has one keeper: no other host could look after the lane.
    So both ends probe a silent connection after `keepalive_seconds`, and give it up 15 s later. 0 leaves it
    to the system, for a pooler that refuses start-up options.
    """
    options = dict(config.get("OPTIONS") or {})
    if not keepalive_seconds or str(config.get("HOST") or "/").startswith("/"):
        return options
    patience_ms = (keepalive_seconds + PROBES * PAUSE_SECONDS) * 1000
    ours = {"idle": keepalive_seconds, "interval": PAUSE_SECONDS, "count": PROBES}
    for name, value in ours.items():
        options.setdefault(f"keepalives_{name}", value)
    options.setdefault("tcp_user_timeout", patience_ms)
    options.setdefault("connect_timeout", CONNECT_SECONDS)
    theirs = [f"-c tcp_keepalives_{name}={value}" for name, value in ours.items()]
    theirs.append(f"-c tcp_user_timeout={patience_ms}")
    options["options"] = " ".join(filter(None, [str(options.get("options") or ""), *theirs]))
    return options


def redis_url(url: str) -> str:
    """The address with time limits, unless it names its own: a Redis that is cut off holds up no page."""
    if not url:
        return ""
    parts = urllib.parse.urlsplit(url)
    named = dict(urllib.parse.parse_qsl(parts.query))
    limits = {"socket_connect_timeout": "2", "socket_timeout": "5", "health_check_interval": "30"}
    if parts.scheme == "unix":
        limits.pop("health_check_interval")
    return urllib.parse.urlunsplit(parts._replace(query=urllib.parse.urlencode({**limits, **named})))
