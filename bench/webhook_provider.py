"""The emulated providers for the webhooks' measurement: `python -m bench.webhook_provider PORT KEY SCRIPT`.

fal's webhooks are signed with the key that is given, so that another process can sign them, and
`/_control/key_sets` tells how often fal's key set was fetched.
"""

from __future__ import annotations

import json
import pathlib
import socket
import sys
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.emulators.app import Emulator
from tests.emulators.server import HOST, server_for
from tests.emulators.wire import Request


class Telling(Emulator):
    def _controls(self, request: Request, name: str) -> Any:
        if name == "key_sets":
            return {"fetched": self.fal.signer.asked}
        return super()._controls(request, name)


def main() -> None:
    port, key, script = sys.argv[1:]
    emulator = Telling(seed=1, defaults={"latency": "1"})
    emulator.fal.signer.keys = [Ed25519PrivateKey.from_private_bytes(bytes.fromhex(key))]
    emulator.script.load(json.loads(pathlib.Path(script).read_text()))
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, int(port)))
    server_for(emulator).run([listener])


if __name__ == "__main__":
    main()
