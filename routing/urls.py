"""Addresses of this room's pages."""

from django.urls import URLPattern, URLResolver, path

from routing import views

app_name = "routing"
urlpatterns: list[URLPattern | URLResolver] = [
    path("w/<slug:workspace>/catalogue/", views.catalogue, name="catalogue"),
]
