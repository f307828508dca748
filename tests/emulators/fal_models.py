"""fal's models as the reference states them (fal 1.11 parameters, 1.12 units), and its input checks.

How the tables are written: `tests.emulators.parameters`. A name that the reference does not list is
accepted, as fal does, and noted as unknown in the log.
"""

from __future__ import annotations

import math
from typing import Any

from tests.emulators import parameters

PRESETS = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
}

FLUX = (
    "prompt* image_size:size num_inference_steps:int guidance_scale:float num_images:int:1..4 seed:int "
    "enable_safety_checker:bool output_format=jpeg|png acceleration=none|regular|high sync_mode:bool"
)
FLUX_PRO = (
    "prompt* image_size:size num_images:int seed:int safety_tolerance=1|2|3|4|5|6 enhance_prompt:bool "
    "output_format=jpeg|png sync_mode:bool"
)
FLUX_2 = (
    "prompt* guidance_scale:float num_inference_steps:int image_size:size num_images:int seed:int "
    "acceleration enable_prompt_expansion:bool enable_safety_checker:bool "
    "output_format=png|jpeg|webp sync_mode:bool"
)
FLUX_2_PRO = (
    "prompt* image_size:size seed:int safety_tolerance=1|2|3|4|5 enable_safety_checker:bool output_format"
)
RATIOS = "aspect_ratio=16:9|9:16|1:1"
KLING_25 = "prompt* duration=5|10 negative_prompt cfg_scale:float:0..1"
KLING_3 = (
    "prompt multi_prompt:list duration=3|4|5|6|7|8|9|10|11|12|13|14|15 generate_audio:bool "
    "shot_type=customize|intelligent negative_prompt cfg_scale:float"
)
MOTION = "image_url* video_url* character_orientation*=image|video keep_original_sound:bool prompt"
VEO = (
    "duration=4s|6s|8s resolution=720p|1080p|4k generate_audio:bool negative_prompt "
    "seed:int auto_fix:bool safety_tolerance=1|2|3|4|5|6"
)
WIDE_TALL = "aspect_ratio=16:9|9:16"
NANO = (
    "prompt* aspect_ratio num_images:int:1..4 output_format seed:int safety_tolerance "
    "limit_generations:bool sync_mode:bool"
)
NANO_PRO = NANO + " resolution=1K|2K|4K enable_web_search:bool system_prompt"
NANO_2 = NANO + " resolution=0.5K|1K|2K|4K enable_web_search:bool system_prompt thinking_level=minimal|high"
GPT = "prompt* image_size:size num_images:int quality=auto|low|medium|high output_format sync_mode:bool"

