"""fal's question for prices (fal 1.8, the platform's API), with the prices of fal 1.12.

The reference leaves the names of the paging fields open: none is answered. An endpoint that fal does not know
is left out of the answer.
"""

from __future__ import annotations

from tests.emulators.wire import Reply, Request, json_reply

PRICES: dict[str, tuple[float, str]] = {
    "fal-ai/flux/schnell": (0.003, "megapixels"),
    "fal-ai/flux/dev": (0.025, "megapixels"),
    "fal-ai/flux-pro/v1.1-ultra": (0.06, "images"),
    "fal-ai/flux-pro/kontext": (0.04, "images"),
    "fal-ai/flux-2-flex": (0.05, "megapixels"),
    "fal-ai/veo3.1": (0.4, "seconds"),
    "fal-ai/esrgan": (0.00111, "compute seconds"),
}


def answer(request: Request) -> Reply:
    asked = request.queries("endpoint_id")
    if not asked:
        error = {"type": "validation_error", "message": "endpoint_id is required"}
        return json_reply(400, {"error": error})
    listed = [
        {
            "endpoint_id": endpoint,
            "unit_price": PRICES[endpoint][0],
            "unit": PRICES[endpoint][1],
            "currency": "USD",
        }
        for endpoint in asked
        if endpoint in PRICES
    ]
    return json_reply(200, {"prices": listed})
