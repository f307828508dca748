"""While the database is away, pages and the API say so and when to come back; other faults stay faults."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import psycopg
from django.db import OperationalError, connection
from django.test import Client

from circletake import reach
from projects import tokens
from tests.cast import Cast
from tests.generation.pages import signed_in


@contextmanager
def failing(cause: Exception) -> Iterator[None]:
    """Every query within fails for this cause."""

    def cursor(*arguments: Any, **options: Any) -> None:
        raise OperationalError(str(cause)) from cause

    with mock.patch.object(connection, "cursor", cursor):
        yield


def asked(member: Any) -> Client:
    client = signed_in(member)
    client.raise_request_exception = False
    return client


def test_a_page_without_database_says_what_to_do(studio: Cast) -> None:
    client = asked(studio.producer)
    with failing(psycopg.OperationalError("connection refused")):
        page = client.get("/w/studio/search/?q=fog")
        post = client.post("/w/studio/notices/read/")
    assert (page.status_code, page["Retry-After"], page["Cache-Control"]) == (503, "5", "no-store")
    words = page.content.decode()
    assert "The database does not answer" in words
    assert 'href="/w/studio/search/?q=fog"' in words
    assert post.status_code == 503
    assert '<a class="button button--primary" href="/">' in post.content.decode()


def test_the_api_without_database_answers_503_as_a_problem(studio: Cast) -> None:
    address = "/api/v1/projects/"
    token = tokens.issue(membership=studio.producer)
    client = Client(raise_request_exception=False, headers={"Authorization": f"Token {token}"})
    assert client.get(address).status_code == 200
    with failing(psycopg.errors.AdminShutdown("terminating connection")):
        answer = client.get(address)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/unavailable"


def test_a_fault_of_ours_stays_500(studio: Cast) -> None:
    client = asked(studio.producer)
    with failing(psycopg.errors.DiskFull("no space")):
        page = client.get("/w/studio/")
    assert page.status_code == 500
    assert "Something broke on our side" in page.content.decode()


def test_only_a_database_that_does_not_answer_is_away() -> None:
    away = OperationalError("gone")
    assert reach.is_away(away)
    away.__cause__ = psycopg.errors.CannotConnectNow("starting up")
    assert reach.is_away(away)
    away.__cause__ = psycopg.errors.DeadlockDetected("deadlock")
    assert not reach.is_away(away)
    assert not reach.is_away(ValueError("no"))
    assert not reach.is_away(None)
