"""Addresses of this room's pages, under the workspace: one module of addresses a group of pages."""

from django.urls import URLPattern, URLResolver, include, path, register_converter

from generation import hooks
from generation.views import campaigns, home, media


class RenditionKind:
    """The renditions that pages show."""

    regex = "thumbnail|poster|proxy"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(RenditionKind, "rendition")

app_name = "generation"
CAMPAIGN = "w/<slug:workspace>/projects/<str:project>/<str:campaign>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.entrance, name="entrance"),
    path("hooks/<slug:provider>/<str:token>/", hooks.webhook, name="webhook"),
    path("w/<slug:workspace>/", home.home, name="home"),
    path("w/<slug:workspace>/projects/", campaigns.projects, name="projects"),
    path("w/<slug:workspace>/projects/new/", campaigns.new_project, name="new_project"),
    path(
        "w/<slug:workspace>/projects/<str:project>/campaigns/new/",
        campaigns.new_campaign,
        name="new_campaign",
    ),
    path(CAMPAIGN, campaigns.board, name="campaign"),
    path(f"{CAMPAIGN}deliverables/new/", campaigns.new_deliverable, name="new_deliverable"),
    path(f"{CAMPAIGN}import/", campaigns.import_brief, name="import_brief"),
    path(f"{CAMPAIGN}identity/", campaigns.identity, name="identity"),
    path(f"{CAMPAIGN}references/", campaigns.add_reference, name="add_reference"),
    path(
        f"{CAMPAIGN}references/<uuid:anchor>/remove/",
        campaigns.remove_reference,
        name="remove_reference",
    ),
    path("", include("generation.routing_urls")),
    path("w/<slug:workspace>/media/<uuid:asset_id>/", media.asset, name="asset"),
    path(
        "w/<slug:workspace>/media/<uuid:asset_id>/<rendition:kind>/",
        media.rendition,
        name="rendition",
    ),
]
