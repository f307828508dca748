"""The drill of the audit against its reference: it adds up, goes on, and says where a class is missing."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from drills import histories


@pytest.mark.django_db
def test_a_drill_that_was_broken_off_goes_on_with_its_next_seed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = argparse.Namespace(count=1, seed=7, folder=tmp_path)
    assert histories.run(options) == 1  # one history cannot have every class
    options.count = 2
    histories.run(options)
    kept = json.loads((tmp_path / "histories.json").read_text())
    assert (kept["seed"], kept["done"], kept["differences"]) == (7, 2, {})
    assert "Seeds 7 to 8," in capsys.readouterr().out