MODELS: dict[str, tuple[str, str]] = {  # endpoint → (output and unit, parameters)
    "fal-ai/flux/schnell": ("image MP nsfw", FLUX),
    "fal-ai/flux/dev": ("image MP nsfw", FLUX),
    "fal-ai/flux/dev/image-to-image": (
        "image MP nsfw",
        FLUX.replace("image_size:size ", "") + " image_url* strength:float",
    ),
    "fal-ai/flux-pro/v1.1": ("image MP nsfw", FLUX_PRO),
    "fal-ai/flux-pro/v1.1-ultra": (
        "image each nsfw",
        "prompt* aspect_ratio raw:bool image_url image_prompt_strength:float num_images:int seed:int "
        "safety_tolerance output_format",
    ),
    "fal-ai/flux-pro/kontext": (
        "image each nsfw",
        "prompt* image_url* aspect_ratio guidance_scale:float num_images:int seed:int "
        "safety_tolerance output_format enhance_prompt:bool sync_mode:bool",
    ),
    "fal-ai/flux-2": ("image MP nsfw", FLUX_2),
    "fal-ai/flux-2/edit": ("image MP nsfw", FLUX_2 + " image_urls*:list:1..4"),
    "fal-ai/flux-2-pro": ("image MP nsfw", FLUX_2_PRO),
    "fal-ai/flux-2-pro/edit": ("image MP nsfw", FLUX_2_PRO + " image_urls*:list"),
    "fal-ai/flux-2-max": ("image MP nsfw", FLUX_2_PRO),
    "fal-ai/flux-2-max/edit": ("image MP nsfw", FLUX_2_PRO + " image_urls*:list"),
    "fal-ai/flux-2-flex": (
        "image MP nsfw",
        FLUX_2_PRO + " guidance_scale:float num_inference_steps:int",
    ),
    "fal-ai/flux-2-flex/edit": (
        "image MP nsfw",
        FLUX_2_PRO + " guidance_scale:float num_inference_steps:int image_urls*:list",
    ),
    "fal-ai/kling-video/v2.5-turbo/pro/text-to-video": ("video second", f"{KLING_25} {RATIOS}"),
    "fal-ai/kling-video/v2.5-turbo/pro/image-to-video": (
        "video second",
        KLING_25 + " image_url* tail_image_url",
    ),
    "fal-ai/kling-video/v2.6/pro/image-to-video": (
        "video second",
        "prompt* start_image_url* end_image_url duration=5|10 generate_audio:bool negative_prompt "
        "voice_ids:list",
    ),
    "fal-ai/kling-video/v3/turbo/pro/text-to-video": (
        "video second",
        "prompt multi_prompt:list duration=3|4|5|6|7|8|9|10|11|12|13|14|15 aspect_ratio",
    ),
    **{
        f"fal-ai/kling-video/v3/{grade}/text-to-video": ("video second", f"{KLING_3} aspect_ratio")
        for grade in ("pro", "standard", "4k")
    },
    **{
        f"fal-ai/kling-video/v3/{grade}/image-to-video": (
            "video second",
            KLING_3 + " start_image_url* end_image_url elements:list",
        )
        for grade in ("pro", "standard", "4k")
    },
    **{
        f"fal-ai/kling-video/{version}/{grade}/motion-control": (
            "video second",
            MOTION + (" elements:list" if version == "v3" else ""),
        )
        for version in ("v2.6", "v3")
        for grade in ("pro", "standard")
    },
    "fal-ai/veo3.1": ("video second", f"prompt* {WIDE_TALL} {VEO}"),
    "fal-ai/veo3.1/fast": ("video second", f"prompt* {WIDE_TALL} {VEO}"),
    "fal-ai/veo3.1/lite": ("video second", f"prompt* {WIDE_TALL} {VEO}"),
    "fal-ai/veo3.1/image-to-video": (
        "video second",
        f"prompt* image_url* aspect_ratio=auto|16:9|9:16 {VEO}",
    ),
    "fal-ai/veo3.1/first-last-frame-to-video": (
        "video second",
        f"prompt first_frame_url* last_frame_url* aspect_ratio=auto|16:9|9:16 {VEO}",
    ),
    "fal-ai/veo3.1/reference-to-video": (
        "video second",
        "prompt* image_urls*:list duration=4s|6s|8s resolution=720p|1080p|4k generate_audio:bool",
    ),
    "fal-ai/nano-banana": ("image each", NANO),
    "fal-ai/nano-banana/edit": ("image each", NANO + " image_urls*:list"),
    "fal-ai/nano-banana-pro": ("image each", NANO_PRO),
    "fal-ai/nano-banana-pro/edit": ("image each", NANO_PRO + " image_urls*:list"),
    "fal-ai/nano-banana-2": ("image each", NANO_2),
    "fal-ai/nano-banana-2/edit": ("image each", NANO_2 + " image_urls*:list"),
    "openai/gpt-image-2": ("image each", GPT),
    "openai/gpt-image-2/edit": ("image each", GPT + " image_urls*:list mask_url"),
    "fal-ai/clarity-upscaler": (
        "upscaled MP",
        "image_url* prompt upscale_factor:float creativity:float resemblance:float "
        "guidance_scale:float num_inference_steps:int negative_prompt seed:int "
        "enable_safety_checker:bool",
    ),
    "fal-ai/topaz/upscale/image": (
        "upscaled each",
        "image_url* model upscale_factor:float subject_detection=All|Foreground|Background "
        "face_enhancement:bool face_enhancement_strength:float face_enhancement_creativity:float "
        "sharpen:float denoise:float fix_compression:float strength:float detail:float "
        "creativity texture autoprompt:bool prompt crop_to_fill:bool output_format",
    ),
    "fal-ai/topaz/upscale/video": (
        "video second",
        "video_url* model upscale_factor:float target_fps:int compression:float noise:float "
        "halo:float grain:float recover_detail:float H264_output:bool",
    ),
    "fal-ai/esrgan": (
        "upscaled second",
        "image_url* scale:float:1..8 model face:bool tile:int output_format",
    ),
}
VIDEO_WORDS = ("video", "veo", "kling", "seedance", "hailuo", "ray", "happy-horse", "wan", "ltx")


