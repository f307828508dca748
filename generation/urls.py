"""Addresses of this room's pages, under the workspace: one module of addresses a group of pages."""

from django.urls import URLPattern, URLResolver, path, register_converter

from generation.views import media


class RenditionKind:
    """The renditions that pages show."""

    regex = "thumbnail|poster|proxy"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(RenditionKind, "rendition")

app_name = "generation"
urlpatterns: list[URLPattern | URLResolver] = [
    path("w/<slug:workspace>/media/<uuid:asset_id>/", media.asset, name="asset"),
    path(
        "w/<slug:workspace>/media/<uuid:asset_id>/<rendition:kind>/",
        media.rendition,
        name="rendition",
    ),
]
