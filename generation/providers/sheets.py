"""A provider's parameter sheet: what each of its endpoints takes, as a JSON file beside its adapter.

The file has `families` (sets of parameter descriptions under a name) and `endpoints`: by endpoint the
families that it is `like`, its own `parameters` (a null takes one away), and `model` where the provider's
name for it is another than the catalogue's. The endpoint `*` stands for any that is not named. A catalogue
row's capabilities may correct a sheet under the key `parameters`. How a parameter is described:
`generation.providers.parameters`.
"""

from __future__ import annotations

import functools
import json
import pathlib
from collections.abc import Mapping
from typing import Any

from generation.providers import parameters
from generation.providers.parameters import Spec, Translation
from generation.providers.protocol import ModelFacts, StepRequest


class Sheet:
    """`Sheet(__file__)` in `fal.py` reads `fal_parameters.json`, once and when it is first needed."""

    def __init__(self, adapter: str) -> None:
        path = pathlib.Path(adapter)
        self.path = path.with_name(f"{path.stem}_parameters.json")

    @functools.cached_property
    def document(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads(self.path.read_text())
        return found

    def endpoints(self) -> list[str]:
        """The endpoints that are described by name."""
        return sorted(name for name in self.document["endpoints"] if name != "*")

    def entry(self, endpoint: str) -> Mapping[str, Any]:
        """What the file says of an endpoint; empty for one that it does not know."""
        known: Mapping[str, Any] = self.document["endpoints"]
        found: Mapping[str, Any] = known.get(endpoint, known.get("*", {}))
        return found

    def specs(self, model: ModelFacts) -> dict[str, Spec]:
        """The model's parameters by name; empty for a model whose parameters nobody has written down."""
        entry = self.entry(model.endpoint)
        merged: dict[str, Spec | None] = {}
        for family in entry.get("like", ()):
            merged.update(self.document["families"][family])
        merged.update(entry.get("parameters", {}))
        merged.update(model.capabilities.get("parameters") or {})
        return {name: spec for name, spec in merged.items() if spec is not None}

    def model(self, endpoint: str) -> str:
        """The provider's own name for the endpoint's model."""
        return str(self.entry(endpoint).get("model", endpoint))

    def translate(self, *, model: ModelFacts, request: StepRequest) -> Translation:
        """The request in the model's parameters; raises ProviderError(BAD_REQUEST) when impossible."""
        specs = self.specs(model)
        if not specs:
            raise parameters.refuse(
                f"The parameters of {model.key} are not known: add them to the model's capabilities."
            )
        return parameters.translate(model=model.key, specs=specs, request=request)
