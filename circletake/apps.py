"""The project package as an app, for its checks of the settings."""

from django.apps import AppConfig


class CircletakeConfig(AppConfig):
    name = "circletake"

    def ready(self) -> None:
        from circletake import clock, queue  # noqa: F401  the queue registers its checks

        clock.align()
