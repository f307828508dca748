"""Runway's calls and models: parameters (Runway 2.5), prices in credits (2.7), and the size of what is made.

Where the reference calls a shape not captured (wan3, h3_max, grok_imagine_1_5, the frame rate), it stands
here as the official client's types have it.
"""

from __future__ import annotations

import re
from typing import Any

from tests.emulators import parameters

GEN4_RATIOS = (
    "1024:1024|1080:1080|1168:880|1360:768|1440:1080|1080:1440|1808:768|1920:1080|1080:1920|2112:912|1280:720|"
    "720:1280|720:720|960:720|720:960|1680:720"
)
SIX = "1280:720|720:1280|1104:832|960:960|832:1104|1584:672"
OWN = "seed:int:0..4294967295 contentModeration:object"
IMAGE = f"model* promptText* ratio*={GEN4_RATIOS} {OWN}"
GEN45 = f"model* promptText* duration*:int:2..10 outputFormat proresProfile {OWN}"
VEO = (
    "model* promptText ratio*=1280:720|720:1280|1080:1920|1920:1080 duration:int=4|6|8 audio:bool "
    "negativePrompt seed:int"
)
HAILUO = (
    "model* promptText* duration:int:5..15 resolution=768P|2K ratio=adaptive|21:9|16:9|4:3|1:1|3:4|9:16 "
    "referenceAudio:list:0..3"
)
H3 = "model* promptText* duration:int resolution=480p|768p promptExpansionMode seed:int"
SEEDANCE = "model* promptText duration:int:4..15 audio:bool ratio referenceAudio:list:0..3 seed:int"
SEEDANCE_25 = (
    "model* promptText duration:int:4..30 audio:bool draft:bool outputFormat=mp4|mov ratio "
    "referenceAudio:list:0..10 seed:int"
)
HORSE = "model* promptText duration:int:3..15"
OMNI = "model* promptText duration:int:3..10 ratio=1280:720|720:1280"
WAN = "model* promptText* duration:int audio:bool referenceAudio:list referenceVideos:list"
GROK = "model* promptText duration:int resolution=480p|720p|1080p"
REFERENCES = "references:list referenceVideos:list"
FRAMES = "promptImage*:any"
GEMINI = "model* promptText* ratio* referenceImages:list:0..14 outputCount:int=1|4"

