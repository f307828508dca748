"""Whether the database can be reached, and in words what to do where it cannot."""

from __future__ import annotations

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

AWAY = ("08", "53300", "57P")
"""Beginnings of the codes with which a server says that it starts, stops, or takes nobody in any more."""


def is_away(error: BaseException | None) -> bool:
    """Whether a query failed since the database does not answer, not for what was asked of it."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    code = getattr(error.__cause__, "sqlstate", None)
    return code is None or code.startswith(AWAY)


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
