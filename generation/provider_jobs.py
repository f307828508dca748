"""Which of our calls a provider's job id is about; the books ask this when bills come in."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from billing.invoices.jobs import Job
from generation.models import Call
from projects.models import Workspace


def known(workspace: Workspace, provider: str, ids: Collection[str]) -> Mapping[str, Job]:
    """The calls of the provider by job id, in one query; ids that are not ours are left out."""
    if not ids:
        return {}
    rows = Call.objects.filter(workspace=workspace, provider=provider, provider_job_id__in=set(ids))
    found = rows.order_by("-id").values_list("provider_job_id", "pk", "run__take", "run__stage", "model")
    return {
        job: Job(call=call, take=take, stage=stage, model=model) for job, call, take, stage, model in found
    }
