"""What a chat model is asked: a prompt to be written, or a picture to be judged, with words from data."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from generation.providers import files
from generation.providers.protocol import InputFile, Job


def instructions(payload: Mapping[str, Any], kind: str, words: Mapping[str, Any]) -> str:
    """The system message: the route's own words, else those of the task; a judge gets its criteria."""
    given = payload["body"]
    task = "judge" if kind == "judge" else str(given.get("task", "prompt"))
    tasks: Mapping[str, str] = words["tasks"]
    text = str(given.get("instructions") or tasks.get(task) or tasks["prompt"])
    if kind == "judge":
        listed = [f"- {name}: {about}" for name, about in criteria(payload, words).items()]
        return "\n".join([text, *listed])
    category, avoid = given.get("category"), given.get("avoid")
    more = [
        f"It is made for the category {category}." if category else "",
        f"Avoid {avoid}." if avoid else "",
    ]
    return " ".join([text, *(one for one in more if one)])


def criteria(payload: Mapping[str, Any], words: Mapping[str, Any]) -> dict[str, str]:
    """What a picture is judged by: the route's own criteria, else the usual ones for what is there."""
    own = payload["body"].get("criteria")
    if own:
        return {str(name): str(about) for name, about in own.items()}
    found = dict(words["criteria"])
    if payload["body"].get("prompt"):
        found |= words["with_prompt"]
    if payload["files"].get("references"):
        found |= words["with_references"]
    return found


async def messages(job: Job, words: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The system's words and the user's: text alone, or text with pictures inside it."""
    prompt = str(job.payload["body"].get("prompt", ""))
    system = {"role": "system", "content": instructions(job.payload, job.kind, words)}
    if not job.inputs:
        return [system, {"role": "user", "content": prompt}]
    known = {file.sha256: file for file in job.inputs}
    wanted = job.payload["files"]
    parts: list[dict[str, Any]] = []
    if job.kind == "judge":
        parts.append(_text(f"It was asked for: {prompt}\nThe picture:" if prompt else "The picture:"))
    else:
        parts.append(_text(prompt))
    parts += await _pictures(known, wanted.get("source", ()))
    if wanted.get("references"):
        parts.append(_text("Reference pictures:"))
        parts += await _pictures(known, wanted["references"])
    return [system, {"role": "user", "content": parts}]


def _text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


async def _pictures(known: Mapping[str, InputFile], wanted: Any) -> list[dict[str, Any]]:
    addresses = await asyncio.gather(*(files.data_uri(known[one]) for one in wanted))
    return [{"type": "image_url", "image_url": {"url": address}} for address in addresses]
