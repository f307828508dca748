"""A month's document of the product against that of the naive reference, to the last digit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from billing import audit
from projects.models import Workspace
from tests.billing.naive import Reading

NOT_COMPARED = {"digest", "name"}  # of a closed month; of rows, words and no figures


def by_each(workspace: Workspace, reading: Reading, month: str, by: Sequence[str]) -> list[str]:
    """Where the month differs by one of the dimensions."""
    documents = audit.month_by_each(workspace=workspace, month=month, by=by)
    return [
        f"{month} by {name} {line}"
        for name in by
        for line in differences(comparable(reading.audit(month, name)), comparable(documents[name]))
    ]


def comparable(part: Any) -> Any:
    """The document without what is not compared; its rows in the order of their keys."""
    if isinstance(part, dict):
        return {name: comparable(part[name]) for name in part if name not in NOT_COMPARED}
    if isinstance(part, list):
        return sorted(map(comparable, part), key=lambda row: row["key"])
    return part


def differences(expected: Any, found: Any, path: str = "") -> list[str]:
    """Each place where two documents differ, with both values."""
    if isinstance(expected, dict) and isinstance(found, dict):
        names = sorted({*expected, *found})
        pairs = [(f"{path}.{name}", expected.get(name), found.get(name)) for name in names]
    elif isinstance(expected, list) and isinstance(found, list):
        ours, theirs = ({row["key"]: row for row in rows} for rows in (expected, found))
        keys = sorted({*ours, *theirs})
        pairs = [(f"{path}[{key!r}]", ours.get(key), theirs.get(key)) for key in keys]
    else:
        same = type(expected) is type(found) and expected == found
        return [] if same else [f"{path}: reference {expected!r}, product {found!r}"]
    return [line for name, ours, theirs in pairs for line in differences(ours, theirs, name)]
