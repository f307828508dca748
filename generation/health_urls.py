"""Addresses of the page of health."""

from django.urls import URLPattern, URLResolver, path

from generation.views import health

HEALTH = "w/<slug:workspace>/health/"
urlpatterns: list[URLPattern | URLResolver] = [
    path(HEALTH, health.page, name="health"),
    path(f"{HEALTH}calls/", health.calls, name="health_calls"),
    path(f"{HEALTH}charts/<slug:name>/<slug:digest>.svg", health.chart, name="health_chart"),
    path(f"{HEALTH}tables/<slug:table>.csv", health.export, name="health_export"),
]