CALLS: dict[str, dict[str, str]] = {
    "text_to_image": {
        "gen4_image": f"{IMAGE} referenceImages:list:0..3",
        "gen4_image_turbo": f"{IMAGE} referenceImages*:list:1..3",
        "gemini_image3_pro": GEMINI,
    },
    "image_to_video": {
        "gen4.5": f"{GEN45} {FRAMES} ratio*={SIX}",
        "gen4_turbo": f"model* promptText duration:int:2..10 {OWN} {FRAMES} ratio*={SIX}",
        "veo3.1": f"{VEO} {FRAMES}",
        "veo3.1_fast": f"{VEO} {FRAMES}",
        "hailuo3": f"{HAILUO} {FRAMES}",
        "h3_max": f"{H3} {FRAMES}",
        "seedance2": f"{SEEDANCE} {FRAMES}",
        "seedance2_fast": f"{SEEDANCE} {FRAMES}",
        "seedance2_mini": f"{SEEDANCE} {FRAMES}",
        "seedance2_5": f"{SEEDANCE_25} {FRAMES}",
        "happyhorse_1_0": f"{HORSE} {FRAMES} resolution=720P|1080P",
        "gemini_omni_flash": f"{OMNI} {FRAMES}",
        "wan3": f"{WAN} {FRAMES} ratio=auto_480p|auto_720p|auto_1080p",
        "wan3_prime": f"{WAN} {FRAMES} ratio=auto_480p|auto_720p|auto_1080p",
        "grok_imagine_1_5": f"{GROK} {FRAMES}",
    },
    "text_to_video": {
        "gen4.5": f"{GEN45} ratio*=1280:720|720:1280",
        "veo3.1": VEO,
        "veo3.1_fast": VEO,
        "hailuo3": f"{HAILUO} {REFERENCES}",
        "h3_max": H3,
        "seedance2": f"{SEEDANCE} {REFERENCES}",
        "seedance2_fast": f"{SEEDANCE} {REFERENCES}",
        "seedance2_mini": f"{SEEDANCE} {REFERENCES}",
        "seedance2_5": f"{SEEDANCE_25} {REFERENCES} draftTaskId",
        "happyhorse_1_0": f"{HORSE} ratio",
        "gemini_omni_flash": OMNI,
        "wan3": f"{WAN} ratio references:list",
        "wan3_prime": f"{WAN} ratio references:list",
        "grok_imagine_1_5": f"{GROK} ratio=1:1|16:9|9:16|4:3|3:4|3:2|2:3 references:list referenceAudio:list",
    },
    "video_to_video": {
        "aleph2": f"model* videoUri* promptText keyframes:list:0..5 targetAspectRatio outputFormat {OWN}",
    },
    "character_performance": {
        "act_two": f"model* character*:object reference*:object bodyControl:bool "
        f"expressionIntensity:int:1..5 ratio={SIX} {OWN}",
    },
    "video_upscale": {
        "magnific_video_upscaler_creative": "model* videoUri* resolution=720p|1k|2k|4k creativity:int:0..100 "
        "sharpen:int:0..100 smartGrain:int:0..100 flavor=vivid|natural fpsBoost:bool",
        "enhance_frame_rate": "model* videoUri* targetFramerate*=24|25|30|48|50|60|120|23_98|29_97|59_94",
    },
    "image_upscale": {
        "magnific_precision_upscaler_v2": "model* imageUri* scaleFactor:int=2|4|8|16 sharpen:int:0..100 "
        "smartGrain:int:0..100 ultraDetail:int:0..100 flavor=sublime|photo|photo_denoiser",
    },
}
TABLES = {
    path: {model: parameters.table(text) for model, text in models.items()} for path, models in CALLS.items()
}
LONGEST_PROMPT = {"gen4.5": 1000, "gen4_turbo": 1000, "gen4_image": 1000, "gen4_image_turbo": 1000}
CREDITS_A_SECOND = {  # by model; a mapping goes by the least height at which a rate holds
    "gen4_turbo": {0: 5},
    "act_two": {0: 5},
    "gen4.5": {0: 12},
    "aleph2": {0: 28},
    "veo3.1": {0: 40},
    "veo3.1_fast": {0: 15},
    "seedance2": {0: 36, 1080: 40, 2160: 150},
    "seedance2_fast": {0: 29},
    "seedance2_mini": {0: 16},
    "seedance2_5": {0: 20, 720: 30, 1080: 68},
    "hailuo3": {0: 10, 1440: 15},
    "h3_max": {0: 5, 768: 8},
    "wan3": {0: 5, 720: 10, 1080: 20},
    "wan3_prime": {0: 5, 720: 10, 1080: 20},
    "grok_imagine_1_5": {0: 10, 720: 16, 1080: 29},
    "happyhorse_1_0": {0: 15, 1080: 30},
    "gemini_omni_flash": {0: 11},
    "enhance_frame_rate": {0: 0.5},
    "magnific_video_upscaler_creative": {0: 10},  # the rate is not known
}
CREDITS_A_PICTURE = {
    "gen4_image": {0: 5, 721: 8},
    "gen4_image_turbo": {0: 2},
    "gemini_image3_pro": {0: 20, 2049: 40},
    "magnific_precision_upscaler_v2": {0: 17},  # the rate is not known
}
LEAST_CREDITS = {"aleph2": 56, "act_two": 15, "seedance2_mini": 64, "seedance2_5": 80}
NAMED_HEIGHTS = {"768P": 768, "768p": 768, "2K": 1440, "2k": 1440, "1k": 1080, "4k": 2160}


def is_picture(path: str) -> bool:
    return path in ("text_to_image", "image_upscale")


def size_of(body: dict[str, Any]) -> tuple[int, int]:
    """Pixels of what is made, by the pixel pair or the named resolution."""
    if pair := re.fullmatch(r"([0-9]{3,}):([0-9]{3,})", str(body.get("ratio", ""))):
        return int(pair[1]), int(pair[2])
    named = str(body.get("resolution") or body.get("ratio") or "")
    height = NAMED_HEIGHTS.get(named) or int((re.findall("[0-9]{3,}", named) or ["720"])[0])
    return round(height * 16 / 9 / 2) * 2, height


def credits_of(path: str, body: dict[str, Any]) -> float:
    """What a success costs."""
    model = str(body.get("model", ""))
    rates = (CREDITS_A_PICTURE if is_picture(path) else CREDITS_A_SECOND).get(model, {0: 10})
    rate = rates[max(limit for limit in rates if limit <= min(size_of(body)))]
    times = int(body.get("outputCount", 1)) if is_picture(path) else seconds_of(body)
    return max(rate * times, LEAST_CREDITS.get(model, 0))


def seconds_of(body: dict[str, Any]) -> int:
    duration = body.get("duration", 5)
    return duration if isinstance(duration, int) else 5
