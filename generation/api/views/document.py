"""The OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.views import SpectacularAPIView


class Document(SpectacularAPIView):
    """The OpenAPI document of this API, as YAML or JSON; it holds nobody's data."""

    policy: Mapping[str, str] = {"GET": "public"}
    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
