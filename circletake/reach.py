"""Whether the database can be reached, and in words what to do where it cannot."""

from __future__ import annotations

from django.conf import settings
from django.db import OperationalError, connection


def out_of_reach() -> str | None:
    """One line with the remedy where no connection can be made; None where the database answers."""
    try:
        connection.close()
        connection.ensure_connection()
    except OperationalError as error:
        if settings.EMBEDDED_DATABASE:
            return (
                f"The database of {settings.DATA_DIR} does not run. Start it with `make run`, "
                "or set DATA_DIR or DATABASE_URL to the one that you mean."
            )
        first_line = str(error).strip().partition("\n")[0]
        return f"The database of DATABASE_URL does not answer: {first_line}"
    return None
