"""Workflows in API format as a workspace may have them: one with a prompt, others that need no weights."""

from __future__ import annotations

from typing import Any

TEXT_TO_IMAGE: dict[str, Any] = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "model": ["4", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
            "seed": 0,
            "steps": 20,
            "cfg": 7.0,
            "sampler_name": "euler",
            "scheduler": "normal",
            "denoise": 1.0,
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sketch.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 512, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["4", 1]}},
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "ComfyUI"}},
}
TEXT_MAPPING: dict[str, Any] = {
    "prompt": ["6", "text"],
    "negative_prompt": ["7", "text"],
    "seed": ["3", "seed"],
    "width": ["5", "width"],
    "height": ["5", "height"],
    "guidance": {"to": ["3", "cfg"], "least": 1, "most": 20},
    "steps": ["3", "steps"],
    "sampler": ["3", "sampler_name"],
}
STILL: dict[str, Any] = {
    "1": {
        "class_type": "EmptyImage",
        "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 4886745},
    },
    "2": {"class_type": "ImageAddNoise", "inputs": {"image": ["1", 0], "seed": 42, "strength": 0.4}},
    "3": {
        "class_type": "ImageScale",
        "inputs": {
            "image": ["2", 0],
            "upscale_method": "lanczos",
            "width": 256,
            "height": 144,
            "crop": "disabled",
        },
    },
    "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "take"}},
}
STILL_MAPPING = {
    "seed": ["2", "seed"],
    "width": ["3", "width"],
    "height": ["3", "height"],
    "strength": {"to": ["2", "strength"], "type": "number", "least": 0, "most": 1},
    "method": {"to": ["3", "upscale_method"], "type": "string"},
}
EDIT = {**STILL, "1": {"class_type": "LoadImage", "inputs": {"image": "none.png"}}}
EDIT_MAPPING = {**STILL_MAPPING, "source": {"to": ["1", "image"], "required": True}}
CLIP: dict[str, Any] = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 12, "color": 255}},
    "2": {"class_type": "ImageAddNoise", "inputs": {"image": ["1", 0], "seed": 7, "strength": 0.5}},
    "3": {"class_type": "CreateVideo", "inputs": {"images": ["2", 0], "fps": 12.0}},
    "4": {
        "class_type": "SaveVideo",
        "inputs": {"video": ["3", 0], "filename_prefix": "clip", "format": "mp4", "codec": "h264"},
    },
}
CLIP_MAPPING = {
    "seed": ["2", "seed"],
    "width": ["1", "width"],
    "height": ["1", "height"],
    "frames": ["1", "batch_size"],
}


def slow(scales: int = 13) -> dict[str, Any]:
    """A graph that works for some seconds: large pictures, scaled again and again."""
    graph: dict[str, Any] = {
        "1": {"class_type": "EmptyImage", "inputs": {**STILL["1"]["inputs"], "width": 3000, "height": 3000}},
        "2": {"class_type": "ImageAddNoise", "inputs": {"image": ["1", 0], "seed": 42, "strength": 0.4}},
    }
    for number in range(scales):
        side = 2990 if number % 2 == 0 else 3000
        inputs = {**STILL["3"]["inputs"], "image": [str(2 + number), 0], "width": side, "height": side}
        graph[str(3 + number)] = {"class_type": "ImageScale", "inputs": inputs}
    saver = {"images": [str(2 + scales), 0], "filename_prefix": "slow"}
    return {**graph, str(3 + scales): {"class_type": "SaveImage", "inputs": saver}}
