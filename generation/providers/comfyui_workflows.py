"""A ComfyUI workflow as the data of a model: its graph in API format, and which inputs our knobs are.

A model's capabilities hold
  workflow           node ids → `{"class_type", "inputs"}`, as the editor exports it for the API
  mapping            knob → `[node, input]`, a list of such pairs, or `{"to": pairs, …}` with more of a
                     parameter's description (least, most, values, multiple, required, default)
  outputs            the nodes whose files are the result; without it, all that save some
  frames_per_second  with the knob `frames`: how many of them a second has
Which knobs there are, and a name for what a route may set beside them, stands in the parameter file.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from generation.providers import parameters
from generation.providers.parameters import Spec, Translation, refuse
from generation.providers.protocol import ModelFacts, StepRequest
from generation.providers.sheets import Sheet

PREFIX = "filename_prefix"
Pairs = Sequence[tuple[str, str]]


def graph_of(model: ModelFacts) -> dict[str, Any]:
    """A copy of the model's graph; raises ProviderError(BAD_REQUEST) for what the server would not take."""
    graph = model.capabilities.get("workflow")
    if not isinstance(graph, dict) or not graph:
        raise refuse(f"{model.key} has no workflow in its capabilities.")
    if isinstance(graph.get("nodes"), list):
        raise refuse(
            f"The workflow of {model.key} was saved for the editor. Export it in API format and enter that."
        )
    for name, node in graph.items():
        if (
            not isinstance(node, dict)
            or not node.get("class_type")
            or not isinstance(node.get("inputs"), dict)
        ):
            raise refuse(f"Node {name} of {model.key} has no class_type or no inputs.")
    return copy.deepcopy(graph)


def specs(model: ModelFacts, sheet: Sheet, graph: Mapping[str, Any]) -> dict[str, Spec]:
    """The model's parameters with `to`, the inputs that each fills; a wrong mapping raises ProviderError."""
    mapping = model.capabilities.get("mapping")
    if not isinstance(mapping, Mapping) or not mapping:
        raise refuse(f"{model.key} has no mapping from knobs to the inputs of its nodes.")
    known: Mapping[str, Spec] = sheet.document["knobs"]
    found: dict[str, Spec] = {}
    for name, given in mapping.items():
        own = given if isinstance(given, Mapping) else {"to": given}
        if name not in known and "type" not in own:
            raise refuse(f"{model.key}: {name} is no knob that is known; give it a type.")
        pairs = _pairs(model, name, own.get("to"), graph)
        found[name] = {**known.get(name, {}), **own, "to": pairs}
    if "frames" in found:
        per_second = model.capabilities.get("frames_per_second")
        if not isinstance(per_second, int | float) or per_second <= 0:
            raise refuse(f"{model.key} counts frames: say how many a second has, as frames_per_second.")
        found["frames"] = {"per": per_second, **found["frames"]}
    return found


def _pairs(model: ModelFacts, name: str, given: Any, graph: Mapping[str, Any]) -> Pairs:
    pairs = given if isinstance(given, list) and given and isinstance(given[0], list) else [given]
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2:
            raise refuse(f"{model.key}: {name} needs a node and the name of one of its inputs.")
        node, field = map(str, pair)
        if node not in graph:
            raise refuse(f"{model.key}: {name} is mapped to node {node}, which the workflow does not have.")
        if field not in graph[node]["inputs"]:
            kind = graph[node]["class_type"]
            raise refuse(
                f"{model.key}: {name} is mapped to {field}, which node {node} ({kind}) does not have."
            )
    return [(str(node), str(field)) for node, field in pairs]


def translate(model: ModelFacts, sheet: Sheet, request: StepRequest) -> tuple[Translation, dict[str, Any]]:
    """What was turned into parameters, and the payload: the graph with them, and where files go."""
    graph = graph_of(model)
    described = specs(model, sheet, graph)
    made = parameters.translate(model=model.key, specs=described, request=request)
    for name, value in made.body.items():
        for node, field in described[name]["to"]:
            graph[node]["inputs"][field] = value
    outputs = [str(node) for node in model.capabilities.get("outputs") or ()]
    if unknown := [node for node in outputs if node not in graph]:
        raise refuse(f"{model.key}: its output node {unknown[0]} is not in the workflow.")
    places = {name: [list(pair) for pair in described[name]["to"]] for name in made.files}
    seed = made.body.get("seed")
    return made, {"graph": graph, "files": made.files, "places": places, "outputs": outputs, "seed": seed}


def filled(payload: Mapping[str, Any], files: Mapping[str, str], prefix: str) -> dict[str, Any]:
    """The graph as it is sent: `files` are the uploaded names by SHA-256, `prefix` names what is saved.

    The prefix is a new one each time: for a graph that it made before the server names its old files.
    """
    graph: dict[str, Any] = copy.deepcopy(payload["graph"])
    for name, wanted in payload["files"].items():
        for node, field in payload["places"][name]:
            graph[node]["inputs"][field] = files[wanted[0]]
    for node in graph.values():
        if PREFIX in node["inputs"]:
            node["inputs"][PREFIX] = prefix
    return graph
