"""Addresses of this room's pages, under the workspace: one module of addresses a group of pages."""

from django.urls import URLPattern, URLResolver, include, path, register_converter

from generation import hooks
from generation.views import approvals, campaigns, desk, desk_actions, home, media, standing_rules


class RenditionKind:
    """The renditions that pages show."""

    regex = "thumbnail|poster|proxy"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(RenditionKind, "rendition")

app_name = "generation"
DELIVERABLE = "w/<slug:workspace>/deliverables/<uuid:deliverable_id>/"
TAKE = "w/<slug:workspace>/takes/<uuid:take_id>/"
CAMPAIGN = "w/<slug:workspace>/projects/<str:project>/<str:campaign>/"
RULES = "w/<slug:workspace>/standing-rules/"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.entrance, name="entrance"),
    path("api/", include("generation.api.urls")),
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
    path("", include("generation.month_urls")),
    path("", include("generation.invoice_urls")),
    path("", include("generation.studio_urls")),
    path("", include("generation.health_urls")),
    path("", include("generation.outlook_urls")),
    path(DELIVERABLE, desk.desk, name="desk"),
    path(f"{DELIVERABLE}quote/", desk.quote, name="quote"),
    path(f"{DELIVERABLE}make/", desk_actions.make, name="make"),
    path(f"{DELIVERABLE}ask-for-more/", desk_actions.ask_for_more, name="ask_for_more"),
    path(f"{DELIVERABLE}upload/", desk_actions.upload, name="upload"),
    path(f"{DELIVERABLE}drop/", desk_actions.write_off, name="write_off"),
    path(f"{DELIVERABLE}reopen/", desk_actions.reopen, name="reopen"),
    path(f"{DELIVERABLE}files/", media.files, name="files"),
    path(f"{TAKE}review/", desk_actions.review, name="review"),
    path(f"{TAKE}hero/", desk_actions.ask_for_hero, name="ask_for_hero"),
    path(f"{TAKE}cancel/", desk_actions.cancel, name="cancel"),
    path(f"{TAKE}next/", desk_actions.run_next, name="run_next"),
    path(f"{TAKE}retry/", desk_actions.retry, name="retry"),
    path(f"{TAKE}star/", desk_actions.star, name="star"),
    path(f"{TAKE}notes/", desk_actions.note, name="note"),
    path(RULES, standing_rules.listed, name="standing_rules"),
    path(f"{RULES}new/", standing_rules.new, name="new_standing_rule"),
    path(f"{RULES}approved.csv", standing_rules.uses, name="standing_rule_uses"),
    path(f"{RULES}<uuid:rule_id>/end/", standing_rules.end, name="end_standing_rule"),
    path("w/<slug:workspace>/approvals/", approvals.approvals, name="approvals"),
    path("w/<slug:workspace>/approvals/bulk/", approvals.bulk, name="approve_bulk"),
    path("w/<slug:workspace>/approvals/undo/", approvals.undo_all, name="undo_heroes"),
    path("w/<slug:workspace>/approvals/<uuid:request_id>/looking/", approvals.looking, name="looking"),
    path(
        "w/<slug:workspace>/approvals/heroes/<uuid:request_id>/",
        approvals.decide_hero,
        name="decide_hero",
    ),
    path(
        "w/<slug:workspace>/approvals/heroes/<uuid:request_id>/undo/",
        approvals.undo_hero,
        name="undo_hero",
    ),
    path(
        "w/<slug:workspace>/approvals/caps/<uuid:request_id>/",
        approvals.decide_cap,
        name="decide_cap",
    ),
    path("w/<slug:workspace>/media/<uuid:asset_id>/", media.asset, name="asset"),
    path(
        "w/<slug:workspace>/media/<uuid:asset_id>/<rendition:kind>/",
        media.rendition,
        name="rendition",
    ),
]
