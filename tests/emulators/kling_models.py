"""What Kling's routes take, from the protocol reference (B 5.2, 5.3), and what they cost (B 5.6).

The reference lists no limit of Omni's reference pictures. Whether an unknown field is refused is not stated;
here it is.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from typing import Any

from tests.emulators import parameters
from tests.emulators.jobs import Making

SETTINGS = "multi_shot:bool audio=off|native resolution={} duration:int:3..15"
SHAPE = " aspect_ratio=16:9|9:16|1:1"
OPTIONS = parameters.table("callback_url external_task_id watermark_info:object")
FRAMES = ("prompt", "first_frame", "last_frame", "element")
OMNI = (*FRAMES, "refer_image", "feature_video", "base_video")
ROUTES: dict[str, tuple[str, tuple[str, ...], str]] = {  # path → settings, kinds of contents, resolutions
    "text-to-video/kling-3.0": (SETTINGS + SHAPE, (), "720p|1080p|4k"),
    "text-to-video/kling-3.0-turbo": (SETTINGS + SHAPE, (), "720p|1080p"),
    "image-to-video/kling-3.0": (SETTINGS, FRAMES, "720p|1080p|4k"),
    "image-to-video/kling-3.0-turbo": (SETTINGS, ("prompt", "first_frame", "element"), "720p|1080p"),
    "omni-video/kling-3.0-omni": (SETTINGS + SHAPE, OMNI, "720p|1080p|4k"),
}
V1_COMMON = "model_name* prompt negative_prompt callback_url external_task_id"
V1_FILM = f"{V1_COMMON} mode=std|pro duration=5|10 sound=on|off watermark_info:object"
V1: dict[str, dict[str, parameters.Parameter]] = {
    "v1/videos/text2video": parameters.table(V1_FILM + SHAPE),
    "v1/videos/image2video": parameters.table(f"{V1_FILM} image* image_tail"),
    "v1/images/generations": parameters.table(
        f"{V1_COMMON}{SHAPE} image image_reference=subject|face image_fidelity:float:0..1 "
        "human_fidelity:float:0..1 n:int:1..9 resolution=1k|2k"
    ),
}
V1_MODELS = {
    "v1/videos/text2video": ("kling-v2-6", "kling-v2-5-turbo"),
    "v1/videos/image2video": ("kling-v2-6", "kling-v2-5-turbo"),
    "v1/images/generations": ("kling-v3",),
}
HEIGHTS = {"720p": 720, "1080p": 1080, "4k": 2160, "std": 720, "pro": 1080, "1k": 1024, "2k": 2048}
SILENT = {"720p": 0.084, "1080p": 0.112, "4k": 0.42}
PRICES: dict[str, dict[str, float]] = {  # the model's name → by resolution, with a + where it has sound
    "kling-3.0": {**SILENT, "720p+": 0.126, "1080p+": 0.168, "4k+": 0.42},
    "kling-3.0-omni": {**SILENT, "720p+": 0.112, "1080p+": 0.14, "4k+": 0.42},
    "kling-3.0-turbo": {"720p": 0.112, "1080p": 0.14, "720p+": 0.112, "1080p+": 0.14},
}


def wrong(path: str, body: Any) -> str:
    """What Kling refuses in this body, in words; "" where it is well."""
    if not isinstance(body, dict):
        return "The body must be an object"
    return _wrong_v1(path, body) if path in V1 else _wrong_new(path, body)


def _told(known: Mapping[str, parameters.Parameter], body: Mapping[str, Any], where: str = "") -> list[str]:
    told = [f"{where}{one.name}: {one.words}" for one in parameters.faults(known, body)]
    return [*told, *(f"{where}{name}: unknown field" for name in body if name not in known)]


def _wrong_v1(path: str, body: dict[str, Any]) -> str:
    told = _told(V1[path], body)
    if body.get("model_name") not in V1_MODELS[path]:
        told.append("model_name: unknown")
    if body.get("model_name") == "kling-v2-5-turbo" and "sound" in body:
        told.append("sound: from 2.6 on")
    if len(str(body.get("prompt", ""))) > 2500:
        told.append("prompt: too long")
    told += [f"{name}: {bad}" for name in ("image", "image_tail") if (bad := _bad_image(body.get(name)))]
    return "; ".join(told)


def _wrong_new(path: str, body: dict[str, Any]) -> str:
    settings, kinds, resolutions = ROUTES[path]
    first = "contents*:list" if kinds else "prompt*"
    told = _told(parameters.table(f"{first} settings:object options:object"), body)
    told += _told(parameters.table(settings.format(resolutions)), body.get("settings") or {}, "settings.")
    told += _told(OPTIONS, body.get("options") or {}, "options.")
    return "; ".join(told + _contents(body.get("contents") or [], kinds))


def _contents(items: list[Any], kinds: tuple[str, ...]) -> list[str]:
    told = []
    given = [item.get("type") for item in items if isinstance(item, dict)]
    for item in items:
        kind = item.get("type") if isinstance(item, dict) else None
        if kind not in kinds:
            told.append(f"contents: {kind!r} does not belong here")
        elif kind == "prompt":
            told += [] if 0 < len(item.get("text", "")) <= 3072 else ["prompt: 1 to 3072 characters"]
        elif kind in ("first_frame", "last_frame", "refer_image") and (bad := _bad_image(item.get("url"))):
            told.append(f"{kind}: {bad}")
    if "last_frame" in given and "first_frame" not in given:
        told.append("last_frame: a first frame is needed")
    if "element" in given and given.count("element") > 3:
        told.append("element: at most 3")
    return told


def _bad_image(value: Any) -> str:
    """An address, or base64 without a `data:` before it."""
    if value is None or (isinstance(value, str) and value.startswith("https://")):
        return ""
    try:
        data = base64.b64decode(str(value), validate=True)
    except binascii.Error:
        return "neither an address nor base64"
    return "" if data[:3] == b"\xff\xd8\xff" or data[:4] == b"\x89PNG" else "no JPEG or PNG"


def making(path: str, body: dict[str, Any]) -> Making:
    """What is made, and what it costs in dollars."""
    settings = body if path in V1 else body.get("settings") or {}
    named = settings.get("resolution") or settings.get("mode") or ("1k" if "images" in path else "720p")
    height = HEIGHTS.get(str(named), 720)
    across, _, down = str(settings.get("aspect_ratio", "16:9")).partition(":")
    width = math.floor(height * int(across) / int(down) / 2) * 2 if down.isdigit() else height
    if path == "v1/images/generations":
        count = settings.get("n", 1) if isinstance(settings.get("n", 1), int) else 1
        return Making(kind="png", width=width, height=height, count=count, units=0.028 * count)
    duration = str(settings.get("duration", 5))
    seconds = int(duration) if duration.isdigit() else 5
    each = _price(path, body, str(named))
    return Making(kind="mp4", width=1280, height=720, seconds=seconds, units=round(each * seconds, 6))


def _price(path: str, body: dict[str, Any], resolution: str) -> float:
    if path in V1:
        loud = body.get("sound") == "on"
        return (0.14 if loud else 0.042) if resolution != "pro" else (0.168 if loud else 0.07)
    settings = body.get("settings") or {}
    sound = "+" if settings.get("audio") == "native" else ""
    return PRICES[path.rpartition("/")[2]].get(f"{resolution}{sound}", 0.42)
