"""Long rows of the history, each made from what varies in it."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Mapping

from billing.models import Entry
from generation.demo.chunk import Values
from generation.demo.market import Work
from projects.models import Person


def take_row(
    *,
    pk: uuid.UUID,
    workspace_id: uuid.UUID,
    deliverable_id: uuid.UUID,
    number: int,
    phase: str,
    by: Person,
    at: datetime.datetime,
    round_: uuid.UUID,
    prompt: str,
    seed: int | None,
) -> Values:
    """A take as it is asked for, before anything has come of it."""
    return {
        "id": pk,
        "workspace_id": workspace_id,
        "deliverable_id": deliverable_id,
        "round_id": round_,
        "number": number,
        "phase": phase,
        "kind": "generated",
        "state": "ready",
        "mark": "",
        "starred": False,
        "source_take_id": None,
        "prompt": prompt,
        "seed": seed,
        "request_hash": "",
        "routing_version": 1,
        "made_with": "",
        "note": "",
        "requested_by_id": by.pk,
        "requested_by_email": by.email,
        "requested_at": at,
        "position": int(at.timestamp() * 1000),
        "started_at": None,
        "ended_at": None,
        "failure": "",
        "failure_class": "",
        "imported": False,
        "counted_at": None,
        "failed_charged": False,
        "tier": "",
        "provider": "",
        "model": "",
        "progress": 0,
    }


def take_request(values: Values, pipeline: str, works: tuple[Work, ...], tiers: Mapping[str, str]) -> Values:
    """The complete request of a take, in the shape that the engine keeps it."""
    seed = values["seed"]
    steps: list[Values] = [
        {
            "key": work.key,
            "kind": work.kind,
            "stage": work.stage,
            "needs": [works[index - 1].key] if index else [],
            "prompt": values["prompt"] if work.stage != "refinement" else "",
            "seed": seed if work.stage == "generation" else None,
            "width": work.width or None,
            "height": work.height or None,
            "duration_seconds": str(work.film_seconds) if work.film_seconds else None,
            "guidance": None,
            "motion": None,
            "inputs": [_input(works[index - 1])] if index else [],
            "parameters": {},
            "choices": [
                {"model": model, "tier": tiers.get(model, ""), "parameters": {}} for model in work.models
            ],
            "on_error": {},
            "retries": 1,
        }
        for index, work in enumerate(works)
    ]
    return {
        "deliverable": str(values["deliverable_id"]),
        "phase": values["phase"],
        "pipeline": pipeline,
        "prompt_template": "",
        "control_profile": "",
        "prompt": values["prompt"],
        "seed": seed,
        "picture": "",
        "steps": steps,
    }


def given_back(entry: Entry, pk: uuid.UUID, at: datetime.datetime) -> Entry:
    """The refund of a whole charge."""
    own = {field.attname: getattr(entry, field.attname) for field in Entry._meta.local_concrete_fields}
    own.pop("pk", None)
    return Entry(
        **{
            **own,
            "id": pk,
            "kind": "refund",
            "amount": -entry.amount,
            "native_amount": -entry.native_amount if entry.native_amount is not None else None,
            "service_at": at,
            "booked_at": at,
            "effective_at": at,
            "refunds": entry.id,
            "calculation": "",
            "note": "given back by the provider",
        }
    )


def _input(before: Work) -> dict[str, str]:
    return {"role": "prompt" if before.kind == "text" else "source", "step": before.key}
