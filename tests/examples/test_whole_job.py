"""The example that does the whole job through the API, against the whole program as people run it."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import av
import httpx
import pytest

from tests.circletake.running import ROOT, Running, up

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("up")]

MEMBERS = """
from projects import people, tokens
from projects.models import Membership, Workspace
owner = Membership.objects.select_related("workspace", "person").get(workspace__slug="lumen")
for role in ("producer", "manager", "finance"):
    email = f"{role}@lumen.example"
    _, secret = people.invite(email=email, roles=[role], by=owner)
    member = people.accept_invitation(secret=secret, person=people.find_or_make_person(email))
    print("TOKEN", role, tokens.issue(membership=member))
"""


def manage(running: Running, *words: str) -> str:
    """A command of ours on the running program's data."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *words],
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(running.data_dir), "DEMO": "0"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_takes_a_brief_to_a_film_and_its_true_cost(tmp_path: Path) -> None:
    with up(tmp_path / "data", DEMO="0", HERO_UNDO_SECONDS="3") as it:
        owner = manage(
            it, "create_workspace", "lumen", "--currency", "EUR", "--time-zone", "Europe/Berlin",
            "--owner", "owner@lumen.example",
        ).split()[-1]  # fmt: skip
        tokens = [line.split() for line in manage(it, "shell", "-c", MEMBERS).splitlines() if "TOKEN" in line]
        environment = {f"CIRCLETAKE_{role.upper()}_TOKEN": token for _, role, token in tokens}
        said = whole_job(it, tmp_path, **environment)
        assert said[-1] == "Done."
        assert "Brief: 12 new, 0 changed, 0 as they were." in said
        assert film_of(tmp_path / "hero.mp4") == ("h264", 1920, 1080)
        audit = get(it, owner, "audits/" + month_in(said) + "/")
        assert (audit["totals"]["accepted"], audit["totals"]["takes"]) == (1, 3)
        assert Decimal(audit["totals"]["cash_per_acceptable"]) == cash_in_the_ledger(it, owner)
        assert any(audit["totals"]["cash_per_acceptable"] in line for line in said)


def whole_job(it: Running, folder: Path, **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples/whole_job.py")],
        env={
            "PATH": os.environ["PATH"],
            "CIRCLETAKE_URL": f"http://localhost:{it.port}",
            "CIRCLETAKE_OUT": str(folder / "hero.mp4"),
            **environment,
        },
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout + done.stderr + it.log()[-3000:]
    return done.stdout.splitlines()


def film_of(path: Path) -> tuple[str, int, int]:
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        return stream.codec_context.name, stream.width, stream.height


def month_in(said: list[str]) -> str:
    return next(line for line in said if line.startswith("Month ")).split()[1].rstrip(":")


def get(it: Running, token: str, path: str) -> Any:
    address = path if path.startswith("http") else f"http://localhost:{it.port}/api/v1/{path}"
    response = httpx.get(address, headers={"Authorization": f"Token {token}"})
    assert response.status_code == 200, response.text
    return response.json()


def cash_in_the_ledger(it: Running, token: str) -> Decimal:
    """All cash of the running month, added up row by row: one deliverable has any."""
    page, cash = get(it, token, "ledger/?page_size=3"), Decimal(0)
    while True:
        cash += sum(Decimal(row["amount"]) for row in page["results"] if row["kind"] != "transfer")
        if not page["next"]:
            return cash
        page = get(it, token, page["next"])
