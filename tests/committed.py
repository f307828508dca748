"""Fixtures for tests that really commit: races between connections and processes, killed backends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection


@pytest.fixture
def _fresh_connection() -> Iterator[None]:
    """Ends the connection after the tables were emptied, and with it what was set for that."""
    yield
    connection.close()


@pytest.fixture
def committed(_fresh_connection: None, transactional_db: None) -> Iterator[None]:
    """As `transactional_db`; afterwards the tables are emptied although their guards forbid it."""
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
