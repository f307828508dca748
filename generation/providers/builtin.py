"""The built-in renderer as a provider: jobs are rows, drawn by the render lane, asked about like any others.

It takes the same road as every provider: submit, poll, cancel, an error of each class. Its drill models say
in their capabilities what goes wrong: `{"drill": "fail" | "block" | "lag"}`.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import httpx
from django.db.models import QuerySet
from django.utils import timezone

from circletake import bells
from generation.models import SketchJob
from generation.providers.profile import Abilities, Cancels, Profile
from generation.providers.protocol import (
    Account,
    CancelOutcome,
    ErrorClass,
    Job,
    JobState,
    Lost,
    ModelFacts,
    Output,
    Provider,
    ProviderError,
    Status,
    StepRequest,
    Submitted,
)

LAG_SECONDS = 20
DRILLS: dict[str, dict[str, Any]] = {
    "fail": {"fail": ErrorClass.UNAVAILABLE.value},
    "block": {"block": True},
    "lag": {"lag_seconds": LAG_SECONDS},
}
ENDED = {
    SketchJob.State.FAILED: JobState.FAILED,
    SketchJob.State.BLOCKED: JobState.BLOCKED,
    SketchJob.State.CANCELLED: JobState.CANCELLED,
}


class Builtin(Provider):
    name = "builtin"
    profile = Profile(title="Built-in renderer", key=())
    abilities = Abilities(cancel=Cancels.QUEUED, look_up=True, idempotency=True, local=True)

    def translate(self, *, model: ModelFacts, request: StepRequest) -> Job:
        """The request as the render lane reads it; what the model does not have is dropped and named."""
        able = model.capabilities
        knobs: dict[str, Any] = {
            "seed": request.seed,
            "guidance": _text(request.guidance),
            "motion": _text(request.motion),
        }
        dropped = tuple(
            name for name, value in knobs.items() if value is not None and able.get(name) is False
        )
        parameters = {**DRILLS.get(str(able.get("drill", "")), {}), **request.parameters}
        payload = {
            "prompt": request.prompt,
            "width": request.width,
            "height": request.height,
            "duration_seconds": _text(request.duration_seconds),
            "parameters": parameters,
            "inputs": [
                {"role": file.role, "sha256": file.sha256, "media_type": file.media_type}
                for file in request.inputs
            ],
            **{name: value for name, value in knobs.items() if name not in dropped},
        }
        return Job(
            model=model.key,
            kind=request.kind,
            payload=payload,
            inputs=request.inputs,
            dropped=dropped,
        )

    async def submit(self, client: httpx.AsyncClient, *, account: Account, job: Job) -> Submitted:
        """Writes the job; the same token again is the same job."""
        lag = Decimal(str(job.payload["parameters"].get("lag_seconds", 0)))
        not_before = timezone.now() + datetime.timedelta(seconds=float(lag))
        row, made = SketchJob.objects.get_or_create(
            token=job.token,
            defaults={
                "model": job.model,
                "kind": job.kind,
                "request": dict(job.payload),
                "not_before": not_before,
            },
        )
        if made:
            bells.ring(bells.RENDER)
        return Submitted(str(row.pk), {})

    async def poll(
        self, client: httpx.AsyncClient, *, account: Account, job_id: str, handle: Mapping[str, Any]
    ) -> Status:
        row = _jobs(job_id).first()
        if row is None:
            return Status(JobState.LOST)
        if row.state == SketchJob.State.SUCCEEDED:
            seeds = [entry.get("seed") for entry in row.outputs]
            return Status(
                JobState.SUCCEEDED,
                outputs=tuple(
                    Output(
                        url=entry.get("url", ""),
                        text=entry.get("text", ""),
                        media_type=entry.get("media_type", ""),
                    )
                    for entry in row.outputs
                ),
                seed=seeds[0] if seeds else None,
                ended_at=row.ended_at,
            )
        if row.state in ENDED:
            error_class = ErrorClass(row.error_class or ErrorClass.UNAVAILABLE)
            error = ProviderError(error_class, row.error or "the job was cancelled", charged=False)
            return Status(ENDED[SketchJob.State(row.state)], error=error, ended_at=row.ended_at)
        running = row.state == SketchJob.State.RUNNING
        return Status(JobState.RUNNING if running else JobState.QUEUED)

    async def cancel(
        self, client: httpx.AsyncClient, *, account: Account, job_id: str, handle: Mapping[str, Any]
    ) -> CancelOutcome:
        """A job that waits is taken out; one that is being drawn is finished."""
        stopped = (
            _jobs(job_id)
            .filter(state=SketchJob.State.QUEUED)
            .update(state=SketchJob.State.CANCELLED, ended_at=timezone.now())
        )
        if stopped:
            return CancelOutcome.CANCELLED
        drawing = _jobs(job_id).filter(state=SketchJob.State.RUNNING).exists()
        return CancelOutcome.REQUESTED if drawing else CancelOutcome.TOO_LATE

    async def find(self, client: httpx.AsyncClient, *, account: Account, lost: Lost) -> Submitted | None:
        row = SketchJob.objects.filter(token=lost.token).only("pk").first()
        return Submitted(str(row.pk), {}) if row else None


def _jobs(job_id: str) -> QuerySet[SketchJob]:
    """The job as a query; one without rows where this is no id of ours."""
    try:
        return SketchJob.objects.filter(pk=uuid.UUID(job_id))
    except ValueError:
        return SketchJob.objects.none()


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


provider = Builtin()
