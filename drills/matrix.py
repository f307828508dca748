"""Every point of a take's way met by every fault: `python -m drills.matrix [--cells before:claim/worker …]`.

`manage.py up` runs beside an emulated provider. For each cell a take is asked for. In a kill the first
process that comes to the point waits there until what the cell names is killed: the process itself, its
sentinel, its main process, its database backend or the database. In the other cells the provider gives the
answer. Then the take has to end by itself, or its call to be listed as unknown with its hold and evidence;
that is settled by the truth in the provider's log, and everything is judged as in the kill drill. What was
done is kept in `matrix.json`; `--markdown` prints it and runs nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from bench import stage
from drills import kill

SECONDS = {"SWEEP_SECONDS": "2", "LEASE_SECONDS": "3", "CANARY_SECONDS": "20"}
"""A lease of less would run out while an honest worker waits for its turn on a busy machine; the canary
counts from the start of a group, which there takes some seconds."""

LATENCY = "0.3"
START_SECONDS = 600.0
MEET_SECONDS = 90.0
GOING_SECONDS = 10.0
"""So soon a process is gone that was killed, and with it the one at the point that was to go with it."""

ASK_SECONDS = 150.0
QUIET_SECONDS = 240.0
BREAKS = 3
"""So many cells in a row that could not be judged end the drill."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", nargs="*", default=[], help="some cells alone, as before:claim/worker")
    parser.add_argument("--again", action="store_true", help="run cells that were run before, too")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/circletake-matrix"))
    parser.add_argument("--markdown", action="store_true", help="print what was found; run nothing")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    options.folder.chmod(0o711)
    os.environ.setdefault("SECRET_KEY", "drill-" + "0123456789" * 5)
    port, data = stage.free_port(), options.folder / "data"
    from drills import stand

    os.environ.update(stand.environment(data, port) | SECONDS)
    os.environ["DJANGO_SETTINGS_MODULE"] = "drills.settings_points"
    import django

    django.setup()
    from drills import meeting
    from drills.results import Results

    results = Results.of(options.folder)
    if options.markdown:
        sys.stdout.write(results.markdown())
        return
    os.environ[meeting.VARIABLE] = str(options.folder)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    raise SystemExit(_run(options, results, data, port))


def _run(options: argparse.Namespace, results: Any, data: Path, port: int) -> int:
    from drills import cells

    wanted = cells.named(options.cells)
    left = [cell for cell in wanted if options.again or not results.has(cell.name)]
    kill.say(f"{len(left)} of {len(wanted)} cells are to be run.")
    broken = 0
    while left and broken < BREAKS:
        if data.exists():
            shutil.rmtree(data)
        data.mkdir(mode=0o711)
        before = len(left)
        _with_program(results, left, data, port)
        broken = broken + 1 if len(left) == before - 1 else 1
    kill.say(results.summary())
    return 1 if results.violations() or left else 0


def _with_program(results: Any, left: list[Any], data: Path, port: int) -> None:
    """Runs cells on one program, until all are done or one could not be judged; takes them off the list."""
    from django.db import connections

    from drills import stand, studio

    providers = stage.free_port()
    url = f"http://127.0.0.1:{providers}"
    program = stand.Program(data, port, patience=START_SECONDS)
    with stage.started(stage.emulators(providers, latency=LATENCY), log=data / "emulators.log"):
        stage.wait_for(f"{url}/_control/health")
        try:
            program.start()
            place = studio.Studio("matrix", f"{url}/fal", webhooks=False, doubtful="0")
            stand.wait_until_ready(program, seconds=START_SECONDS)
            drill = Matrix(data.parent, program, place, url)
            while left:
                cell = left.pop(0)
                try:
                    found = drill.run(cell)
                except Exception as error:
                    words = f"{cell.name} could not be judged: {type(error).__name__}: {error}"[:500]
                    results.add(cell.name, {"violations": [words]})
                    kill.say(f"  VIOLATION {words}")
                    return
                results.add(cell.name, found)
                kill.say(f"{cell.name}: {json.dumps(found)}")
        finally:
            connections.close_all()
            program.stop()


