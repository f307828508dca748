"""Refusals that a person can act upon: what was wrong, and the remedy.

Work functions raise a `Refused`; pages show `title`, `detail` and `remedy`, the API answers the same as a
problem document (RFC 9457).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Refused(Exception):
    """An action that was not done, with its HTTP status. `extra` joins the problem document."""

    status = 409
    title = "This cannot be done"

    def __init__(
        self,
        detail: str,
        *,
        remedy: str = "",
        title: str = "",
        status: int | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.remedy = remedy
        self.title = title or self.title
        self.status = status or self.status
        self.extra = dict(extra or {})

    @property
    def points(self) -> list[str]:
        """What stands in the way, one by one; the detail alone where that is a single thing."""
        return list(self.extra.get("reasons", ())) or [self.detail]


class Invalid(Refused):
    """Input that does not fit. `errors` names each field and what is wrong with it."""

    status = 422
    title = "Some values do not fit"

    def __init__(self, errors: Mapping[str, Sequence[str]], *, remedy: str = "") -> None:
        detail = " ".join(f"{name}: {' '.join(said)}" for name, said in errors.items())
        super().__init__(detail, remedy=remedy, extra={"errors": {k: list(v) for k, v in errors.items()}})
        self.errors = self.extra["errors"]


class BadLines(Refused):
    """A file with bad lines, all of them named; nothing was imported."""

    status = 422
    title = "Nothing was imported"

    def __init__(self, lines: Sequence[Mapping[str, Any]], *, remedy: str = "") -> None:
        count = len(lines)
        detail = f"{count} bad line{'s' if count != 1 else ''}; nothing was imported."
        remedy = remedy or "Correct the named lines and send the file again."
        super().__init__(detail, remedy=remedy, extra={"lines": [dict(line) for line in lines]})
        self.lines = self.extra["lines"]