PARAMETERS = {endpoint: parameters.table(text) for endpoint, (_, text) in MODELS.items()}


def output_of(endpoint: str) -> str:
    """`image`, `upscaled` or `video`, with the unit; models that are not listed go by their name."""
    if endpoint in MODELS:
        return MODELS[endpoint][0]
    return "video second" if any(word in endpoint for word in VIDEO_WORDS) else "image each"


def _wrong(name: str, kind: str, message: str, value: Any) -> dict[str, Any]:
    return {"loc": ["body", name], "msg": message, "type": kind, "input": value}


def _size_fault(name: str, value: Any) -> dict[str, Any] | None:
    if isinstance(value, str) and value not in PRESETS and value != "auto":
        return _wrong(name, "one_of", "Input should be a preset or width and height", value)
    if isinstance(value, dict) and not all(isinstance(value.get(k), int) for k in ("width", "height")):
        return _wrong(name, "int_type", "width and height should be integers", value)
    return None


def check(endpoint: str, body: Any) -> tuple[list[dict[str, Any]], list[str]]:
    """What fal refuses in this body (error shape A), and the names that the reference does not list."""
    if not isinstance(body, dict):
        return [_wrong("", "dict_type", "Input should be a valid dictionary", body)], []
    known = PARAMETERS.get(endpoint)
    if known is None:
        return [], []
    faults = [
        _wrong(fault.name, fault.kind, fault.words, body if fault.kind == "missing" else body[fault.name])
        for fault in parameters.faults(known, body)
    ]
    sizes = [name for name, one in known.items() if one.kind == "size" and body.get(name) is not None]
    faults += [fault for name in sizes if (fault := _size_fault(name, body[name]))]
    return faults, sorted(set(body) - set(known))


def size_of(body: dict[str, Any]) -> tuple[int, int]:
    """Pixels of the output: from image_size, else from the aspect ratio at about one megapixel."""
    size = body.get("image_size", "landscape_4_3" if "aspect_ratio" not in body else None)
    if isinstance(size, dict):
        return int(size["width"]), int(size["height"])
    if size in PRESETS:
        return PRESETS[str(size)]
    across, _, down = str(body.get("aspect_ratio", "1:1")).partition(":")
    if not (across.isdigit() and down.isdigit()):
        return 1024, 1024
    ratio = int(across) / int(down)
    return round(1024 * math.sqrt(ratio) / 16) * 16, round(1024 / math.sqrt(ratio) / 16) * 16


def seconds_of(endpoint: str, body: dict[str, Any]) -> int:
    default = "8s" if "veo" in endpoint else "5"  # Veo's is stated, the others are assumed
    return int(str(body.get("duration") or default).rstrip("s"))


def units_of(endpoint: str, body: dict[str, Any]) -> float:
    """Billable units of a success: megapixels rounded up, pictures, or seconds."""
    words = output_of(endpoint).split()
    count = int(body.get("num_images", 1))
    if "second" in words:
        return float(seconds_of(endpoint, body))
    if "MP" in words:
        width, height = size_of(body)
        factor = float(body.get("upscale_factor", 2)) if words[0] == "upscaled" else 1.0
        return float(count * math.ceil(width * height * factor * factor / 1_000_000))
    return float(count)