class Matrix:
    """Runs cells one after the other, each with a take of its own, on one program."""

    def __init__(self, folder: Path, program: Any, place: Any, url: str) -> None:
        self.folder, self.program, self.place, self.url = folder, program, place, url
        self.promised: dict[Any, str] = {}
        self.known: set[str] = set()
        self.number = 0

    def run(self, cell: Any) -> dict[str, Any]:
        """One cell; what was found, with everything that is wrong now and was not before."""
        from drills import meeting

        begun, starts = time.monotonic(), self.program.starts
        wish = self._wish(cell)
        said: list[Any] = []
        thread = threading.Thread(target=self._ask, args=(wish, said))
        if cell.is_kill:
            meeting.aim(self.folder, cell.point)
        thread.start()
        if cell.is_cancelled:
            thread.join()
            self._cancel(*said[0])
        wrong = self._strike(cell) if cell.is_kill else []
        thread.join()
        if not said:
            raise RuntimeError("The take was not promised.")
        self.promised.update(dict.fromkeys(said[0], cell.name))
        found = self._judged(said[0][0], wrong)
        if self.program.starts != starts:
            found["violations"].append("The program ended.")
        return {
            **found, "seconds": round(time.monotonic() - begun, 1),
            "at": round(time.time(), 1), "load": round(os.getloadavg()[0], 1),
        }  # fmt: skip

    def _wish(self, cell: Any) -> Any:
        from drills import studio
        from projects.identifiers import new_id

        self.number += 1
        return studio.Wish(
            key=new_id(), studio=self.place, deliverable=self.place.deliverables[0], trouble=cell.directive,
            number=self.number, over_the_api=True, count=1,
        )  # fmt: skip

    def _ask(self, wish: Any, said: list[Any]) -> None:
        """Says the wish under its key until the program has promised the take."""
        from drills import studio

        until = time.monotonic() + ASK_SECONDS
        while time.monotonic() < until:
            if takes := studio.over_the_api(self.program.url, wish):
                said.append(takes)
                return
            time.sleep(0.3)

    def _cancel(self, take: Any) -> None:
        """Cancels the take once the provider has its job, as a person would."""
        from django.utils import timezone

        from generation import cancel
        from generation.models import Call
        from generation.models.runs import CallState
        from projects.models import Take

        until = time.monotonic() + ASK_SECONDS
        while not Call.objects.filter(run__take=take, state=CallState.ACCEPTED).exists():
            if time.monotonic() > until:
                raise RuntimeError("The provider never had the job that was to be cancelled.")
            time.sleep(0.1)
        if not cancel.cancel(take=Take.objects.get(pk=take), by=self.place.member, now=timezone.now()):
            raise RuntimeError("The take had ended before it was cancelled.")

    def _strike(self, cell: Any) -> list[str]:
        """Waits until a process stands at the point, and kills."""
        from drills import aim, meeting, targets

        met = meeting.wait_until_met(self.folder, seconds=MEET_SECONDS)
        if met is None:
            return [f"No process came to the point {cell.point}."]
        try:
            target = targets.of(cell.fault, met, self.program.pid)
            going = [target, *targets.below(target, met)] if target else []
            if target is None or not aim.kill(target):
                return [f"There was no {cell.fault} to kill at {cell.point}."]
            left = targets.outlive(going, seconds=GOING_SECONDS)
            return [f"At {cell.point} process {process.pid} outlived its {cell.fault}." for process in left]
        finally:
            meeting.let_go(self.folder)

    def _judged(self, take: Any, wrong: list[str]) -> dict[str, Any]:
        from drills import asked, truth
        from drills.results import of_take

        wrong = wrong + kill.calm(self.program, seconds=QUIET_SECONDS)
        settled, more = kill.settle(self.program, [self.place], self.url)
        jobs = truth.ended_log(self.url)
        wrong += more + truth.violations([self.place], jobs)
        wrong += asked.violations(self.promised, may_fail=())
        fresh = [line for line in wrong if line not in self.known]
        self.known.update(fresh)
        return {**of_take(take, jobs), "settled": settled, "violations": fresh}


if __name__ == "__main__":
    main()
