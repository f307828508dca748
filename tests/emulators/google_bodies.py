"""What Google takes and what it answers with (1.2 to 1.5); a name that it does not know is refused."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.emulators import parameters
from tests.emulators.emulated import Emulated
from tests.emulators.jobs import Job, Making

RATIOS = "1:1|2:3|3:2|3:4|4:3|4:5|5:4|9:16|16:9|21:9"
VEO = parameters.table(
    "aspectRatio=16:9|9:16 durationSeconds:int=4|6|8 resolution=720p|1080p|4k negativePrompt "
    "personGeneration=dont_allow|allow_adult|allow_all sampleCount:int:1..1"
)  # no seed: the reference's conflict is taken the way of the official client, which refuses it
INSTANCE = parameters.table("prompt* image:object lastFrame:object referenceImages:list:1..3 video:object")
CONFIG = parameters.table(
    "responseModalities:list imageConfig:object seed:int temperature:float candidateCount:int:1..1 "
    "thinkingConfig:object"
)
CONTENTS = parameters.table(
    "contents*:list systemInstruction:object generationConfig:object safetySettings:list tools:list"
)
MODELS: dict[str, dict[str, Any]] = {  # 1.4, 1.5: sizes, ratios, pictures that go in; or Veo's own limits
    "gemini-3.1-flash-image": {
        "sizes": ("512", "1K", "2K", "4K"),
        "ratios": f"{RATIOS}|1:4|4:1|1:8|8:1",
        "pictures": 14,
    },
    "gemini-3.1-flash-lite-image": {"sizes": ("1K",), "ratios": RATIOS, "pictures": 14},
    "gemini-3-pro-image": {"sizes": ("1K", "2K", "4K"), "ratios": RATIOS, "pictures": 14},
    "gemini-2.5-flash-image": {"sizes": ("1K",), "ratios": RATIOS, "pictures": 3},
    "veo-3.1-generate-preview": {"references": True, "largest": "4k"},
    "veo-3.1-fast-generate-preview": {"references": True, "largest": "4k"},
    "veo-3.1-lite-generate-preview": {"references": False, "largest": "1080p"},
}
SIDES = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}
FILMS = {"720p": (1280, 720), "1080p": (1920, 1080), "4k": (3840, 2160)}
BLOCKED_PROMPTS = {"policy": "SAFETY", "policy_blocklist": "BLOCKLIST"}  # 1.3, first row
FINISHES = {  # 1.3, the others
    "policy_output": "IMAGE_SAFETY",
    "policy_prohibited": "IMAGE_PROHIBITED_CONTENT",
    "policy_recitation": "IMAGE_RECITATION",
    "no_image": "NO_IMAGE",
    "other": "IMAGE_OTHER",
    "tokens": "MAX_TOKENS",
    "unheard_of": "SOMETHING_NEW",
}
TOKENS = {"512": 747, "1K": 1120, "2K": 1680, "4K": 2520}


@dataclass
class Checked:
    """A body that was looked at: what it asks for, and the first thing that is wrong with it."""

    fault: str = ""
    prompt: str = ""
    webhook_url: str = ""
    making: Making = field(default_factory=Making)


def check(model: str, method: str, body: Mapping[str, Any]) -> Checked:
    if model not in MODELS:
        return Checked()
    films = model.startswith("veo")
    if films != (method == "predictLongRunning"):
        return Checked(fault=f"{model} does not support {method}.")
    return _film(MODELS[model], body) if films else _picture(MODELS[model], body)


def _wrong(place: str, known: Mapping[str, parameters.Parameter], given: Mapping[str, Any]) -> str:
    unknown = sorted(set(given) - set(known))
    if unknown:
        return f"Invalid JSON payload received. Unknown name \"{unknown[0]}\" at '{place}'."
    faults = parameters.faults(known, given)
    return f"{place}.{faults[0].name}: {faults[0].words}" if faults else ""


def _bytes_of(picture: Any, data: str, kind: str) -> str:
    """What is wrong with a picture that travels inside a request."""
    if not isinstance(picture, dict) or set(picture) != {data, kind}:
        return f"A picture has {data} and {kind}."
    try:
        base64.b64decode(picture[data], validate=True)
    except (binascii.Error, TypeError, ValueError):
        return f"{data} is not base64."
    return "" if str(picture[kind]).startswith("image/") else f"{kind} is no picture's."


# -- Veo ------------------------------------------------------------------------------------------


def _film(able: Mapping[str, Any], body: Mapping[str, Any]) -> Checked:
    if unknown := set(body) - {"instances", "parameters", "webhookConfig"}:
        return Checked(fault=f"Unknown name {sorted(unknown)[0]!r}.")
    instances, given = body.get("instances"), body.get("parameters", {})
    if not isinstance(instances, list) or len(instances) != 1:
        return Checked(fault="Exactly one instance is needed.")
    instance = instances[0]
    fault = _wrong("instances[0]", INSTANCE, instance) or _wrong("parameters", VEO, given)
    fault = fault or _frames(instance) or _limits(able, instance, given)
    hook = body.get("webhookConfig") or {}
    if set(hook) - {"uris", "userMetadata"}:
        fault = fault or "webhookConfig has uris and userMetadata."
    width, height = FILMS[given.get("resolution", "720p")] if not fault else FILMS["720p"]
    if given.get("aspectRatio") == "9:16":
        width, height = height, width
    seconds = given.get("durationSeconds", 8) if not fault else 8
    return Checked(
        fault=fault,
        prompt=str(instance.get("prompt", "")),
        webhook_url=str((hook.get("uris") or [""])[0]),
        making=Making(kind="mp4", width=width, height=height, seconds=seconds, units=float(seconds)),
    )


def _frames(instance: Mapping[str, Any]) -> str:
    names = ("bytesBase64Encoded", "mimeType")
    faults = [_bytes_of(instance[name], *names) for name in ("image", "lastFrame") if name in instance]
    for one in instance.get("referenceImages", ()):
        if str(one.get("referenceType")).lower() != "asset":  # the official client writes it in capitals
            faults.append("referenceType can be asset only.")
        faults.append(_bytes_of(one.get("image"), *names))
    return next((fault for fault in faults if fault), "")


def _limits(able: Mapping[str, Any], instance: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    if "lastFrame" in instance and "image" not in instance:
        return "lastFrame needs image."
    if "referenceImages" in instance and not able["references"]:
        return "This model does not support reference images."
    if given.get("resolution") == "4k" and able["largest"] != "4k":
        return "This model does not support 4k."
    long = given.get("resolution") in ("1080p", "4k") or "referenceImages" in instance or "video" in instance
    return "durationSeconds must be 8 here." if long and given.get("durationSeconds", 8) != 8 else ""


# -- Gemini ---------------------------------------------------------------------------------------


def _picture(able: Mapping[str, Any], body: Mapping[str, Any]) -> Checked:
    config = body.get("generationConfig") or {}
    shape = config.get("imageConfig") or {}
    images = parameters.table(f"aspectRatio={able['ratios']} imageSize={'|'.join(able['sizes'])}")
    fault = _wrong("body", CONTENTS, body) or _wrong("generationConfig", CONFIG, config)
    fault = fault or _wrong("imageConfig", images, shape)
    modalities = config.get("responseModalities", ["TEXT", "IMAGE"])
    if not fault and modalities not in (["IMAGE"], ["TEXT", "IMAGE"]):
        fault = "responseModalities can be [TEXT, IMAGE] or [IMAGE]."
    contents = body.get("contents") if not fault else []
    parts = [part for content in contents or [] for part in content.get("parts", ())]
    fault = fault or _parts(able, parts)
    side = SIDES[shape.get("imageSize", "1K")] if not fault else 1024
    across, _, down = str(shape.get("aspectRatio", "1:1")).partition(":")
    ratio = float(across) / float(down) if not fault else 1.0
    width, height = (side, round(side / ratio)) if ratio <= 1 else (round(side * ratio), side)
    return Checked(
        fault=fault,
        prompt="\n".join(part["text"] for part in parts if isinstance(part.get("text"), str)),
        making=Making(width=width // 16 * 16, height=height // 16 * 16),
    )


def _parts(able: Mapping[str, Any], parts: list[dict[str, Any]]) -> str:
    pictures = [part["inlineData"] for part in parts if "inlineData" in part]
    if not any("text" in part for part in parts):
        return "contents need a text."
    if len(pictures) > able["pictures"]:
        return f"At most {able['pictures']} pictures go in."
    if any(set(part) - {"text", "inlineData", "fileData"} for part in parts):
        return "A part is text, inlineData or fileData."
    return next((fault for one in pictures if (fault := _bytes_of(one, "data", "mimeType"))), "")


async def contents(provider: Emulated, job: Job) -> dict[str, Any]:
    """The answer of generateContent: a picture beside a thought and a text, or why there is none."""
    result = job.behaviour.result
    told = {"modelVersion": job.endpoint, "responseId": f"r-{job.id}", "usageMetadata": usage(job)}
    if result in BLOCKED_PROMPTS:
        reason = BLOCKED_PROMPTS[result]
        return {**told, "promptFeedback": {"blockReason": reason, "safetyRatings": []}}
    reason = FINISHES.get(result, "STOP")
    parts: list[dict[str, Any]] = [{"text": "I look at the light first.", "thought": True}]
    if result == "text":
        parts.append({"text": "I cannot draw that."})
    elif reason == "STOP" or result == "unheard_of":
        for name in provider.files.names(job):
            data = base64.b64encode(await provider.files.content(job, name)).decode()
            parts.append({"inlineData": {"mimeType": provider.files.claimed(job), "data": data}})
    found = {"content": {"role": "model", "parts": parts}, "finishReason": reason, "index": 0}
    if reason != "STOP":
        found["finishMessage"] = f"The model ended with {reason}."
    return {**told, "candidates": [found]}


def usage(job: Job) -> dict[str, Any]:
    """1.2: what was counted; the tokens of a picture by its size."""
    config = job.body.get("generationConfig", {}).get("imageConfig", {})
    image = 0 if job.failure else TOKENS[config.get("imageSize", "1K")]
    return {
        "promptTokenCount": 12,
        "candidatesTokenCount": image,
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": image}] if image else [],
        "thoughtsTokenCount": 30,
        "totalTokenCount": 42 + image,
    }
