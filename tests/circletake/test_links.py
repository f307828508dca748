"""Connections that are cut end soon on both sides, and a Redis that is away holds up no page."""

from __future__ import annotations

import time
from typing import Any

import psycopg
import pytest
from django.core.cache import caches
from django.test import Client

from circletake import cache, links
from tests import servers
from tests.cast import Cast
from tests.circletake.running import free_port

HOST = {"HOST": "db.internal", "OPTIONS": {}}


def test_both_ends_of_a_connection_give_up_a_silent_one() -> None:
    options = links.database_options(HOST, keepalive_seconds=10)
    assert options == {
        "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 25_000,
        "connect_timeout": 10,
        "options": "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
        " -c tcp_user_timeout=25000",
    }  # fmt: skip


def test_what_an_address_says_itself_stays() -> None:
    named = {"HOST": "db", "OPTIONS": {"connect_timeout": 3, "options": "-c search_path=ours"}}
    options = links.database_options(named, keepalive_seconds=10)
    assert options["connect_timeout"] == 3
    assert options["options"].startswith("-c search_path=ours -c tcp_keepalives_idle=10 ")


@pytest.mark.parametrize("host", ["", "/run/postgresql"])
def test_a_socket_of_this_machine_needs_none(host: str) -> None:
    assert links.database_options({"HOST": host}, keepalive_seconds=10) == {}
    assert links.database_options(HOST, keepalive_seconds=0) == {}


def test_a_server_of_version_15_takes_them() -> None:
    options = links.database_options(HOST, keepalive_seconds=7)
    with psycopg.connect(servers.postgres_15(), **options) as connection:
        shown = [
            connection.execute(f"SHOW tcp_keepalives_{name}").fetchone()
            for name in ("idle", "interval", "count")
        ]
    assert shown == [("7",), ("5",), ("3",)]


def test_redis_gets_time_limits_unless_its_address_names_its_own() -> None:
    assert links.redis_url("") == ""
    assert links.redis_url("redis://h:1/0?socket_timeout=9") == (
        "redis://h:1/0?socket_connect_timeout=2&socket_timeout=9&health_check_interval=30"
    )


@pytest.fixture
def _redis_is_away(settings: Any) -> None:
    away = {"BACKEND": "circletake.cache.PassableRedis", "LOCATION": f"redis://127.0.0.1:{free_port()}/0"}
    settings.CACHES = {**settings.CACHES, "default": away, "api": away}
    cache.PassableRedis._away_until = 0.0


@pytest.mark.usefixtures("_redis_is_away")
def test_a_cache_that_is_away_is_an_empty_one() -> None:
    there = caches["default"]
    there.set("a", 1)
    there.set_many({"a": 1})
    assert (there.get("a"), there.get("a", 5), there.get_many(["a"]), there.add("a", 1)) == (
        None,
        5,
        {},
        True,
    )
    assert (there.delete("a"), there.touch("a"), "a" in there, there.incr("a"), there.clear()) == (
        False, False, False, 1, None,
    )  # fmt: skip
    there.delete_many(["a"])


@pytest.mark.usefixtures("_redis_is_away")
def test_a_redis_that_failed_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(
        "django.core.cache.backends.redis.RedisCacheClient.get", lambda *a, **o: asked.append(a) or "there"
    )
    cache.PassableRedis._away_until = time.monotonic() + 60
    assert caches["default"].get("a") is None
    cache.PassableRedis._away_until = time.monotonic()
    assert (caches["default"].get("a"), len(asked)) == ("there", 1)


@pytest.mark.usefixtures("_redis_is_away")
def test_pages_and_signing_in_work_without_redis(cast: Cast, client: Client) -> None:
    assert client.get("/accounts/login/").status_code == 200
    answer = client.post("/accounts/login/", {"login": "nobody@example.com", "password": "wrong"})
    assert answer.status_code == 200
    client.force_login(cast.manager.person)
    assert client.get(f"/w/{cast.workspace.slug}/approvals/").status_code == 200
