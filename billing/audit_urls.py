"""Addresses of the pages about a month beside its own, of comparisons, and of charts by their numbers."""

from django.urls import URLPattern, URLResolver, path

from billing.views import bridge, charts, compare, exceptions, month_campaigns, pace, prior_period, saved

MONTH = "w/<slug:workspace>/month/<str:month>/"
urlpatterns: list[URLPattern | URLResolver] = [
    path(f"{MONTH}bridge/", bridge.page, name="month_bridge"),
    path(f"{MONTH}bridge/<slug:term>/", bridge.term, name="month_bridge_term"),
    path(f"{MONTH}earlier-months/", prior_period.page, name="month_prior"),
    path(f"{MONTH}exceptions/", exceptions.page, name="month_exceptions"),
    path(f"{MONTH}lead-time/", pace.page, name="month_pace"),
    path(f"{MONTH}roll-forward/", month_campaigns.page, name="month_campaigns"),
    path(f"{MONTH}variance/", compare.month_variance, name="month_variance"),
    path("w/<slug:workspace>/charts/<slug:name>.svg", charts.chart, name="chart"),
    path("w/<slug:workspace>/compare/", compare.compare, name="compare"),
    path("w/<slug:workspace>/views/", saved.listed, name="saved_views"),
    path("w/<slug:workspace>/views/save/", saved.save, name="save_view"),
    path("w/<slug:workspace>/views/<uuid:view_id>/<slug:action>/", saved.change, name="change_view"),
]
