"""Addresses behind the month's figures, of providers' prices and balances, and of the history import."""

from django.urls import path

from generation.views import balances, fal_prices, history, month

MONTH = "w/<slug:workspace>/month/<str:month>/"
urlpatterns = [
    path(f"{MONTH}deliverables/", month.deliverables, name="month_deliverables"),
    path(f"{MONTH}deliverables/<uuid:deliverable_id>/", month.deliverable, name="month_deliverable"),
    path("w/<slug:workspace>/prices/fal/", fal_prices.propose, name="fal_prices"),
    path("w/<slug:workspace>/credits/balances/ask/", balances.ask, name="ask_balance"),
    path("w/<slug:workspace>/history/", history.history, name="history"),
]
