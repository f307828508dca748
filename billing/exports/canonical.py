"""The canonical rows of a month, and their SHA-256: what a signature speaks of.

They are the month's cash entries as CSV, the oldest first and by id where instants are equal. The digest is
that of the file, byte for byte, so that `sha256sum` on the download tells whether anything has changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from billing.acceptances import Month
from billing.exports import lines
from billing.exports.entries import entries_of_month

COLUMNS = (
    *("id", "effective_at", "service_at", "booked_at", "kind", "campaign", "deliverable", "take"),
    *("category", "phase", "tier", "provider", "model", "person", "stage", "outcome", "amount"),
    *("native_amount", "native_currency", "rate", "price_row", "external_id"),
)


def rows(month: Month) -> Iterator[bytes]:
    """The file, line by line; call it in `month_sums.snapshot()`."""
    yield from lines.encoded([COLUMNS])
    yield from lines.encoded([getattr(entry, name) for name in COLUMNS] for entry in entries_of_month(month))


def digest(month: Month) -> str:
    found = hashlib.sha256()
    for line in rows(month):
        found.update(line)
    return found.hexdigest()
