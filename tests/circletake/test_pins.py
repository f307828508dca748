"""The pins hold for every Python that is promised, not only for the one that they were made with."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PINS = Path(__file__).parents[2] / "requirements.txt"


def pinned() -> set[str]:
    names = re.findall(r"^([A-Za-z0-9._-]+)==", PINS.read_text(), re.MULTILINE)
    return {canonicalize_name(name) for name in names}


@pytest.mark.parametrize("version", ["3.11.0", "3.11.2", "3.11.14", "3.12.3", "3.13.5"])
def test_what_a_package_needs_on_this_python_is_pinned(version: str) -> None:
    python = {"python_version": version.rpartition(".")[0], "python_full_version": version, "extra": ""}
    known = pinned()
    missing = {
        f"{name} needs {wanted}"
        for name in known
        for line in _requires(name)
        if (wanted := Requirement(line)).marker is None or wanted.marker.evaluate(python)
        if canonicalize_name(wanted.name) not in known
    }
    assert not missing


def _requires(name: str) -> list[str]:
    try:
        return importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        return []
