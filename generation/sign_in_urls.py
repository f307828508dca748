"""The sign-in page, which stands before allauth's other addresses."""

from django.urls import path

from generation.views.sign_in import sign_in

urlpatterns = [path("login/", sign_in, name="account_login")]
