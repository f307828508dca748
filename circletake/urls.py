"""Root addresses: operators', sign-in's, and each room's own."""

from django.urls import include, path

from circletake import health
from generation.views.sign_in import sign_in

urlpatterns = [
    path("healthz", health.alive, name="healthz"),
    path("", include("generation.readiness")),
    path("accounts/login/", sign_in, name="account_login"),
    path("accounts/", include("allauth.urls")),
    path("", include("projects.urls")),
    path("", include("billing.urls")),
    path("", include("routing.urls")),
    path("", include("generation.urls")),
]
