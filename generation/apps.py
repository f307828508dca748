from django.apps import AppConfig


class GenerationConfig(AppConfig):
    name = "generation"

    def ready(self) -> None:
        from billing import unsettled as asked
        from generation import unsettled

        asked.register(unsettled.calls)
