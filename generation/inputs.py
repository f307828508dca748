"""What goes into a step: prompt and files, from the take's request and from the steps before."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from generation.media import store
from generation.models import Run
from generation.providers.protocol import InputFile, StepRequest
from projects.models import Asset


class MissingInput(Exception):
    """Something that should go in is not there; the message names it."""


class Materials:
    """Assets and texts that a batch of runs needs, in two queries; paths last until `open_files` closes."""

    def __init__(self, runs: Iterable[Run], open_files: contextlib.ExitStack) -> None:
        runs = list(runs)
        self.open_files = open_files
        self.by_step: dict[tuple[uuid.UUID, str], Run] = {
            (run.take_id, run.step): run
            for run in Run.objects.filter(take__in={run.take_id for run in runs}).select_related("asset")
        }
        wanted = {
            (run.workspace_id, entry["sha256"])
            for run in runs
            for entry in run.request.get("inputs", [])
            if entry.get("sha256")
        }
        rows = Asset.objects.filter(
            workspace__in={workspace for workspace, _ in wanted},
            sha256__in={digest for _, digest in wanted},
        )
        self.by_digest = {(row.workspace_id, row.sha256): row for row in rows}

    def request(self, run: Run, parameters: Mapping[str, Any], *, on_disk: bool = False) -> StepRequest:
        """The step as an adapter takes it; raises MissingInput.

        With `on_disk` each file is a path that can be opened, for providers that have to be sent its bytes;
        without, its name in the storage.
        """
        asked = run.request
        return StepRequest(
            kind=run.kind,
            prompt=self.prompt(run),
            seed=asked.get("seed"),
            width=asked.get("width"),
            height=asked.get("height"),
            duration_seconds=_decimal(asked.get("duration_seconds")),
            guidance=_decimal(asked.get("guidance")),
            motion=_decimal(asked.get("motion")),
            inputs=tuple(
                InputFile(
                    role=role,
                    path=self._opened(asset) if on_disk else asset.name,
                    media_type=asset.media_type,
                    sha256=asset.sha256,
                )
                for role, asset in self.files(run)
            ),
            parameters={**asked.get("parameters", {}), **parameters},
        )

    def prompt(self, run: Run) -> str:
        """The step's prompt; a step that writes prompts replaces it where it is named as an input."""
        for entry in run.request.get("inputs", []):
            if entry["role"] == "prompt":
                return self._earlier(run, entry["step"]).result_text
        return str(run.request.get("prompt") or "")

    def files(self, run: Run) -> list[tuple[str, Asset]]:
        """Role and asset of each file that goes in, in the order of the request."""
        found = []
        for entry in run.request.get("inputs", []):
            if entry["role"] == "prompt":
                continue
            if entry.get("step"):
                asset = self._earlier(run, entry["step"]).asset
            else:
                asset = self.by_digest.get((run.workspace_id, entry["sha256"]))
            if asset is None or not asset.name:
                raise MissingInput(f"The {entry['role']} of step {run.step} is not in the storage.")
            found.append((entry["role"], asset))
        return found

    def _opened(self, asset: Asset) -> str:
        try:
            return str(self.open_files.enter_context(store.local(asset.name)))
        except FileNotFoundError:
            raise MissingInput(f"The file {asset.name} is not in the storage.") from None

    def _earlier(self, run: Run, step: str) -> Run:
        earlier = self.by_step.get((run.take_id, step))
        if earlier is None:
            raise MissingInput(f"Step {run.step} needs the step {step}, which this take lacks.")
        return earlier


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))
