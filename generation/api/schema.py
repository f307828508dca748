"""The OpenAPI document: what every address has in common is written here once.

Each operation gets the problem documents that its kind can answer, and where its POST spends the header
Idempotency-Key.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import Direction, OpenApiParameter, OpenApiResponse
from rest_framework.mixins import ListModelMixin

from generation.api import problems
from generation.api.references import CampaignName, DeliverableName
from generation.api.serializers.problems import BudgetProblem, CapProblem, Problem

READING = (401, 403, 404, 406, 429, 500)
WRITING = (400, 409, 415, 422)
SPENDING = (402, 507)
WORDS = {
    400: "The body cannot be read, or an Idempotency-Key is missing.",
    401: "No token, or none that is in force.",
    402: "A budget does not allow it: what was needed, what is left, and who can raise it.",
    403: "The right is missing; the roles that have it are named.",
    404: "Not there, or of another workspace.",
    406: "The answer is JSON.",
    409: "It does not fit the present state, or the Idempotency-Key is taken.",
    415: "The body is in a form that is not understood here.",
    422: "Values that do not fit, by field; or bad lines of a file.",
    429: "Too many calls with this token; Retry-After says in how many seconds it may call again.",
    500: "Something broke; nothing was carried out.",
    507: "The storage is full.",
}
KINDS: dict[int, Any] = {402: BudgetProblem, 409: CapProblem}
KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    required=True,
    description="Fresh random text for each request; the same one when it is sent again. Kept for 30 days.",
)
NAMES = {
    name: OpenApiParameter(
        name,
        {"type": "string", "pattern": f"^({converter.regex})$"},
        OpenApiParameter.PATH,
        description=f"Its id, or {keys}.",
    )
    for name, converter, keys in (
        ("campaign", CampaignName, "project/campaign"),
        ("deliverable", DeliverableName, "project/campaign/deliverable"),
    )
}


class Described(AutoSchema):
    """Adds to what a view declares the refusals and the header that its kind has in common."""

    def get_override_parameters(self) -> list[Any]:
        found: list[Any] = list(super().get_override_parameters())
        found += [NAMES[name] for name in NAMES if f"{{{name}}}" in self.path]
        return [*found, KEY] if self._needs_key() else found

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for code in self._refusals():
            said = self._get_response_for_code(  # type: ignore[no-untyped-call]
                _problem(code), str(code), [problems.MEDIA_TYPE], direction
            )
            bodies.setdefault(str(code), said)
        return dict(sorted(bodies.items()))

    def _refusals(self) -> list[int]:
        """The statuses that this operation may refuse with."""
        codes = list(READING)
        if not getattr(self.view, "policy", {}).get(self.method):
            codes = [406, 500]
        if self.method in ("POST", "PATCH"):
            codes += WRITING
        if self._needs_key():
            codes += SPENDING
        reads_values = isinstance(self.view, ListModelMixin) or getattr(self.view, "refuses_values", False)
        if self.method == "GET" and reads_values:
            codes.append(422)
        return sorted({*codes, *getattr(self.view, "also_refuses", {}).get(self.method, ())})

    def _needs_key(self) -> bool:
        handler = getattr(self.view, self.method.lower(), None)
        return bool(getattr(handler, "needs_key", False))


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Tokens as the document names them."""

    target_class = "generation.api.authentication.MemberToken"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "“Token …”, bound to one membership and hence to one workspace.",
        }


def _problem(code: int) -> OpenApiResponse:
    return OpenApiResponse(KINDS.get(code, Problem), description=WORDS[code])
