"""`docs/providers.md`: what is tested of each provider, as the contract suite has it.

    python -m tests.generation.providers.matrix           runs the suite and writes the page
    python -m tests.generation.providers.matrix --quick   writes it without running anything

The page shows the cases that the suite runs. The first form also records which of them were run and passed,
and writes nothing when one was not.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping

STOPS = "A take that is cancelled"
"""The section whose table has a provider a row and says in words what came of it and was charged."""

SECTIONS = {
    "Jobs": "test_contract_jobs",
    "Errors": "test_contract_errors",
    "Cancel": "test_contract_cancel",
    STOPS: "test_contract_stops",
    "Webhooks": "test_contract_webhooks",
    "Outputs, knobs, lost answers": "test_contract_outputs",
}
HERE = pathlib.Path(__file__).parent
PAGE = pathlib.Path(__file__).parents[3] / "docs" / "providers.md"
RECORD = "CONTRACT_RECORD"
"""In the environment: the file to which the suite appends each case that it ran and that passed."""

HEAD = """# Providers, and what is tested of each

Made from the kits in `tests/generation/providers/kits/` by `python -m tests.generation.providers.matrix`; a
test fails while it is out of date. ✓ is one or several tests against the emulator over real HTTP, and
the details below say what they hold. – : the protocol does not have it. *untested*: it has, and nobody
tests it, for the reason given below. No test has called a real provider.
"""

ON_STOPS = """Each cell is a take driven through the engine's own lanes and cancelled in that state: what
became of it, and what was charged. The ledger's entry and the emulated provider's bill agree in every cell;
where nobody knows whether a call that we hung up on is billed, nothing is booked and the money stays held
until a person says."""

Cells = Mapping[str, Mapping[str, list[str]]]
"""By section and row, what is said of one provider."""


def cells() -> dict[str, dict[str, dict[str, list[str]]]]:
    """By provider, section and row, what the suite's cases say, in their order."""
    from tests.generation.providers import kits
    from tests.generation.providers.cases import Subject

    found: dict[str, dict[str, dict[str, list[str]]]] = {}
    for name, kit in kits.modules().items():
        subject = Subject(name, kit.DECLARED)
        for section, case_functions in _tests().items():
            rows = found.setdefault(name, {}).setdefault(section, {})
            for cases in case_functions:
                for case in cases(subject):
                    rows.setdefault(case.row, []).append(case.says)
    return found


def _tests() -> dict[str, list[object]]:
    modules = {
        section: importlib.import_module(f"tests.generation.providers.{module}")
        for section, module in SECTIONS.items()
    }
    return {
        section: [test.cases for test in vars(module).values() if hasattr(test, "cases")]
        for section, module in modules.items()
    }


def untested() -> dict[str, dict[str, str]]:
    """By provider and row, why it is not tested."""
    from tests.generation.providers import kits

    return {name: dict(kit.DECLARED.untested) for name, kit in kits.modules().items()}


def page() -> str:
    """The whole page."""
    known, missing = cells(), untested()
    lines = [HEAD]
    for section in SECTIONS:
        lines += _stops(known) if section == STOPS else _table(section, known, missing)
    for name in known:
        lines += _details(name, known[name], missing[name])
    return "\n".join(lines).rstrip() + "\n"


def _table(section: str, known: Mapping[str, Cells], missing: Mapping[str, Mapping[str, str]]) -> list[str]:
    rows = list(dict.fromkeys(row for sections in known.values() for row in sections[section]))
    lines = [f"## {section}", "", f"| | {' | '.join(known)} |", f"| --- |{' --- |' * len(known)}"]
    for row in rows:
        marks = [
            "✓" if row in known[name][section] else "*untested*" if row in missing[name] else "–"
            for name in known
        ]
        lines.append(f"| {row} | {' | '.join(marks)} |")
    return [*lines, ""]


def _stops(known: Mapping[str, Cells]) -> list[str]:
    columns = list(dict.fromkeys(row for sections in known.values() for row in sections[STOPS]))
    lines = [f"## {STOPS}", "", ON_STOPS, ""]
    lines += [f"| | {' | '.join(columns)} |", f"| --- |{' --- |' * len(columns)}"]
    for name, sections in known.items():
        said = ["; ".join(sections[STOPS].get(column, ["–"])) for column in columns]
        lines.append(f"| {name} | {' | '.join(said)} |")
    return [*lines, ""]


def _details(name: str, sections: Cells, missing: Mapping[str, str]) -> list[str]:
    from generation.providers import registry

    lines = [f"## {registry.get(name).profile.title} (`{name}`)", ""]
    for section, rows in sections.items():
        for row, said in rows.items() if section != STOPS else ():
            words = "; ".join(dict.fromkeys(one for one in said if one != "yes"))
            if words:
                lines.append(f"- {section}, {row}: {words}")
    lines += [f"- *untested*, {row}: {reason}" for row, reason in missing.items()]
    return [*lines, ""]


# -- the record -----------------------------------------------------------------------------------


def expected() -> Iterator[tuple[str, str, str]]:
    for name, sections in cells().items():
        for rows in sections.values():
            for row, said in rows.items():
                yield from ((name, row, one) for one in said)


def run() -> set[tuple[str, str, str]]:
    """Runs the contract suite and answers the cases that passed; raises SystemExit where it is red."""
    with tempfile.TemporaryDirectory() as folder:
        record = pathlib.Path(folder) / "record"
        record.touch()
        tests = [str(HERE / f"{module}.py") for module in SECTIONS.values()]
        command = [sys.executable, "-m", "pytest", "-q", *tests]
        done = subprocess.run(command, env={**os.environ, RECORD: str(record)}, check=False)
        if done.returncode:
            raise SystemExit(done.returncode)
        return {tuple(json.loads(line)) for line in record.read_text().splitlines()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.generation.providers.matrix")
    parser.add_argument("--quick", action="store_true", help="write the page without running the suite")
    quick = parser.parse_args().quick
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "circletake.settings")
    import django

    django.setup()
    if not quick and (left := set(expected()) - run()):
        raise SystemExit("\n".join(["These cases were not run:", *map(str, sorted(left))]))
    PAGE.write_text(page())
    print(f"{PAGE.name} is written.")


if __name__ == "__main__":
    main()
