"""Examples in the OpenAPI document: of the main requests, with their answers. A test sends each of them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample

from generation.api import problems

DELIVERABLE: dict[str, Any] = {
    "campaign": "acme/autumn",
    "key": "closing",
    "name": "Closing shot",
    "category": "brand-film",
    "brief": "A lighthouse at dusk, the lamp comes on.",
    "format": "16x9",
    "due_on": "2026-12-18",
}
QUOTE: dict[str, Any] = {"deliverable": "acme/autumn/opening", "phase": "draft", "count": 2}
QUOTED: dict[str, Any] = {
    "amount": "0.12000000",
    "at_most": "0.12000000",
    "currency": "EUR",
    "compute_units": "8200",
    "takes_used": 0,
    "cap": 8,
    "budgets": [{"scope": "workspace", "name": "Everything in Studio, each month", "left": "5.00000000"}],
    "decision": {"outcome": "go", "routing_version": 1},
}
TAKES: dict[str, Any] = {"phase": "draft", "count": 2, "prompt": "A lighthouse at dusk", "seed": 7}
REVIEW: dict[str, Any] = {"decision": "reject", "reasons": ["motion"], "note": "The waves stand still."}
HERO: dict[str, Any] = {"note": "The calm one."}
HERO_DECISION: dict[str, Any] = {"decision": "approve", "note": "Within the plan."}
MORE: dict[str, Any] = {"more": 2, "reason": "The light changed."}
BATCH: dict[str, Any] = {"deliverables": ["acme/autumn/opening"], "count": 1, "phase": "draft"}
MATRIX: dict[str, Any] = {
    "deliverables": ["acme/autumn/opening"],
    "count": 2,
    "variants": [{"words": ""}, {"words": "In heavy rain."}],
    "models": [{"model": ""}, {"model": "builtin/sketch-draft"}],
}
_COLUMNS: list[dict[str, Any]] = [
    {"model": model, "switch": "", "takes": 2, "amount": amount, "at_most": amount}
    for model, amount in (("", "0.12000000"), ("builtin/sketch-draft", "0.10000000"))
]
MATRIX_PRICED: dict[str, Any] = {
    "takes": 8,
    "amount": "0.44000000",
    "at_most": "0.44000000",
    "currency": "EUR",
    "rows": [
        {
            "takes": 8,
            "amount": "0.44000000",
            "at_most": "0.44000000",
            "deliverable": "01936c9e-7f3a-7d51-9c1b-5a1f0e6f1a22",
        }
    ],
    "columns": [{**column, "variant": variant} for variant in (0, 1) for column in _COLUMNS],
    "cannot": [],
    "budgets": [
        {
            "scope": "workspace",
            "name": "Everything in Studio, each month",
            "left": "5.00000000",
            "needed": "0.44000000",
        }
    ],
}
BATCH_MATRIX: dict[str, Any] = {**MATRIX, "at_most": "0.48", "leave_out": True}
GO_ON: dict[str, Any] = {"at_most": "3.00"}
RESOLVE: dict[str, Any] = {"category": "brand-film", "phase": "draft", "project": "acme"}
BUDGET_PROBLEM: dict[str, Any] = {
    "type": "/problems/budget",
    "title": "The budget does not allow this",
    "status": 402,
    "detail": "Everything in Studio, each month has 0.10 EUR left; this needs 0.12 EUR.",
    "remedy": "Its limit can be raised by Finance or Manager or Second.Manager.",
    "needed": "0.12000000",
    "left": "0.10000000",
    "budget": "Everything in Studio, each month",
    "raised_by": ["Finance", "Manager", "Second.Manager"],
}


def request(name: str, value: dict[str, Any]) -> OpenApiExample:
    return OpenApiExample(name, value=value, request_only=True)


def answer(name: str, value: dict[str, Any], *, code: int = 200) -> OpenApiExample:
    form = problems.MEDIA_TYPE if code >= 400 else "application/json"
    return OpenApiExample(name, value=value, response_only=True, status_codes=[str(code)], media_type=form)
