"""Addresses of the routing table's pages."""

from django.urls import URLPattern, URLResolver, path

from generation.views import leaving, routing

urlpatterns: list[URLPattern | URLResolver] = [
    path("w/<slug:workspace>/catalogue/leaving/", leaving.leaving, name="leaving"),
    path("w/<slug:workspace>/catalogue/leaving/set/", leaving.set_end, name="set_model_end"),
    path(
        "w/<slug:workspace>/catalogue/leaving/<uuid:ending_id>/undo/",
        leaving.undo_end,
        name="undo_model_end",
    ),
    path("w/<slug:workspace>/routing/", routing.in_force, name="routing"),
    path("w/<slug:workspace>/routing/dry-run/", routing.try_brief, name="routing_dry_run"),
    path("w/<slug:workspace>/routing/propose/", routing.propose, name="routing_propose"),
    path("w/<slug:workspace>/routing/<int:number>/", routing.version, name="routing_version"),
    path(
        "w/<slug:workspace>/routing/<int:number>/publish/",
        routing.publish,
        name="routing_publish",
    ),
    path(
        "w/<slug:workspace>/routing/<int:number>/withdraw/",
        routing.withdraw,
        name="routing_withdraw",
    ),
]
