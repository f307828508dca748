"""Root addresses: operators', sign-in's, and each room's own."""

from django.urls import include, path

from circletake import health

handler500 = "generation.views.broken.broken"

urlpatterns = [
    path("healthz", health.alive, name="healthz"),
    path("", include("generation.readiness")),
    path("", include("generation.metrics")),
    path("accounts/", include("generation.sign_in_urls")),
    path("accounts/", include("allauth.urls")),
    path("", include("projects.urls")),
    path("", include("billing.urls")),
    path("", include("routing.urls")),
    path("", include("generation.urls")),
]
