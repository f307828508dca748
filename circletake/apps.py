"""The project package as an app, for its checks of the settings."""

from typing import Any

from django.apps import AppConfig

from circletake import clock


class CircletakeConfig(AppConfig):
    name = "circletake"

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        clock.align()  # before any model takes timezone.now for a default

    def ready(self) -> None:
        from circletake import queue  # noqa: F401  registers the checks
