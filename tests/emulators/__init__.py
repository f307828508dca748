"""Providers that are not there: one ASGI program that speaks their protocols over real HTTP.

Written from the protocol references alone and never from the adapters, so that a misreading shows.
What goes wrong is scripted (`POST /_control/script`) or asked for in the prompt (`[[fail:429]]`), and
what truly happened to every accepted job can be read at `GET /_control/log`.

    python -m tests.emulators --port 9100            # http://127.0.0.1:9100/fal is fal's queue
    with tests.emulators.server.running() as emulator: emulator.fal_url
"""
