"""The plain way, to compare the lanes with: a queue task for each job, which submits, waits and downloads.

It has no ledger, no budget and no memory of what it was doing: only the waiting is compared.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from bench import stage

if TYPE_CHECKING:
    from bench.jobs import Load

LOOK_SECONDS = 0.5


def job(number: int, *, url: str, model: str, folder: str, size: tuple[int, int]) -> None:
    """One job from submit to file; runs in a worker of the queue."""
    headers = {"Authorization": "Key test-key:test-secret"}
    body: dict[str, Any] = {"prompt": f"Lighthouse {number}"}
    if "video" in model:
        body["duration"] = "5"
    else:
        body["image_size"] = {"width": size[0], "height": size[1]}
    with httpx.Client(headers=headers, timeout=60) as client:
        answer = client.post(f"{url}/{model}", json=body)
        answer.raise_for_status()
        told = answer.json()
        while client.get(told["status_url"]).json()["status"] != "COMPLETED":
            time.sleep(LOOK_SECONDS)
        result = client.get(told["response_url"]).json()
        output = result["video"] if "video" in result else result["images"][0]
        content = client.get(output["url"]).content
    place = Path(folder) / hashlib.sha256(content).hexdigest()
    place.write_bytes(content)


def measure(load: Load, url: str, folder: Path, program: int, emulated: int) -> dict[str, Any]:
    """So many jobs of this load as tasks, with the workers of `manage.py up`."""
    from django_q.tasks import async_task

    from circletake.settings import WORKERS

    results = folder / "results"
    results.mkdir()
    with stage.Meter(program) as meter, stage.Meter(emulated) as emulator:
        meter.sample()
        used = dict(meter.cpu)
        begun = time.monotonic()
        for number in range(load.plain_takes):
            async_task(
                "bench.plain.job",
                number,
                url=f"{url}/fal",
                model=load.model.partition("/")[2],
                folder=str(results),
                size=(load.width, load.height),
            )
        patience = load.longest * load.plain_takes / WORKERS * 2 + 60
        while (there := len(list(results.iterdir()))) < load.plain_takes:
            if time.monotonic() - begun > patience:
                raise TimeoutError(f"{there} of {load.plain_takes} plain jobs came back.")
            time.sleep(0.5)
        taken = time.monotonic() - begun
    cpu = {part: seconds - used.get(part, 0.0) for part, seconds in meter.cpu.items()}
    cpu["emulator"] = sum(emulator.cpu.values())
    return {
        "takes": load.plain_takes,
        "workers": WORKERS,
        "seconds": round(taken, 1),
        "takes_a_second": round(load.plain_takes / taken, 2),
        "seconds_for_all": round(taken / load.plain_takes * load.takes),
        "cpu_ms_a_take": {k: round(v * 1000 / load.plain_takes, 1) for k, v in sorted(cpu.items())},
    }
