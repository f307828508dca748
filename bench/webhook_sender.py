"""Sends webhooks at fixed instants, answered or not: `python -m bench.webhook_sender PLAN`.

Each is sent at its time, however many answers are still awaited, on as many connections as that takes. Prints
what each was answered with, as JSON lines: its kind, the status (0 for none), how late it was sent and how
long its answer took, both in seconds.
"""

from __future__ import annotations

import asyncio
import json
import pathlib
import sys
import time

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.webhook_mix import Job, Message, letter

START_SECONDS = 1.0
ANSWER_SECONDS = 60

Answer = tuple[str, int, float, float]


async def send(
    session: aiohttp.ClientSession, base: str, message: Message, key: Ed25519PrivateKey, due: float
) -> Answer:
    body, headers = letter(message, key=key, now=time.time())
    begun = time.monotonic()
    try:
        async with session.post(f"{base}/{message.job.token}/", data=body, headers=headers) as response:
            await response.read()
            status = response.status
    except (aiohttp.ClientError, TimeoutError, OSError):
        status = 0
    return message.kind, status, begun - due, time.monotonic() - begun


async def send_all(base: str, messages: list[Message], key: Ed25519PrivateKey) -> list[Answer]:
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False) as session:
        begun = time.monotonic() + START_SECONDS
        sent = []
        for message in messages:
            due = begun + message.at
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            sent.append(asyncio.create_task(send(session, base, message, key, due)))
        return await asyncio.gather(*sent)


def main() -> None:
    told = json.loads(pathlib.Path(sys.argv[1]).read_text())
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(told["key"]))
    messages = [Message(at, kind, Job(job_id, token)) for at, kind, job_id, token in told["messages"]]
    for answer in asyncio.run(send_all(told["base"], messages, key)):
        print(json.dumps(answer))


if __name__ == "__main__":
    main()
