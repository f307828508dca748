"""The files under deploy/ as data: units, the Compose file, and the environments that they name."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import yaml

from tests.circletake.running import ROOT

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*"))
NAME = re.compile(r"^#?([A-Z][A-Z0-9_]*)=")
READ = re.compile(r"""env(?:\.\w+)?\(\s*["']([A-Z][A-Z0-9_]*)["']""")
OTHERS = frozenset(
    {"PATH", "PYTHONUNBUFFERED", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"}
)
"""Read by the system, by Python and by the client of the storage."""


def unit(name: str) -> dict[str, list[str]]:
    """Keys of a unit with all their values."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / "systemd" / name).read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found


def commands() -> dict[str, list[str]]:
    """By where it stands, each command line of ours after `manage.py`."""
    found = {}
    for path in UNITS:
        for line in unit(path.name).get("ExecStart", []):
            words = shlex.split(line)
            found[path.name] = words[words.index("/opt/circletake/manage.py") + 1 :]
    for name, service in compose()["services"].items():
        if service.get("image") != "circletake:latest":
            continue
        if service.get("entrypoint"):
            parts = [part for script in service["command"] for part in script.split("&&")]
            for part in parts:
                words = shlex.split(part)
                found[f"compose {name} {words[2]}"] = words[words.index("manage.py") + 1 :]
        else:
            found[f"compose {name}"] = list(service["command"])
    return found


def named() -> dict[str, set[str]]:
    """By file, the variables that it sets."""
    example = (DEPLOY / "environment.example").read_text().splitlines()
    docker = re.findall(r"(?m)^ENV (.+)$", (DEPLOY / "Dockerfile").read_text())
    return {
        "environment.example": {match[1] for line in example if (match := NAME.match(line))},
        "compose.yaml": set(compose()["x-circletake"]["environment"]),
        "Dockerfile": {word.partition("=")[0] for line in docker for word in line.split()}
        - {"PIP_DISABLE_PIP_VERSION_CHECK", "PIP_NO_CACHE_DIR"},
        "units": {
            value.partition("=")[0] for path in UNITS for value in unit(path.name).get("Environment", [])
        },
    }


def read_by_settings() -> set[str]:
    """Every variable that the settings look at."""
    sources = [path.read_text() for path in (ROOT / "circletake").glob("*.py")]
    return {name for source in sources for name in READ.findall(source)}


def documented() -> set[str]:
    """Variables in the table of docs/operating.md."""
    table = (ROOT / "docs" / "operating.md").read_text().partition("## Settings")[2]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([A-Z][A-Z0-9_]*)`", row)}


def environment() -> dict[str, str]:
    """environment.example as a process gets it: what is commented out is not there."""
    lines = (DEPLOY / "environment.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if NAME.match(line) and not line.startswith("#"))


def python() -> Path:
    return ROOT / ".venv" / "bin" / "python"
