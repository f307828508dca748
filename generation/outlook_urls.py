"""Addresses of the outlook: exposure, forecast, stability, and the evidence for routing."""

from django.urls import URLPattern, URLResolver, path

from generation.views import evidence, exposure, forecast, stability

OUTLOOK = "w/<slug:workspace>/outlook/"
urlpatterns: list[URLPattern | URLResolver] = [
    path(f"{OUTLOOK}exposure/", exposure.page, name="exposure"),
    path(f"{OUTLOOK}exposure/charts/<slug:digest>.svg", exposure.chart, name="exposure_chart"),
    path(f"{OUTLOOK}what-if/", exposure.shock, name="shock"),
    path(f"{OUTLOOK}what-if/charts/<slug:digest>.svg", exposure.shock_chart, name="shock_chart"),
    path(f"{OUTLOOK}outages/", exposure.outage, name="outages"),
    path(f"{OUTLOOK}forecast/", forecast.page, name="forecast"),
    path(f"{OUTLOOK}forecast/back-test/", forecast.back_test, name="back_test"),
    path(f"{OUTLOOK}forecast/charts/<slug:digest>.svg", forecast.chart, name="forecast_chart"),
    path(f"{OUTLOOK}stability/", stability.page, name="stability"),
    path(f"{OUTLOOK}stability/charts/<slug:digest>.svg", stability.chart, name="stability_chart"),
    path(f"{OUTLOOK}evidence/", evidence.page, name="evidence"),
    path(f"{OUTLOOK}evidence/charts/<slug:digest>.svg", evidence.chart, name="evidence_chart"),
]
