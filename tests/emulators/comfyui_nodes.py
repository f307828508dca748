"""The nodes that the emulated ComfyUI has, and what is wrong with a graph (ComfyUI 4.4, 4.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.emulators import parameters
from tests.emulators.jobs import Making

CLASSES = {  # class → inputs; a link ([node, number]) may stand for any of them
    "EmptyImage": "width*:int:1..16384 height*:int:1..16384 batch_size*:int:1..4096 color*:int:0..16777215",
    "ImageAddNoise": "image*:any seed*:int strength*:float",
    "ImageScale": (
        "image*:any upscale_method*=nearest-exact|bilinear|area|bicubic|lanczos width*:int height*:int "
        "crop*=disabled|center"
    ),
    "ImageScaleBy": "image*:any upscale_method* scale_by*:float",
    "LoadImage": "image*",
    "LoadImageMask": "image* channel",
    "CreateVideo": "images*:any fps*:float audio:any",
    "CheckpointLoaderSimple": "ckpt_name*=sketch.safetensors",
    "CLIPTextEncode": "text* clip*:any",
    "EmptyLatentImage": "width*:int:16..16384 height*:int:16..16384 batch_size*:int:1..4096",
    "KSampler": (
        "model*:any positive*:any negative*:any latent_image*:any seed*:int steps*:int:1..10000 cfg*:float "
        "sampler_name* scheduler* denoise*:float:0..1"
    ),
    "VAEDecode": "samples*:any vae*:any",
    "SaveImage": "images*:any filename_prefix*",
    "PreviewImage": "images*:any",
    "SaveVideo": "video*:any filename_prefix* format* codec*",
}
TABLES = {name: parameters.table(text) for name, text in CLASSES.items()}
OUTPUTS = ("SaveImage", "PreviewImage", "SaveVideo")
KINDS = {
    "missing": "required_input_missing",
    "one_of": "value_not_in_list",
    "greater_than_equal": "value_smaller_than_min",
    "less_than_equal": "value_bigger_than_max",
}


@dataclass
class Checked:
    refusal: dict[str, Any] = field(default_factory=dict)
    node_errors: dict[str, Any] = field(default_factory=dict)
    making: Making = field(default_factory=lambda: Making(kind="png"))
    words: str = ""
    unknown: list[str] = field(default_factory=list)


def error(kind: str, message: str, details: str = "", **extra: Any) -> dict[str, Any]:
    return {"type": kind, "message": message, "details": details, "extra_info": extra}


def fault(node: str, name: str, kind: str, details: str) -> dict[str, Any]:
    return {"errors": [error(kind, kind, details)], "dependent_outputs": ["9"], "class_type": name}


def failed(wrong: Mapping[str, Any]) -> dict[str, Any]:
    words = "Prompt outputs failed validation"
    return {"error": error("prompt_outputs_failed_validation", words), "node_errors": wrong}


def savers(graph: Mapping[str, Any]) -> list[str]:
    return [name for name, node in graph.items() if node.get("class_type") in OUTPUTS]


def is_link(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[1], int)


def check(graph: Any, uploads: Mapping[str, bytes]) -> Checked:
    if not isinstance(graph, dict) or not graph:
        return Checked({"error": error("no_prompt", "No prompt provided"), "node_errors": []})
    for name, node in graph.items():
        if not isinstance(node, dict) or node.get("class_type") not in CLASSES:
            kind = node.get("class_type") if isinstance(node, dict) else None
            told = error("invalid_prompt", f"Node {kind} not found.", f"Node ID '#{name}'", node_id=name)
            return Checked({"error": told, "node_errors": {}})
    if not savers(graph):
        told = error("prompt_no_outputs", "Prompt has no outputs")
        return Checked({"error": told, "node_errors": []})
    wrong = {name: faults for name, node in graph.items() if (faults := _faults(node, uploads, graph))}
    sound = [name for name in savers(graph) if not (_reaches(graph, name) & set(wrong))]
    made = Checked(node_errors=wrong, words=_words(graph), unknown=_unknown(graph))
    if not sound:
        made.refusal = failed(wrong)
    else:
        made.making = _making(graph, sound[0])
    return made


def _faults(node: Mapping[str, Any], uploads: Mapping[str, bytes], graph: Mapping[str, Any]) -> Any:
    kind, given = node["class_type"], node.get("inputs", {})
    plain = {name: value for name, value in given.items() if not is_link(value)}
    linked = {name for name in given if is_link(given[name])}
    errors = [
        error(KINDS.get(one.kind, "invalid_input_type"), one.words, f"{one.name}: {plain.get(one.name)!r}")
        for one in parameters.faults(TABLES[kind], plain)
        if one.name not in linked
    ]
    errors += [error("bad_linked_input", name) for name in linked if given[name][0] not in graph]
    if kind.startswith("LoadImage") and given.get("image") not in uploads:
        errors.append(error("custom_validation_failed", "Invalid image file", str(given.get("image"))))
    return {"errors": errors, "dependent_outputs": [], "class_type": kind} if errors else None


def _reaches(graph: Mapping[str, Any], name: str) -> set[str]:
    """The node and all that it depends on."""
    found, left = set(), [name]
    while left:
        node = left.pop()
        if node in found or node not in graph:
            continue
        found.add(node)
        left += [value[0] for value in graph[node].get("inputs", {}).values() if is_link(value)]
    return found


def _words(graph: Mapping[str, Any]) -> str:
    return " ".join(str(node["inputs"].get("text", "")) for node in graph.values())


def _unknown(graph: Mapping[str, Any]) -> list[str]:
    return sorted(
        f"{node['class_type']}.{name}"
        for node in graph.values()
        for name in node.get("inputs", {})
        if name not in TABLES[node["class_type"]]
    )


def _making(graph: Mapping[str, Any], saver: str) -> Making:
    nodes = [graph[name] for name in _reaches(graph, saver)]
    sides = [node["inputs"] for node in nodes if "width" in node["inputs"]]
    scaled = [node["inputs"] for node in nodes if node["class_type"] == "ImageScale"]
    last = (scaled or sides or [{"width": 512, "height": 512}])[0]
    film = graph[saver]["class_type"] == "SaveVideo"
    frames = max([int(node["inputs"].get("batch_size", 1)) for node in nodes], default=1)
    fps = max([float(node["inputs"].get("fps", 0)) for node in nodes], default=0) or 12.0
    return Making(
        kind="mp4" if film else "png",
        width=int(last["width"]),
        height=int(last["height"]),
        seconds=max(1, round(frames / fps)) if film else 0,
        units=1.0,
    )
